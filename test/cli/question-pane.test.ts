/** A question and the answer to it on the whole screen, from fixed facts. */
import picocolors from "picocolors";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import {
	type Act,
	type Answering,
	answerFrame,
	beginAnswering,
	Drafts,
	nameOf,
	pressAnswering,
} from "../../src/cli/screen/answering.ts";
import { LIMIT_CHARS } from "../../src/cli/screen/editor.ts";
import { goneLine } from "../../src/cli/screen/gone.ts";
import { paneOf, rowsOfLines, START } from "../../src/cli/screen/pane.ts";
import { paneRule, questionRows } from "../../src/cli/screen/question-pane.ts";
import { ROOMY_ROWS } from "../../src/cli/screen/told-rows.ts";
import type { TaskView } from "../../src/task/view.ts";
import { NOW, questionView, taskView } from "../task-view.ts";

const NO_COLORS = picocolors.createColors(false);
const SIZES = [
	{ columns: 40, rows: 10 },
	{ columns: 80, rows: 24 },
	{ columns: 160, rows: 50 },
	{ columns: 200, rows: 60 },
];

function answering(
	question: string,
	drafts = new Drafts(),
	name = "job 001 1",
	directory = "/home/ann/shed",
): Answering {
	const about = {
		task: "Paint the shed",
		directory,
		state: "asking, 1 of 2 done",
		plan: ["[x] Look", "[ ] Choose"],
		current: 1,
	};
	const editor = drafts.editorFor(name);
	const said = { askedAt: 1, gone: null, message: null, unsure: null };
	return { task: "job", seq: "001", name, question, about, editor, from: START, ...said };
}

function press(state: Answering, name: string, size = SIZES[1] as (typeof SIZES)[0]): Act {
	return pressAnswering(state, { name, text: name.length === 1 ? name : "", ctrl: false, meta: false }, size);
}

function type(state: Answering, text: string): void {
	for (const each of text) press(state, each);
}

function picture(state: Answering, size = SIZES[1] as (typeof SIZES)[0]): string {
	return answerFrame(state, "HEAD", size, NO_COLORS, ["Esc back"]).lines.join("\n");
}

const LONG = Array.from({ length: 80 }, (_, n) => `Line ${n + 1} of the question`).join("\n");

describe.each(SIZES)("at $columns × $rows", (size) => {
	test("a question of 80 lines is read to its end by PgDn, and the rule says what is out of sight", () => {
		const state = answering(LONG);
		const seen = new Set<string>();
		const first = picture(state, size);
		expect(first).toMatch(/── \d+ lines below: PgUp PgDn ─/);
		for (let pages = 0; pages < 80; pages++) {
			for (const [line] of picture(state, size).matchAll(/Line \d+ of the question/g)) seen.add(line);
			press(state, "pagedown", size);
		}
		expect(seen.size).toBe(80);
		expect(picture(state, size)).toMatch(/── \d+ lines above: PgUp PgDn ─/);
		for (let pages = 0; pages < 80; pages++) press(state, "pageup", size);
		expect(picture(state, size)).toBe(first);
	});

	test("behind it stands what the task was asked for and where, as far as there is room", () => {
		const rows = picture(answering("Which?"), size).split("\n");
		const from = rows.indexOf(" Task: Paint the shed");
		expect(rows.slice(from, from + 3)).toEqual(
			size.rows < ROOMY_ROWS
				? []
				: [" Task: Paint the shed", " In: /home/ann/shed", " Now: asking, 1 of 2 done"],
		);
	});

	test("of a deep directory the end is shown, which names the project", () => {
		const directory = `/home/ann/${"deep/".repeat(60)}漢字/shop`;
		const rows = picture(answering("Which?", new Drafts(), undefined, directory), size).split("\n");
		const shown = rows.filter((row) => row.startsWith(" In: "));
		expect(shown).toHaveLength(size.rows < ROOMY_ROWS ? 0 : 1);
		for (const row of shown) {
			expect(row).toMatch(/^ In: ….*漢字\/shop$/);
			expect(stringWidth(row)).toBeLessThanOrEqual(size.columns);
		}
	});

	test("no line is wider than the screen, as many as it has rows; the cursor stands behind what is typed", () => {
		const state = answering(`Which?\n${"漢".repeat(300)}\n1. ${"word ".repeat(60)}\n2. b`);
		state.editor.set(`one\ntwo ${"漢字".repeat(200)}\nlast`);
		const { lines, caret } = answerFrame(state, "HEAD", size, NO_COLORS, ["Esc back"]);
		expect(lines).toHaveLength(size.rows);
		for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(size.columns);
		expect(caret?.column).toBe(7);
		expect(lines[caret?.row ?? 0]).toMatch(/^ [> ] last$/);
	});
});

test("what is indented stays so, long words go on in the next line, options keep their numbers", () => {
	const rows = questionRows(
		"See:\n    if (x) y\nhttps://example.org/0123456789\n1. auth.ts\n2. both of them, in turn",
		20,
		NO_COLORS,
	);
	expect(rows.map(({ text }) => text)).toEqual(
		[
			" See:",
			"     if (x) y",
			" https://example.or",
			" g/0123456789",
			"  1. auth.ts",
			"  2. both of them,",
			"     in turn",
		].map((line) => line.trimEnd()),
	);
});

test("a pane says how many lines are above and below", () => {
	const lines = ["a", "b", "c", "d"];
	const rows = rowsOfLines(lines.map((line) => [line]));
	const at = (line: number) => ({ line, at: 0 });
	expect(paneOf(rows, 2, at(1))).toEqual({ lines: ["b", "c"], above: 1, below: 1 });
	expect(paneOf(rows, 2, at(99))).toEqual({ lines: ["c", "d"], above: 2, below: 0 });
	expect(paneOf(rows, 9, at(5))).toEqual({ lines, above: 0, below: 0 });
	expect(paneRule({ lines: [], above: 1, below: 1 }, 50, NO_COLORS)).toMatch(
		/^── 1 line above, 1 line below: PgUp PgDn ─+$/,
	);
});

describe("what Enter sends", () => {
	const CHOICE = "Which?\n1. auth.ts\n2. both";
	test.each([
		["2", "Enter sends option 2: “both”"],
		["7", "There is no option 7: Enter sends the text “7”"],
		["７.", "There is no option 7: Enter sends the text “７.”"],
		["3 of them", ""],
		["2 of them", ""],
	])("typed %j it says %j, and gives the text as it is", (typed, said) => {
		const state = answering(CHOICE);
		type(state, typed);
		expect(picture(state)).toContain(said);
		expect(/Enter sends/.test(picture(state))).toBe(said !== "");
		expect(press(state, "return")).toEqual({ kind: "send", text: typed });
	});

	test.each(["skip", "quit", "?", "q", "/skip"])(
		"%j alone is sent at the second Enter, as the screen says",
		(word) => {
			const state = answering("Shall I?");
			type(state, word);
			expect(press(state, "return")).toEqual({ kind: "none" });
			expect(picture(state)).toContain(`Enter again sends “${word}” as the answer.`);
			expect(press(state, "return")).toEqual({ kind: "send", text: word });
			press(state, "return");
			type(state, "s");
			expect(press(state, "return")).toEqual({ kind: "send", text: `${word}s` });
		},
	);

	test("an option of that name is sent at once; nothing typed is not sent", () => {
		const state = answering("Shall I?\n1. skip\n2. go on");
		expect(press(state, "return")).toEqual({ kind: "none" });
		expect(picture(state)).toContain("Nothing is typed yet.");
		type(state, "skip");
		expect(press(state, "return")).toEqual({ kind: "send", text: "skip" });
	});
});

test("a draft belongs to its question: it is there again when the question is, and gone once it was sent", () => {
	const drafts = new Drafts();
	type(answering("One?", drafts, "job 001 1"), "for one");
	type(answering("Two?", drafts, "job 001 2"), "for two");
	expect(answering("One?", drafts, "job 001 1").editor.text).toBe("for one");
	expect(drafts.has("job 001 2")).toBe(true);
	expect(drafts.unsentLines()).toEqual([
		"Not sent to job (001):",
		"for one",
		"Not sent to job (001):",
		"for two",
	]);
	drafts.sent("job 001 2", "for two");
	expect(drafts.has("job 001 2")).toBe(false);
	const again = answering("Three?", drafts, "job 002 3");
	press(again, "up");
	expect(again.editor.text).toBe("for two");
});

test("Enter sends nothing to a question that is gone, and says why; what is typed stays", () => {
	const state = answering("Which?\n\n1. red\n2. blue");
	type(state, "2");
	state.gone = "job asks something else by now.";
	expect(picture(state)).toContain("job asks something else by now. Esc: back; what you typed is kept.");
	expect(press(state, "return")).toEqual({ kind: "gone", text: "2" });
	expect(picture(state)).toContain("Nothing was sent. job asks something else by now.");
	expect(state.editor.text).toBe("2");
	state.gone = null;
	expect(press(state, "return")).toEqual({ kind: "send", text: "2" });
});

describe("of a question that is open no more it is said what happened", () => {
	const asked = questionView("Which?");
	const gone = { task: "job", seq: "001", name: nameOf("job", asked) };
	const closed = { ...asked, open: false };
	const anew = { ...asked, askedAt: new Date(NOW + 1_000).toISOString() };
	test.each<[string, Partial<TaskView>]>([
		["Somebody else answered job meanwhile.", { questions: [{ ...closed, answer: "Blue" }] }],
		[
			"Somebody else answered job meanwhile.",
			{ state: "failed", questions: [{ ...closed, answer: "Blue" }] },
		],
		["job was cancelled meanwhile.", { state: "cancelled", questions: [closed] }],
		["job failed meanwhile.", { state: "failed", questions: [closed] }],
		["job asks something else by now.", { state: "asking", questions: [anew] }],
		["job waits for this answer no more.", { state: "running", questions: [closed] }],
	])("%s", (line, now) => {
		expect(goneLine(gone, taskView("job", now))).toBe(line);
	});
});

test("a question that is asked again under its number has a draft of its own", () => {
	const drafts = new Drafts();
	const begin = (askedAt: number) => {
		const open = { ...questionView("Which?"), askedAt: new Date(askedAt).toISOString() };
		return beginAnswering(taskView("job", { state: "asking" }), open, drafts);
	};
	type(begin(NOW), "for the first");
	expect(begin(NOW + 1_000).editor.text).toBe("");
	expect(begin(NOW).editor.text).toBe("for the first");
});

test("a question is opened at its first line, also after another one was read to its end", () => {
	const drafts = new Drafts();
	const begin = () => beginAnswering(taskView("job"), questionView(LONG), drafts);
	const first = begin();
	press(first, "pagedown");
	expect(picture(first)).not.toMatch(/Line 1 of/);
	expect(picture(begin())).toMatch(/^ Line 1 of the question$/m);
});

test("an answer that takes no more says so, and where the rest goes", () => {
	const state = answering("Which?");
	state.editor.set("x".repeat(LIMIT_CHARS - 1));
	const said = "The answer is as long as it may be here.";
	expect(picture(state)).not.toContain(said);
	press(state, "y");
	press(state, "z");
	expect(picture(state)).toContain(`${said} Put the rest into a file, and name\n it.`);
});

test("while keys do nothing the last line says so in their place", () => {
	const { lines } = answerFrame(answering("Which?"), "HEAD", { columns: 80, rows: 24 }, NO_COLORS, null);
	expect(lines.at(-1)).toBe(" Keys work in a moment");
});
