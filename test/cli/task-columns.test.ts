/** The table of `ls`, from fixed tasks, at the widths of real terminals. */
import picocolors from "picocolors";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { roomOf, table } from "../../src/cli/show/columns.ts";
import { columnNames, taskColumns, usualColumns } from "../../src/cli/show/task-columns.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import type { TaskView } from "../../src/task/view.ts";
import { NOW, outcomeView, planView, questionView, taskView } from "../task-view.ts";

const COLORS = picocolors.createColors(false);
const WIDTHS = [40, 60, 80, 160];
const LONG_PROMPT =
	"Review the whole of the login code for mistakes of every kind and write down what you find";
const TASKS = [
	taskView("review-login-code", { state: "queued", prompt: LONG_PROMPT }),
	taskView("task-dovw", { prompt: "ログイン処理を見直して、見つけた問題をすべて書き出してください。" }),
	taskView("fix-a-bug-in-the-parser-of-dates", { plan: planView("x Find it", "  Mend the parser of dates") }),
	taskView("broken", {
		state: "failed",
		reason: "not_started",
		outcome: outcomeView(
			"failed",
			"fake could not be started: no such file. Check `command:` in the config.",
		),
	}),
	taskView("colours", { state: "asking", questions: [questionView("Which colour shall the shed have?")] }),
];

async function listed(
	views: TaskView[],
	width: number | null,
	names = usualColumns(views),
): Promise<string[]> {
	return table(taskColumns(names, { views, damaged: [], now: NOW }, COLORS), width, (text) => text);
}

const NARROW = Array.from({ length: 21 }, (_, n) => 20 + n);
const SEVEN = columnNames("task,state,plan,model,age,owner,what") ?? [];
const ALL = columnNames("task,state,plan,model,age,owner,host,why,cost,tags,cwd,what") ?? [];

/** Columns that were asked for by name. */
async function asked(views: TaskView[], width: number, names: typeof SEVEN): Promise<string[]> {
	const columns = taskColumns(names, { views, damaged: [], now: NOW }, COLORS);
	for (const column of columns) delete column.goes;
	return table(columns, width, (text) => text);
}

describe.each(WIDTHS)("at %i columns", (width) => {
	test("no line is wider", async () => {
		for (const line of await listed(TASKS, width)) expect(stringWidth(line)).toBeLessThanOrEqual(width);
	});

	test("every task has a line with as much of its id as there is room for, its state, and what it is about", async () => {
		const [head = "", ...lines] = await listed(TASKS, width);
		expect(head).toMatch(/^TASK +STATE .*WHAT$/);
		for (const [n, { id, state }] of TASKS.entries()) {
			expect(id.startsWith(/^[a-z-]+/.exec(lines[n] ?? "")?.[0] ?? "?")).toBe(true);
			expect(lines[n]).toContain(state);
		}
		expect(lines[0]).toContain("Review the");
		expect(lines[3]).toContain("fake could");
		expect(lines[4]).toContain("asks: Which");
	});

	test("no word is cut in the middle", async () => {
		const words = new Set(`${LONG_PROMPT} asks: Which colour shall the shed have?`.split(" "));
		const lines = await listed([TASKS[0] as TaskView, TASKS[4] as TaskView], width, ["state", "what"]);
		const shown = lines.slice(1).map((line) => line.replace(/^\w+ +/, "").replace(/…$/, ""));
		expect(shown.flatMap((text) => text.split(" ")).filter((word) => !words.has(word))).toEqual([]);
	});
});

test("where there is room, nothing is cut; a pipe has room for everything", async () => {
	expect((await listed(TASKS, null)).join("\n")).toContain(LONG_PROMPT);
	expect((await listed(TASKS, 160)).join("\n")).not.toContain("…");
});

test("what one needs least goes first", async () => {
	const heads = await Promise.all(WIDTHS.map(async (width) => (await listed(TASKS, width))[0]));
	expect(heads.map((head) => head?.split(/ +/).join(" "))).toEqual([
		"TASK STATE WHAT",
		"TASK STATE AGE WHAT",
		"TASK STATE PLAN MODEL AGE WHAT",
		"TASK STATE PLAN MODEL AGE WHAT",
	]);
});

describe.each([
	["the usual columns", usualColumns(TASKS)],
	["seven that were asked for", SEVEN],
	["all of them", ALL],
] as const)("on a narrow terminal, %s", (_, names) => {
	test.each(NARROW)("fit %i columns", async (width) => {
		const lines = await asked(TASKS, width, [...names]);
		expect(lines).toHaveLength(TASKS.length + 1);
		expect(lines.filter((line) => stringWidth(line) > width)).toEqual([]);
		expect(lines[1]).toMatch(/^rev\S+ +que/);
	});
});

test("columns that were asked for stay while there is room for a word of each, then the last ones go", async () => {
	const heads = await Promise.all([40, 20].map(async (width) => (await asked(TASKS, width, SEVEN))[0]));
	expect(heads).toEqual(["TASK   STA…  PLAN  MOD…  AGE  OWN…  WHAT", "TASK    STATE   PLAN"]);
});

test("a task that waits says for what in a column of its own", async () => {
	const waits = { kind: "place", why: "2 of 2 work", text: "Waits for a place.", until: null } as const;
	const views = [taskView("later", { state: "queued", waits }), taskView("now")];
	expect(usualColumns(views)).toContain("why");
	expect(usualColumns([taskView("now")])).not.toContain("why");
	const lines = await listed(views, 80);
	expect(lines[0]).toMatch(/^TASK +STATE .* WHY +WHAT$/);
	expect(lines[1]).toMatch(/^later +queued .* 2 of 2 work +Review the login code$/);
	expect(lines[2]).not.toContain("work");
});

test("owner and host are shown where there is more than one, and not where all are of one", () => {
	const own = [taskView("a"), taskView("b")];
	expect(usualColumns(own)).not.toContain("owner");
	expect(usualColumns(own)).not.toContain("host");
	expect(usualColumns([...own, taskView("c", { createdBy: "bob@mini1" })])).toContain("owner");
	expect(usualColumns([...own, taskView("c", { host: "mini2" })])).toContain("host");
});

test("an owner's machine is named where the owners have several", async () => {
	const ann = taskView("a");
	const one = await listed([ann, taskView("b", { createdBy: "bob@mini1" })], null, ["owner"]);
	expect(one).toEqual(["OWNER", "ann", "bob"]);
	const two = await listed([ann, taskView("b", { createdBy: "bob@mini2" })], null, ["owner"]);
	expect(two).toEqual(["OWNER", "ann@mini1", "bob@mini2"]);
});

test("WHY tells who was skipped from who was cancelled", async () => {
	const cancelled = taskView("a", { state: "cancelled" });
	const skipped = taskView("b", { state: "cancelled", reason: "skipped" });
	expect(await listed([cancelled, skipped], null, ["task", "state", "why"])).toEqual([
		"TASK  STATE      WHY",
		"a     cancelled",
		"b     cancelled  skipped",
	]);
	expect(usualColumns([cancelled])).not.toContain("why");
	expect(usualColumns([cancelled, skipped])).toContain("why");
});

test("columns are chosen by name, in the order given; a name that is none is told, with those that are", () => {
	expect(columnNames("what, AGE")).toEqual(["what", "age"]);
	expect(() => columnNames("age,colour")).toThrow(/Expected --columns .* got "colour"/);
	expect(() => columnNames("")).toThrow(/Expected --columns/);
});

test("a secret is named before a cell is cut, and no text steers the terminal", async () => {
	rememberSecret("PLANTED_KEY", "planted-in-a-prompt");
	const hostile = taskView("a", { prompt: "Use planted-in-a-prompt now \u001b[2J\u202e", state: "queued" });
	const lines = await listed([hostile], 24, ["what"]);
	expect(lines[1]).toBe("Use [PLANTED_KEY] now");
	expect((await listed([hostile], 12, ["what"])).join("\n")).not.toContain("planted");
});

test("COLUMNS goes before what the terminal says; a pipe is not cut", () => {
	expect(roomOf({ isTTY: true, columns: 120 }, {})).toBe(120);
	expect(roomOf({ isTTY: true, columns: 120 }, { COLUMNS: "60" })).toBe(60);
	expect(roomOf({ isTTY: true, columns: 120 }, { COLUMNS: "wide" })).toBe(120);
	expect(roomOf({ isTTY: true }, {})).toBe(80);
	expect(roomOf({}, { COLUMNS: "60" })).toBeNull();
});
