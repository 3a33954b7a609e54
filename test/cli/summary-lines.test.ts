/** `dispatch status` without an id, from fixed tasks. */
import picocolors from "picocolors";
import { expect, test } from "vitest";
import { answeredLines, briefLines, inAskedOrder } from "../../src/cli/show/question-lines.ts";
import { summaryLines } from "../../src/cli/show/summary-lines.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import type { TaskView } from "../../src/task/view.ts";
import { clockTime } from "../../src/task/view-times.ts";
import type { Wait } from "../../src/task/wait.ts";
import { NOW, planView, questionView, taskView } from "../task-view.ts";

const COLORS = picocolors.createColors(false);
const PLACE: Wait = {
	kind: "place",
	why: "2 of 2 work",
	text: "Waits for a place: 2 of 2 agents work (worker.concurrency).",
	until: null,
};
const OWN = taskView("any").host;
const delayed = (until: string): Wait => ({
	...{ kind: "time", why: `delayed until ${until}`, text: `Waits until ${until}: it was to start later.` },
	until: `2026-11-24T${until}:00.000Z`,
});
const waiting = (id: string, waits = PLACE) => taskView(id, { state: "queued", waits });

function shown(open: TaskView[], counts = {}, failed: TaskView[] = [], skipped = 0): string[] {
	const all = { running: 2, queued: 60, ...counts };
	const rest = { worker: "The worker is up.", isDamaged: false, now: NOW, own: OWN, refused: new Map() };
	return summaryLines({ open, failed, counts: all, skipped, ...rest }, COLORS);
}

const RUNNING = [
	taskView("compute", { plan: planView("x Scan", "  Report") }),
	taskView("fix-login", { hold: { kind: "cancelling", until: null } }),
];
const ASKING = taskView("shed", { state: "asking", questions: [questionView("Which colour?")] });

test("those that wait for others are found under their own state", () => {
	const waits: Wait = { kind: "tasks", why: "after a", text: "Waits for a.", until: null };
	const tasks = Array.from({ length: 30 }, (_, n) => taskView(`task-${n}`, { state: "waiting", waits }));
	const lines = shown(tasks, { running: 0, queued: 0, waiting: 30 });
	expect(lines).toContain("30 wait for a.");
	expect(lines.at(-1)).toBe("All of them: dispatch ls --state waiting --all");
});

test("each of a few that wait for different tasks says for which; of many the rest is counted", () => {
	const after = (id: string, ...waitsFor: string[]) => {
		const waits: Wait = { kind: "tasks", why: "", text: `Waits for ${waitsFor.join(", ")}.`, until: null };
		return taskView(id, { state: "waiting", waits, waitsFor });
	};
	const two = [after("n2", "o2"), after("n1", "o1", "l1")];
	expect(shown(two, { waiting: 2 }).slice(1)).toEqual([
		"",
		"2 wait for other tasks:",
		"  n1: after o1, l1",
		"  n2: after o2",
	]);
	const many = Array.from({ length: 8 }, (_, n) => after(`n${n}`, `o${n}`));
	const mixed = shown([...many, waiting("later")], { waiting: 8 });
	expect(mixed.slice(3, 4)).toEqual(["  8 wait for other tasks:"]);
	expect(mixed.slice(8, 10)).toEqual(["    n3: after o3", "    and 3 more"]);
});

test("with 60 queued and 2 running it shows those that run, says that 60 wait and for what, and names a few", () => {
	const queued = Array.from({ length: 60 }, (_, n) => waiting(`task-${n}`));
	expect(shown([...queued, ...RUNNING])).toEqual([
		"2 running, 60 queued. The worker is up.",
		"",
		"compute    running 1/2  1m  Report",
		"fix-login  running (cancelling)  1m  Review the login code",
		"",
		"60 wait for a place: 2 of 2 agents work (worker.concurrency).",
		"  task-59, task-58, task-57, task-56, task-55 and 55 more",
		"All of them: dispatch ls --state queued --all",
	]);
});

test("what runs stands first, then what needs a person, then what waits", () => {
	const lines = shown([waiting("later"), ASKING, ...RUNNING]).join("\n");
	const places = ["compute", "shed asks", 'dispatch answer shed "…"', "1 waits for a place"];
	const found = places.map((part) => lines.indexOf(part));
	expect(found).not.toContain(-1);
	expect([...found].sort((a, b) => a - b)).toEqual(found);
});

test("those that ask stand in the order of the list, each with its own command", () => {
	const asking = ["shed", "door", "roof"].map((id) => ({ ...ASKING, id }));
	expect(shown(asking).slice(1)).toEqual(
		["shed", "door", "roof"].flatMap((id) => [
			"",
			`${id} asks: "Which colour?"`,
			`  dispatch answer ${id} "…"`,
		]),
	);
});

test("several reasons stand below each other, the most frequent first; of several times the first is named", () => {
	const later = [waiting("b", delayed("15:00")), waiting("a", delayed("14:00"))];
	expect(shown([...later, waiting("c"), waiting("d"), waiting("e")]).slice(1)).toEqual([
		"",
		"5 wait:",
		"  3 wait for a place: 2 of 2 agents work (worker.concurrency).",
		"    e, d, c",
		"  2 wait: delayed until 14:00, the first of them.",
		"    a, b",
	]);
});

test("no task gets the reason of another one: a next try is no delay, a rate limit no service that is away", () => {
	const late = (kind: Wait["kind"], why: string, until: string): Wait => ({
		...{ kind, why: `${why} ${until}`, text: `Waits: ${why}.` },
		until: `2026-11-24T${until}:00.000Z`,
	});
	const lines = shown([
		waiting("retried", late("time", "next try at", "14:00")),
		waiting("delayed", delayed("16:00")),
		waiting("sooner", delayed("15:00")),
		waiting("limited", late("limit", "rate limit until", "14:00")),
		waiting("away", late("limit", "service away until", "14:00")),
	]);
	expect(lines.slice(2)).toEqual([
		"5 wait:",
		"  2 wait: delayed until 15:00, the first of them.",
		"    sooner, delayed",
		"  1 waits: service away until.",
		"    away",
		"  1 waits: rate limit until.",
		"    limited",
		"  1 waits: next try at.",
		"    retried",
	]);
});

test("the most frequent reason stands first, whichever was submitted first", () => {
	const first = [waiting("b", delayed("15:00")), waiting("a", delayed("14:00"))];
	const lines = shown([waiting("c"), waiting("d"), waiting("e"), ...first]);
	expect(lines.slice(2, 6).map((line) => line.trim().slice(0, 6))).toEqual([
		"5 wait",
		"3 wait",
		"e, d, ",
		"2 wait",
	]);
});

test("who asked first stands first, whichever was submitted first", () => {
	const asked = (id: string, seconds: number) =>
		taskView(id, {
			state: "asking",
			questions: [{ ...questionView("Which?"), askedAt: new Date(NOW + seconds * 1_000).toISOString() }],
		});
	const views = [asked("newest", 1), asked("middle", 3), asked("oldest", 2)];
	expect(inAskedOrder(views).map(({ id }) => id)).toEqual(["newest", "oldest", "middle"]);
	const lines = shown(views).filter((line) => line.includes(" asks: "));
	expect(lines.map((line) => line.split(" ")[0])).toEqual(["newest", "oldest", "middle"]);
});

const FAILED = ["shed", "door"].map((id) =>
	taskView(id, { state: "failed", reason: "item_error", endedAt: new Date(NOW).toISOString() }),
);

test("what failed stands last, with why and how to start it again: by its name, or all of them", () => {
	const one = shown(RUNNING, { failed: 1 }, FAILED.slice(0, 1));
	expect(one.slice(-2)).toEqual([
		expect.stringMatching(/^shed {2}failed {2}\d+\w /),
		"Why: dispatch status shed. Start it again: dispatch retry shed",
	]);
	expect(shown(RUNNING, { failed: 4 }, FAILED).slice(-2)).toEqual([
		"and 2 more: dispatch ls --state failed",
		"Why: dispatch status shed. Start them again: dispatch retry --failed",
	]);
	// `--failed` is for this host's own.
	const mixed = FAILED.map((view, n) => (n === 0 ? view : { ...view, host: "mini9" }));
	expect(shown(RUNNING, { failed: 2 }, mixed).at(-1)).toContain("dispatch retry shed");
	const others = FAILED.map((view) => ({ ...view, host: "mini9" }));
	expect(shown(RUNNING, { failed: 2 }, others).at(-1)).toContain("dispatch retry shed");
});

test.each([
	[3, 0, "1 failed, 3 cancelled."],
	[3, 2, "1 failed, 1 cancelled, 2 skipped."],
	[3, 3, "1 failed, 3 skipped."],
])("of %i cancelled tasks %i that were skipped are told apart", (cancelled, skipped, numbers) => {
	const [first] = shown([], { running: 0, queued: 0, failed: 1, cancelled }, [], skipped);
	expect(first).toBe(`${numbers} The worker is up.`);
});

test("a time of another day has its day", () => {
	const at = (day: number) => new Date(2026, 10, day, 14, 5).getTime();
	expect(clockTime(at(24), NOW)).toMatch(/^14:05/);
	expect(clockTime(at(24), NOW)).not.toMatch(/24|Nov|11/);
	expect(clockTime(at(21), NOW)).toMatch(/21|Nov|11/);
});

test("more than a few that run or ask are counted", () => {
	const running = Array.from({ length: 12 }, (_, n) => taskView(`run-${n}`));
	const asking = Array.from({ length: 13 }, (_, n) => ({ ...ASKING, id: `ask-${n}` }));
	const lines = shown([...running, ...asking]);
	expect(lines).toContain("and 2 more: dispatch ls --state running");
	expect(lines).toContain("and 3 more: dispatch questions");
});

test("where a line is cut, no piece of a secret is shown", () => {
	const secret = "planted-where-a-line-is-cut";
	rememberSecret("MY_API_KEY", secret);
	const at = (place: number) => `${"x".repeat(place)} ${secret}`;
	const asks = (text: string) => taskView("asks", { state: "asking", questions: [questionView(text)] });
	const answered = { ...questionView("Which?"), answer: at(280), answeredAt: null, open: false };
	const lines = [
		...shown([taskView("a", { prompt: at(60) }), asks(at(280))]),
		...briefLines(asks(`Which?\n1. ${at(280)}\n2. No`), "asks"),
		...answeredLines(answered),
	];
	expect(lines.join("\n")).not.toContain("planted");
	expect(lines.join("\n")).toContain("[MY_API_KEY]");
});
