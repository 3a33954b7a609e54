/** The picture of `dispatch watch`, from fixed facts. */
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import picocolors from "picocolors";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { beginAnswering, Drafts } from "../../src/cli/screen/answering.ts";
import { watchKeys } from "../../src/cli/screen/keys-page.ts";
import { moreLine, partOf } from "../../src/cli/screen/list-part.ts";
import { readPage } from "../../src/cli/screen/page.ts";
import { clipPainted, foreign, wrap } from "../../src/cli/screen/text.ts";
import { tasksShown, type WatchModel, watchFrame } from "../../src/cli/screen/watch-frame.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import { SKIPPED, STATES } from "../../src/task/states.ts";
import { totalsOf, totalsTexts } from "../../src/task/totals.ts";
import type { TaskView } from "../../src/task/view.ts";

const NOW = new Date(2026, 10, 24, 12, 0, 0).getTime();
const NO_COLORS = picocolors.createColors(false);

test("a secret in foreign text is named on the screen, also where a line would cut it", () => {
	rememberSecret("PLANTED_KEY", "planted-on-the-screen");
	expect(foreign("has planted-on-the-screen", 24)).toBe("has [PLANTED_KEY]");
	expect(wrap("has planted-on-the-screen", 14).join("\n")).not.toContain("planted");
	const hidden = "has planted-\x1b[1mon-the-screen";
	expect(foreign(hidden, 80)).toBe("has [PLANTED_KEY]");
	expect(wrap(hidden, 80)).toEqual(["has [PLANTED_KEY]"]);
});

function task(id: string, changes: Partial<TaskView>): TaskView {
	const at = new Date(NOW - 90_000).toISOString();
	return {
		schema: 1,
		namespace: "default",
		id,
		state: "running",
		reason: null,
		hold: null,
		model: "opus",
		backend: "claude",
		host: "h",
		pool: null,
		cwd: "/p",
		prompt: "x",
		tags: {},
		createdAt: at,
		startedAt: at,
		endedAt: null,
		attempt: 1,
		epoch: 1,
		sessionId: null,
		after: [],
		waitsFor: [],
		createdBy: "me@here",
		reportPath: null,
		branch: null,
		batch: null,
		changes: null,
		plan: { title: null, done: 0, total: 0, items: [] },
		questions: [],
		usage: null,
		activity: null,
		trouble: null,
		outcome: null,
		...changes,
	};
}

const question = (text: string) => ({
	seq: "001",
	text,
	askedAt: new Date(NOW).toISOString(),
	answer: null,
	answeredAt: null,
	answeredBy: null,
	deliveredAt: null,
	open: true,
	earlierSession: false,
});
const plan = (done: number, total: number) => ({ title: null, done, total, items: [] });
const usage = { inputTokens: 1, outputTokens: 1, costUsd: 1.234, estimated: true };
const ended = { endedAt: new Date(NOW - 30_000).toISOString() };
const failed = {
	kind: "failed" as const,
	message: "The agent gave up.",
	exitCode: 1,
	signal: null,
	logTail: [],
	warnings: [],
};

const MODEL: WatchModel = {
	damaged: [],
	tasks: [
		task("update-dependencies", { plan: plan(3, 8), activity: "Bash: npm test", usage }),
		task("翻訳-ひらがな-カタカナ-漢字-の-とても-長い-名前", { activity: "読む\u001b[31m赤\u0007" }),
		task("review-login-code", {
			state: "asking",
			plan: plan(2, 6),
			questions: [
				question("There is auth.ts and legacy-auth.ts.\nWhich shall I review?\n1. auth.ts\n2. both"),
			],
		}),
		task("nightly", { state: "queued", startedAt: null, hold: { kind: "rate_limited", until: null } }),
		task("migrate-database", {
			state: "failed",
			reason: "item_error",
			outcome: failed,
			...ended,
			plan: plan(1, 4),
		}),
		task("write-docs", {
			state: "completed",
			...ended,
			plan: plan(4, 4),
			outcome: { ...failed, kind: "completed", message: "All 4 items are done." },
		}),
	],
	selected: "review-login-code",
	filter: "",
	sort: "need",
	mode: { kind: "list" },
	message: null,
	isSettling: false,
	awaySince: null,
	now: NOW,
};

const SIZES = [
	[80, 24],
	[160, 50],
	[200, 60],
	[40, 10],
] as const;

describe.each(SIZES)("at %d × %d", (columns, rows) => {
	const asking = MODEL.tasks[2] as TaskView;
	const answering = beginAnswering(asking, asking.questions[0] as TaskView["questions"][0], new Drafts());
	answering.editor.set("both, the older one first");
	const lines = Array.from({ length: 99 }, (_, n) => `line ${n}`);
	const logs = { ...readPage("logs of nightly", lines.join("\n"), ""), from: { line: 5, at: 0 } };
	const back = { kind: "list" as const };
	const SCENES: [string, Partial<WatchModel>][] = [
		["list", {}],
		["filtered", { filter: "a", sort: "name" }],
		["answer", { mode: { kind: "answer", answering } }],
		["cancel", { mode: { kind: "confirm", act: "cancel", shown: task("nightly", { state: "queued" }) } }],
		["logs", { mode: { kind: "page", page: logs, logsOf: "nightly", back } }],
		["keys", { mode: { kind: "page", page: watchKeys("list"), logsOf: null, back } }],
		["away", { awaySince: NOW - 5_000, message: "Answer sent to x." }],
		["empty", { tasks: [], selected: null }],
	];

	test.each(SCENES)("%s", async (name, changes) => {
		const { lines } = watchFrame({ ...MODEL, ...changes }, { columns, rows }, NO_COLORS);
		expect(lines).toHaveLength(rows);
		for (const line of lines) {
			expect(stringWidth(line), line).toBeLessThanOrEqual(columns);
			expect(stripVTControlCharacters(line)).toBe(line);
			expect(line).not.toMatch(/[\u0000-\u001f]/);
		}
		const picture = lines.map((line) => line.trimEnd()).join("\n");
		await expect(`${picture}\n`).toMatchFileSnapshot(`screens/watch-${name}-${columns}x${rows}.txt`);
	});
});

test.each([
	[80, 24, " 703 older ones are not in this list: dispatch ls --all"],
	[40, 10, " 703 older: dispatch ls --all"],
])("at %d × %d the top counts what no list has room for, and the list says so", (columns, rows, led) => {
	const tasks = [task("a", {}), task("b", { state: "queued" })];
	const unread = { queued: 700, completed: 3 };
	for (const filter of ["", "a", "none has it"]) {
		const { lines } = watchFrame({ ...MODEL, tasks, unread, filter }, { columns, rows }, NO_COLORS);
		expect(lines[0]).toMatch(/1 running.* 701 queued/);
		expect(lines).toContain(led);
	}
});

test("at the top each state is counted under its own name, as everywhere: parked, waiting and skipped, too", () => {
	const skipped = { state: "cancelled", reason: SKIPPED, ...ended } as const;
	const tasks = [
		...STATES.map((state) => task(state, { state })),
		task("skipped", skipped),
		task("skipped-2", skipped),
	];
	const totals = totalsTexts(totalsOf(tasks.map(({ state }) => state)), 2);
	const top = (changes: Partial<WatchModel>) =>
		watchFrame({ ...MODEL, tasks, ...changes }, { columns: 160, rows: 24 }, NO_COLORS).lines[0] ?? "";
	const counted = (line: string) => line.split(/ {2,}/)[1]?.split(" · ").sort();
	expect(counted(top({ unread: {} }))).toEqual(totals.sort());
	expect(top({ unread: { cancelled: 5 }, unreadSkipped: 3 })).toContain(" · 5 skipped · 3 cancelled · ");
});

test("one that waits for others says for whom", () => {
	const tasks = [task("b", { state: "waiting", waitsFor: ["a", "c"] })];
	const { lines } = watchFrame({ ...MODEL, tasks, unread: {} }, { columns: 120, rows: 24 }, NO_COLORS);
	expect(lines.join("\n")).toContain("after a and 1 more");
});

test("of more tasks than rows those around the selected one are shown", () => {
	const tasks = Array.from({ length: 300 }, (_, n) => task(`task-${n}`, {}));
	const { lines } = watchFrame(
		{ ...MODEL, tasks, selected: "task-200" },
		{ columns: 80, rows: 24 },
		NO_COLORS,
	);
	expect(lines.filter((line) => line.startsWith("›task-200 "))).toHaveLength(1);
	expect(lines.filter((line) => /task-\d+/.test(line))).toHaveLength(19);
	expect(lines.at(-2)).toBe("   191 more above, 90 more below");
});

test("a list that is cut says how many are out of sight, at both ends; a whole one says nothing", () => {
	const tasks = Array.from({ length: 30 }, (_, n) => task(`task-${String(n).padStart(2, "0")}`, {}));
	const picture = (selected: string, rows: number) =>
		watchFrame({ ...MODEL, sort: "name", tasks, selected }, { columns: 40, rows }, NO_COLORS).lines.join(
			"\n",
		);
	expect(picture("task-00", 24)).toMatch(/task-18 .*\n {3}11 more below\n/);
	expect(picture("task-29", 24)).toMatch(/task-29 .*\n {3}11 more above\n/);
	expect(picture("task-00", 60)).not.toMatch(/more (?:above|below)/);
});

test.each([20, 24, 28, 30, 34, 35, 36, 40, 59, 60, 80, 100])(
	"at %d columns no line is wider than the screen, and every task has its name",
	(columns) => {
		for (const filter of ["", "e"]) {
			const { lines } = watchFrame({ ...MODEL, filter }, { columns, rows: 24 }, NO_COLORS);
			for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(columns);
			expect(lines.join("\n")).toContain("›review-login");
		}
	},
);

const ids = fc.integer({ min: 1, max: 64 }).map((length) => "n".repeat(length));
const whose = fc.constantFrom("ann@mini1", "bob@mini2", `${"long-name-".repeat(4)}@${"far-".repeat(9)}`);

test("no line is wider than the screen, whatever the names, owners, hosts and costs", () => {
	const someTask = fc.record({
		id: ids,
		createdBy: whose,
		host: fc.constantFrom("mini1", "mini2", "host-".repeat(8)),
		usage: fc.constantFrom(null, usage, { ...usage, costUsd: 123_456.7 }),
		plan: fc.constantFrom(plan(0, 0), plan(2, 6), plan(120, 345)),
	});
	const columns = fc.oneof(fc.integer({ min: 20, max: 160 }), fc.constantFrom(70, 74, 100, 111));
	fc.assert(
		fc.property(fc.array(someTask, { minLength: 1, maxLength: 4 }), columns, (some, columns) => {
			const tasks = some.map(({ id, ...facts }) => task(id, { ...facts, activity: "Bash: npm test" }));
			const { lines } = watchFrame({ ...MODEL, tasks }, { columns, rows: 24 }, NO_COLORS);
			expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(columns);
		}),
	);
});

test.each([
	[70, / ann@min… mini1 +$/m, /OWNER +HOST/],
	[100, / ann@ver… mini1 +Bash: npm/m, /OWNER +HOST +NOW/],
	[160, / ann@very-far-away mini1 +Bash: npm test/m, /OWNER +HOST +NOW/],
])("at %d columns whose a task is keeps its place beside a long name and a cost", (columns, row, heads) => {
	const named = (id: string, changes: Partial<TaskView>) =>
		task(`${id}-of-25-characters-or-so`, { activity: "Bash: npm test", ...changes });
	const away = columns === 70 ? "mini1" : "very-far-away";
	const tasks = [
		named("name", { createdBy: `ann@${away}`, host: "mini1", usage }),
		named("other", { createdBy: "bob@mini2", host: "mini2" }),
	];
	const { lines } = watchFrame({ ...MODEL, tasks, selected: null }, { columns, rows: 24 }, NO_COLORS);
	expect(lines.join("\n")).toMatch(row);
	expect(lines.join("\n")).toMatch(heads);
});

test("a line with colours that is too wide is cut as one without them", () => {
	const { red, bold } = picocolors.createColors(true);
	expect(clipPainted(`a${red("bcd")}${bold("efg")}`, 5)).toBe(`a${red("bcd")}${bold("…")}`);
	expect(clipPainted(`a${red("bcd")}${bold("efg")}`, 7)).toBe(`a${red("bcd")}${bold("efg")}`);
	expect(stringWidth(clipPainted(red("漢".repeat(30)), 20))).toBe(19);
});

test("what is damaged stands below the others, on one line each, without control characters", () => {
	const damaged = Array.from({ length: 5 }, (_, n) => ({
		id: `bad\u001b]0;x\u0007${n}`,
		damage: "spec is not JSON",
	}));
	for (const tasks of [MODEL.tasks, []]) {
		const { lines } = watchFrame({ ...MODEL, tasks, damaged }, { columns: 80, rows: 24 }, NO_COLORS);
		expect(lines).toHaveLength(24);
		expect(lines.filter((line) => line.includes("damaged: spec is not JSON"))).toHaveLength(3);
		expect(lines.join("\n")).toContain("2 more damaged: dispatch ls --all");
		expect(lines.join("")).not.toMatch(/[\u0000-\u001f]/);
		expect(lines.join("\n").includes("update-dependencies")).toBe(tasks.length > 0);
	}
});

test.each([40, 80])(
	"at %d columns wide names of what is damaged, and of what asks, leave the line its width",
	(columns) => {
		const damaged = [{ id: "漢".repeat(30), damage: "spec is not JSON ".repeat(9) }];
		const asking = { state: "asking" as const, questions: [question("Which of them? ".repeat(20))] };
		const tasks = [task("翻訳-ひらがな-カタカナ-漢字-の-とても-長い-名前", asking), task("翻訳", asking)];
		const { lines } = watchFrame({ ...MODEL, tasks, damaged }, { columns, rows: 24 }, NO_COLORS);
		expect(lines.filter((line) => line.includes("漢漢"))).toHaveLength(1);
		for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(columns);
	},
);

test.each([24, 40, 60])("at %d columns what is said is cut within no word", (columns) => {
	const size = { columns, rows: 24 };
	const text = (changes: Partial<WatchModel>) =>
		watchFrame({ ...MODEL, ...changes }, size, NO_COLORS).lines.join(" ");
	expect(text({ tasks: [] }).replace(/\s+/g, " ")).toContain(
		'No tasks yet. Submit one: dispatch enqueue "Review the login code"',
	);
	const mode = { kind: "confirm" as const, act: "cancel" as const, shown: task("review-login-code", {}) };
	expect(text({ mode }).replace(/\s+/g, " ")).toContain("Cancel review-login-code? Its agent is stopped.");
	expect(text({ awaySince: NOW }).split("  ")[0]).toMatch(
		/^ Redis is away(?: since 12:00:00(?:: agents run on)?)?$/,
	);
});

test("the filter goes over name, state, model, host, tags and prompt; every word must be there", () => {
	const tasks = [
		task("one", { tags: { team: "web" }, prompt: "Paint the Shed" }),
		task("two", { state: "queued", host: "mini" }),
		task("three", { model: "haiku", prompt: "shed" }),
		task("four", { model: null, backend: "codex" }),
	];
	const found = (filter: string) => tasksShown({ ...MODEL, tasks, filter }).map(({ id }) => id);
	expect(found("SHED").sort()).toEqual(["one", "three"]);
	expect(found("shed team=web")).toEqual(["one"]);
	expect(found(" queued mini ")).toEqual(["two"]);
	expect(found("haiku")).toEqual(["three"]);
	expect(found("codex")).toEqual(["four"]);
	expect(found("nothing of it")).toEqual([]);
	const { lines } = watchFrame({ ...MODEL, tasks, filter: "nil" }, { columns: 80, rows: 24 }, NO_COLORS);
	expect(lines.join("\n")).toContain("No task has this. Esc shows all.");
});

test("the orders: what needs a person first, newest first, by name", () => {
	const at = (n: number) => ({ createdAt: new Date(NOW - n * 1_000).toISOString() });
	const tasks = [task("b", at(1)), task("c", { state: "asking", ...at(3) }), task("a", at(2))];
	const order = (sort: WatchModel["sort"]) => tasksShown({ ...MODEL, tasks, sort }).map(({ id }) => id);
	expect(order("need")).toEqual(["c", "b", "a"]);
	expect(order("newest")).toEqual(["b", "a", "c"]);
	expect(order("name")).toEqual(["a", "b", "c"]);
});

test("by need: a parked task as one that asks; in each state the newest first; what ended, by its end", () => {
	const at = (n: number) => new Date(NOW - n * 1_000).toISOString();
	const of = (id: string, state: TaskView["state"], created: number, ended: number | null = null) =>
		task(id, { state, createdAt: at(created), endedAt: ended === null ? null : at(ended) });
	const tasks = [
		of("early-end", "completed", 5, 4),
		of("old-run", "running", 8),
		of("old-queued", "queued", 9),
		of("new-waiting", "waiting", 1),
		of("parked", "parked", 7),
		of("late-end", "cancelled", 9, 2),
		of("new-run", "running", 3),
		of("asks", "asking", 6),
		of("middle-end", "failed", 6, 3),
	];
	const ends = ["late-end", "middle-end", "early-end"];
	expect(tasksShown({ ...MODEL, tasks }).map(({ id }) => id)).toEqual([
		...["asks", "parked", "new-run", "old-run", "new-waiting", "old-queued", ...ends],
	]);
});

test("in one row stands a task, not how many more there are", () => {
	const items = ["a", "b", "c"];
	expect(partOf(items, 1, 1)).toEqual({ inSight: ["b"], from: 1, above: 1, below: 1 });
	expect(partOf(items, 1, 2).inSight).toHaveLength(1);
	expect(moreLine(partOf(items, 1, 1), { columns: 40, rows: 1 }, NO_COLORS)).toEqual([]);
});

test("whose a task is and where it runs stands in the list where not all are of one, and there is room", () => {
	const tasks = [
		task("one", { createdBy: "ann@mini1", host: "mini1" }),
		task("two", { createdBy: "bob@mini2", host: "mini2" }),
	];
	const picture = (columns: number, some: TaskView[]) =>
		watchFrame({ ...MODEL, tasks: some, selected: null }, { columns, rows: 24 }, NO_COLORS).lines.join("\n");
	for (const columns of [80, 120]) {
		expect(picture(columns, tasks)).toMatch(/AGE +OWNER +HOST +NOW/);
		expect(picture(columns, tasks)).toMatch(/^ one .* ann@mi\S+ +mini1 /m);
		expect(picture(columns, tasks.slice(1))).not.toMatch(/OWNER|HOST/);
	}
	expect(picture(120, tasks)).toMatch(/^ two .* bob@mini2 +mini2 /m);
	const atOne = tasks.map((each) => ({
		...each,
		host: "mini1",
		createdBy: each.createdBy.replace("mini2", "mini1"),
	}));
	expect(picture(80, atOne)).toMatch(/^ two .* bob +x$/m);
	expect(picture(80, atOne)).not.toContain("HOST");
	for (const columns of [60, 70, 80, 120])
		for (const line of picture(columns, tasks).split("\n"))
			expect(stringWidth(line)).toBeLessThanOrEqual(columns);
});
