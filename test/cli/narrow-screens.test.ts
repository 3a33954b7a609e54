/** What small screens still say: the keys one needs, all of a notice, and what is out of sight. */
import picocolors from "picocolors";
import stringWidth from "string-width";
import { expect, test } from "vitest";
import { type Answering, answerFrame, beginAnswering, Drafts } from "../../src/cli/screen/answering.ts";
import { inboxFrame } from "../../src/cli/screen/inbox-frame.ts";
import { watchKeys } from "../../src/cli/screen/keys-page.ts";
import { leavesPage, pageFrame, readPage } from "../../src/cli/screen/page.ts";
import type { Size } from "../../src/cli/screen/terminal.ts";
import { type WatchModel, watchFrame } from "../../src/cli/screen/watch-frame.ts";
import { NOW, questionView, taskView } from "../task-view.ts";

const NO_COLORS = picocolors.createColors(false);
const SMALL: Size = { columns: 40, rows: 10 };
const USUAL: Size = { columns: 80, rows: 24 };

function asked(question: string, typed = ""): Answering {
	const state = beginAnswering(taskView("choose-cache"), questionView(question), new Drafts());
	state.editor.set(typed);
	return state;
}

function answerLines(state: Answering, size: Size): readonly string[] {
	return answerFrame(state, "HEAD", size, NO_COLORS, ["Ctrl-N next", "Esc back"]).lines;
}

function watchLines(changes: Partial<WatchModel>, size: Size): readonly string[] {
	const model: WatchModel = {
		tasks: [],
		damaged: [],
		selected: null,
		filter: "",
		sort: "need",
		mode: { kind: "list" },
		message: null,
		isSettling: false,
		awaySince: null,
		now: NOW,
	};
	return watchFrame({ ...model, ...changes }, size, NO_COLORS).lines;
}

const ten = Array.from({ length: 10 }, (_, n) => `typed ${n + 1}`).join("\n");
const long = Array.from({ length: 80 }, (_, n) => `Line ${n + 1}`).join("\n");

test("what is typed takes the rows that the question leaves", () => {
	const lines = answerLines(asked("Which?", ten), USUAL);
	expect(lines.filter((line) => line.includes("typed "))).toHaveLength(10);
	const small = answerLines(asked("Which?", "typed 1\ntyped 2\ntyped 3"), SMALL);
	expect(small.filter((line) => line.includes("typed "))).toHaveLength(3);
});

test("what is out of sight of the question and of the typed text is counted, on each screen", () => {
	const usual = answerLines(asked(long, ten), USUAL).join("\n");
	expect(usual).toMatch(/^── \d+ lines below: PgUp PgDn ── your text: \d lines above ─/m);
	const state = asked(long, ten);
	state.from = { line: 3, at: 0 };
	const small = answerLines(state, SMALL);
	expect(small.join("\n")).toMatch(/^── 3↑ \d+↓: PgUp PgDn ── text: 8↑ ─*$/m);
	for (const line of small) expect(stringWidth(line), line).toBeLessThanOrEqual(SMALL.columns);
});

test("a notice is read to its end on a small screen, and the keys stay", () => {
	const state = asked("Which?");
	state.gone = "choose-cache completed meanwhile.";
	const text = answerLines(state, SMALL).join("\n");
	expect(text.replace(/\s+/g, " ")).toContain(`${state.gone} Esc: back; what you typed is kept.`);
	expect(text).toMatch(/^ Enter send {2}\^N next {2}Esc back {2}F1 keys$/m);
	const message = "choose-cache is completed: nothing to cancel.";
	const list = watchLines({ message }, SMALL).join("\n");
	expect(list.replace(/\s+/g, " ")).toContain(message);
	expect(list).toMatch(/^ Enter open {2}a answer {2}\? keys {2}q quit$/m);
});

test("inbox on a small screen says how to get to the next question, and to the list", () => {
	const mode = { kind: "answer" as const, answering: asked("Which?"), askedAt: NOW };
	const facts = { open: [], whose: new Map(), said: [], isSettling: false, awaySince: null, now: NOW };
	const { lines } = inboxFrame({ ...facts, mode }, SMALL, NO_COLORS);
	expect(lines.at(-1)).toBe(" Enter send  ^N next  Esc list  F1 keys");
});

test("watch asks about a retry in the words of what will be done", () => {
	const asks = (state: "completed" | "failed") =>
		watchLines({ mode: { kind: "confirm", act: "retry", shown: taskView("job", { state }) } }, USUAL);
	expect(asks("completed").join("\n")).toContain("Start job again from the beginning?");
	expect(asks("failed").join("\n")).toContain("Start job again where it stopped?");
});

test("watch counts what failed by itself", () => {
	const states = ["failed", "failed", "cancelled", "completed"] as const;
	const tasks = states.map((state, n) => taskView(`job-${n}`, { state }));
	expect(watchLines({ tasks }, { columns: 120, rows: 24 })[0]).toContain(
		"0 asking · 0 running · 0 queued · 2 failed · 1 cancelled · 1 completed",
	);
	expect(watchLines({ tasks }, SMALL)[0]).toContain("2 failed");
});

test.each([40, 60, 80, 120])("the keys page at %d columns: what goes on stands under no key", (columns) => {
	const page = watchKeys("list");
	const { lines } = pageFrame(page, () => "HEAD", { columns, rows: 99 }, NO_COLORS, false);
	for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(columns);
	const starts = lines.slice(1, -1).map((line) => line.length - line.trimStart().length);
	expect(new Set(starts)).toEqual(new Set([0, 2, ...(columns >= 120 ? [] : [columns >= 55 ? 25 : 6])]));
	expect(lines.join(" ").replace(/\s+/g, " ")).toContain(
		"by line; beyond the first and last: what was sent before",
	);
});

test("what opened the keys page closes it", () => {
	const key = { text: "?", name: "", ctrl: false, meta: false };
	expect(leavesPage(watchKeys("list"), key)).toBe(true);
	expect(leavesPage(readPage("logs", "", ""), key)).toBe(false);
});
