/** The pictures of the docs are not older than the screens: the same facts give the same rows today. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import picocolors from "picocolors";
import { expect, test } from "vitest";
import { beginAnswering, Drafts } from "../../src/cli/screen/answering.ts";
import { inboxFrame } from "../../src/cli/screen/inbox-frame.ts";
import { type WatchModel, watchFrame } from "../../src/cli/screen/watch-frame.ts";
import type { TaskView } from "../../src/task/view.ts";
import { NOW, planView, questionView, taskView } from "../task-view.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const NO_COLORS = picocolors.createColors(false);
const COLUMNS = 98;
const at = (ms: number) => new Date(NOW + ms).toISOString();
const end = (kind: "completed" | "failed", message: string) => ({
	startedAt: at(-2_000),
	endedAt: at(-2_000),
	outcome: { kind, message, exitCode: null, signal: null, logTail: [], warnings: [] },
});
const QUESTION =
	"There is auth.ts and legacy-auth.ts, which only the old app uses. Which shall I review?\n\nOptions:\n1. auth.ts\n2. both";

/** As test/pictures and its agents (test/fixtures/agents/on-pictures.sh) make them. */
const task = (id: string, changes: Partial<TaskView>) => taskView(id, { createdAt: at(-2_000), ...changes });
const ASKING = task("review-login-code", {
	prompt: "Review the login code for security problems",
	state: "asking",
	plan: planView(
		...["x Find the login code", "x Read auth.ts", "  Settle what is reviewed", "  Look for injection"],
		...["  Look at the sessions", "  Write output.md"],
	),
	questions: [questionView(QUESTION)],
});
const UPDATED = ["x List what is old", "x Update the linter", "x Update the web server"];
const TASKS = [
	ASKING,
	task("update-dependencies", {
		plan: planView(...UPDATED, "  Update the database driver", "  Update the rest", "  Write output.md"),
	}),
	task("nightly-report", {
		state: "queued",
		startedAt: null,
		hold: { kind: "delayed", until: at(6 * 3_600_000) },
	}),
	task("choose-cache", {
		state: "completed",
		...end("completed", "All 4 items are done."),
		plan: planView("x a", "x b", "x c", "x d"),
	}),
	task("write-docs", {
		state: "completed",
		...end("completed", "All 3 items are done."),
		plan: planView("x a", "x b", "x c"),
	}),
	task("migrate-database", {
		state: "failed",
		reason: "item_error",
		...end("failed", 'The agent gave up at "Connect to the copy": The password of the copy has expired.'),
		plan: planView("x Read the old schema", "! Connect to the copy", "  c", "  d"),
	}),
];

function answering(typed: string) {
	const [open] = ASKING.questions;
	if (open === undefined) throw new Error("nothing is asked");
	const state = beginAnswering(ASKING, open, new Drafts());
	state.editor.set(typed);
	return state;
}

const watch = (mode: WatchModel["mode"]) =>
	watchFrame(
		{
			...{ tasks: TASKS, damaged: [], selected: ASKING.id, filter: "", sort: "need", mode, message: null },
			...{ isSettling: false, awaySince: null, now: NOW },
		},
		{ columns: COLUMNS, rows: 24 },
		NO_COLORS,
	);
const asks = { ...{ task: ASKING.id, seq: "001", text: QUESTION }, askedAt: NOW - 2_000 };

test.each([
	["watch", () => watch({ kind: "list" })],
	["watch-answer", () => watch({ kind: "answer", answering: answering("both, the older one first") })],
	[
		"inbox",
		() =>
			inboxFrame(
				{
					...{ open: [asks], whose: new Map(), said: [], isSettling: false, awaySince: null, now: NOW },
					mode: { kind: "answer", answering: answering(""), askedAt: asks.askedAt },
				},
				{ columns: COLUMNS, rows: 28 },
				NO_COLORS,
			),
	],
])("docs/%s.svg shows what its screen shows; else: npm run pictures", (name, frame) => {
	const shown = frame()
		.lines.map((line) => line.replace(/\s+/g, " ").trim())
		.filter((line) => line !== "");
	expect(rowsOf(readFileSync(join(DOCS, `${name}.svg`), "utf8"))).toEqual(shown);
});

/** The words of each row, top down. */
function rowsOf(svg: string): string[] {
	const rows = new Map<number, { x: number; text: string }[]>();
	for (const [, x, y, text = ""] of svg.matchAll(/<text x="([\d.]+)" y="(\d+)"[^>]*>([^<]*)</g))
		rows.set(Number(y), [...(rows.get(Number(y)) ?? []), { x: Number(x), text: plain(text) }]);
	return [...rows]
		.sort(([a], [b]) => a - b)
		.map(([, parts]) => joined(parts.sort((a, b) => a.x - b.x)).replace(/\s+/g, " "));
}

/** Pieces of different looks may touch: `██` and `░░`. */
function joined(parts: readonly { x: number; text: string }[]): string {
	let row = "";
	let end = 0;
	for (const { x, text } of parts) {
		row += row !== "" && x > end + 1 ? ` ${text}` : text;
		end = x + [...text].length * 8.4;
	}
	return row;
}

function plain(text: string): string {
	return text
		.replaceAll("&lt;", "<")
		.replaceAll("&gt;", ">")
		.replaceAll("&quot;", '"')
		.replaceAll("&amp;", "&");
}
