import picocolors from "picocolors";
import { expect, test } from "vitest";
import { liveRows } from "../../src/cli/screen/live-rows.ts";
import { widthOf } from "../../src/cli/screen/text.ts";
import { blameLines, endColumns, leftOutLine, moreBlamedLine } from "../../src/cli/show/batch-lines.ts";
import { table } from "../../src/cli/show/columns.ts";
import type { TaskView } from "../../src/task/view.ts";
import { NOW, outcomeView, planView, questionView, taskView } from "../task-view.ts";

const colors = picocolors.createColors(false);

const failed = (id: string, message = "It broke.") =>
	taskView(id, { state: "failed", reason: "crashed", outcome: outcomeView("failed", message) });
const many = (count: number, of: (id: string) => TaskView) =>
	Array.from({ length: count }, (_, n) => of(`task-${n}`));

test("of a thousand tasks the table has those of each state that a person can read, what failed last", () => {
	const done = many(1_000, (id) => taskView(id, { state: "completed" }));
	const views = [failed("broken"), ...done, taskView("skipped", { state: "cancelled", reason: "skipped" })];
	const [tasks] = endColumns(views, new Map(), NOW, colors);
	expect(tasks?.cells.length).toBeLessThan(100);
	expect(tasks?.cells.slice(-2)).toEqual(["skipped", "broken"]);
	expect(leftOutLine(views)).toMatch(/^\(and 950 more completed: dispatch ls --all\)$/);
	expect(leftOutLine(views.slice(0, 40))).toBeNull();
});

test("TIME is the time at work since a person started it last, whenever it started first", () => {
	const startedAt = new Date(NOW - 86_400_000).toISOString();
	const views = [taskView("again", { startedAt }), taskView("new", { state: "queued", startedAt: null })];
	const time = endColumns(views, new Map([["again", 130_000]]), NOW, colors).find(
		({ heading }) => heading === "TIME",
	);
	expect(time?.cells).toEqual(["", "2m10s"]);
});

test("WHY is short in a pipe, too, and cut within no word", async () => {
	const message = "Several words that stand behind each other ".repeat(10);
	const asks = taskView("asks", { state: "asking", questions: [questionView(message)] });
	const columns = endColumns([failed("broken", message), asks], new Map(), NOW, colors);
	const rows = (await table(columns, null, String)).slice(1);
	expect(rows).toHaveLength(2);
	for (const row of rows) expect(row).toMatch(/^.{60,160}\b(?:Several|words|that|stand|behind|each|other)…$/);
});

test("what failed is told with its reason, what was skipped for it is not; of very many a number", () => {
	const skipped = taskView("skipped", { state: "cancelled", reason: "skipped" });
	expect(blameLines([failed("broken", "a\nb"), skipped, taskView("works")])).toEqual([
		{ title: "broken failed (crashed)", line: "`broken` failed (crashed). a b" },
	]);
	const all = many(500, (id) => failed(id));
	expect(blameLines(all).length).toBeLessThan(50);
	expect(moreBlamedLine(all)).toBe(
		`(and ${500 - blameLines(all).length} more: dispatch ls --state failed,cancelled,parked)`,
	);
});

test.each([
	[120, 40],
	[80, 24],
	[40, 10],
	[12, 3],
])(
	"what is drawn on a terminal of %i columns and %i rows fits it, who asks first, the total last",
	(columns, rows) => {
		const live = [
			...many(30, (id) => taskView(id, { activity: "漢字 ".repeat(50), plan: planView("x One", "  Two") })),
			taskView("asks", { state: "asking", questions: [questionView("Which colour? ".repeat(20))] }),
		];
		const drawn = liveRows(live, "30 running, 1 asking, 5m", { size: { columns, rows }, colors, now: NOW });
		expect(drawn.length).toBeLessThan(rows);
		expect(drawn.filter((row) => widthOf(row) >= columns)).toEqual([]);
		expect(drawn.at(-1)).toMatch(/^30 running/);
		// Where there is no room for a task, how many there are.
		expect(drawn[0]).toMatch(/^(?:asks|\(and|30 running)/);
	},
);
