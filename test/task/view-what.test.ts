/** What a list says that a task is about, and how old it is. */
import { expect, test } from "vitest";
import type { TaskView } from "../../src/task/view.ts";
import { ageText } from "../../src/task/view-times.ts";
import { whatOf } from "../../src/task/view-what.ts";
import { ago } from "../../src/web/layout.ts";
import { NOW, outcomeView, planView, questionView, taskView } from "../task-view.ts";

const JAPANESE = "ログイン処理を見直す";
const WHAT: [string, string, Partial<TaskView>, string][] = [
	[
		"a queued task: the first line of its prompt",
		"a",
		{ state: "queued", prompt: "Fix it\nand more" },
		"Fix it",
	],
	["the marks of Markdown are no words", "a", { prompt: "\n---\n## > Fix it\n" }, "Fix it"],
	["a plan that has not moved", "a", { plan: planView("  Scan", "  Report") }, "Review the login code"],
	[
		"the item at work, from the first finished one on",
		"a",
		{ plan: planView("x Scan", "  Report") },
		"Report",
	],
	["an item that asks", "a", { plan: planView("? Scan", "  Report") }, "Scan"],
	["a plan that is done", "a", { plan: planView("x Scan") }, "Review the login code"],
	["an open question", "a", { state: "asking", questions: [questionView("Which?")] }, "asks: Which?"],
	[
		"a failed task: the reason in words",
		"a",
		{
			state: "failed",
			reason: "crashed",
			outcome: outcomeView("failed", "The agent exited with code 1.5. See `dispatch logs a`."),
		},
		"The agent exited with code 1.5.",
	],
	[
		"one that is tried again: why it must be",
		"a",
		{
			state: "queued",
			hold: { kind: "backoff", until: null },
			plan: planView("x Scan", "? Ask"),
			outcome: outcomeView("queued", "The agent exited with code 1. It is started again in 5 s."),
		},
		"The agent exited with code 1.",
	],
	[
		"a failed task of which nothing else is known",
		"a",
		{ state: "failed", reason: "host_lost" },
		"host lost",
	],
	[
		"a completed one",
		"a",
		{ state: "completed", plan: planView("x Scan"), outcome: outcomeView("completed", "All done.") },
		"Review the login code",
	],
	["an id without words: the prompt", "task-dovw", { prompt: JAPANESE }, JAPANESE],
	[
		"an id without words: the prompt stands beside the item",
		"task-dovw-2",
		{ prompt: "??? 12", plan: planView("x Scan", "  Report") },
		"??? 12 · Report",
	],
	[
		"an id of the few Latin letters of a prompt",
		"bug",
		{ prompt: `${JAPANESE} bug`, plan: planView("x Scan", "  Report") },
		`${JAPANESE} bug · Report`,
	],
	["an accent is told by the id", "uber", { prompt: "Über", plan: planView("x Scan", "  Report") }, "Report"],
];

test.each(WHAT)("%s", (_, id, changes, what) => {
	expect(whatOf(taskView(id, changes))).toBe(what);
});

test.each([
	[0, "0s"],
	[59_999, "59s"],
	[7_199_000, "1h"],
	[-5_000, "0s"],
	[3 * 86_400_000, "3d"],
])("%i ms after it was submitted its age is %s, whatever became of it", (ms, age) => {
	const createdAt = new Date(NOW - ms).toISOString();
	const ended = taskView("a", { createdAt, startedAt: new Date(NOW).toISOString(), state: "completed" });
	expect(ageText(ended, NOW)).toBe(age);
	expect(ago(NOW - ms, NOW)).toBe(`${age} ago`);
});
