/** Lines as long as agents write them, in scripts without blanks: what screens do for them grows as the lines do. */
import picocolors from "picocolors";
import stringWidth from "string-width";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { answerFrame, Drafts } from "../../src/cli/screen/answering.ts";
import { besides, characters } from "../../src/cli/screen/characters.ts";
import { Editor } from "../../src/cli/screen/editor.ts";
import { pageFrame, readPage } from "../../src/cli/screen/page.ts";
import { START } from "../../src/cli/screen/pane.ts";
import { foreign, widthOf, wrap } from "../../src/cli/screen/text.ts";

const NO_COLORS = picocolors.createColors(false);
const SIZE = { columns: 80, rows: 24 };
const LONG = "漢".repeat(20_000);

/** The lengths of the texts that the segmenter was given: the time of one grows faster than the text. */
const given: number[] = [];
const { segment } = Intl.Segmenter.prototype;
Intl.Segmenter.prototype.segment = function (text) {
	given.push(text.length);
	return segment.call(this, text);
};
afterAll(() => {
	Intl.Segmenter.prototype.segment = segment;
});
beforeEach(() => {
	given.length = 0;
});

const longest = () => Math.max(0, ...given);
const total = () => given.reduce((sum, length) => sum + length, 0);

describe("of a line of 20,000 wide characters the segmenter sees parts", () => {
	test("when it is wrapped, and each part but a few times", () => {
		const rows = wrap(LONG, 80);
		expect(rows).toHaveLength(500);
		expect(rows.join("")).toBe(LONG);
		expect(longest()).toBeLessThan(1_000);
		expect(total()).toBeLessThan(3 * LONG.length);
	});

	test("when it has blanks", () => {
		const rows = wrap("漢字 ".repeat(7_000), 80);
		// 16 of them in a row, 8 in the last one.
		expect(new Set(rows.map(widthOf))).toEqual(new Set([79, 39]));
		expect(longest()).toBeLessThan(1_000);
		expect(total()).toBeLessThan(3 * LONG.length);
	});

	test("when it is measured", () => {
		expect(widthOf(LONG)).toBe(40_000);
		expect(longest()).toBeLessThan(1_000);
	});

	test("when it is cut, and nothing of what is cut off", () => {
		expect(foreign(LONG, 80)).toBe(`${"漢".repeat(39)}…`);
		expect(total()).toBeLessThan(1_000);
	});

	test("when it is a report on the screen", () => {
		const page = readPage("report", LONG, "");
		expect(pageFrame(page, () => "", SIZE, NO_COLORS, false).lines[1]).toBe("漢".repeat(40));
		expect(longest()).toBeLessThan(1_000);
	});

	test("when it is typed, and nothing of it where the cursor alone moves", () => {
		const editor = new Editor();
		editor.set(LONG);
		expect(editor.view(80, 3).rows[0]).toBe("漢".repeat(40));
		expect(longest()).toBeLessThan(1_000);
		given.length = 0;
		for (const name of ["left", "right", "up", "up", "down"]) {
			editor.press({ name, text: "", ctrl: false, meta: false }, 80);
			editor.view(80, 3);
		}
		expect(longest()).toBeLessThan(1_000);
	});
});

test("a long question is wrapped once for a width, however often it is drawn", () => {
	const about = { task: "", directory: "", state: "asking", plan: [], current: 0 };
	const editor = new Drafts().editorFor("job 001 1");
	const more = { askedAt: 1, from: START, message: null, unsure: null, gone: null };
	const state = { task: "job", seq: "001", name: "job 001 1", question: `${LONG}?`, about, editor, ...more };
	const first = answerFrame(state, "HEAD", SIZE, NO_COLORS, ["Esc back"]);
	expect(total()).toBeLessThan(3 * LONG.length);
	given.length = 0;
	expect(answerFrame(state, "HEAD", SIZE, NO_COLORS, ["Esc back"])).toEqual(first);
	expect(total()).toBeLessThan(1_000);
	expect(answerFrame(state, "HEAD", { ...SIZE, columns: 60 }, NO_COLORS, ["Esc back"])).not.toEqual(first);
});

describe("what takes no column is bounded, too", () => {
	test.each([
		["blanks of no width", "\u200b"],
		["stacked marks", "\u0301"],
	])("8,000 %s", (_, mark) => {
		const text = `a${mark.repeat(8_000)}b`;
		expect(foreign(text, 80).length).toBeLessThan(2_000);
		const rows = wrap(text, 80);
		expect(rows.join("")).toBe(text);
		for (const row of rows) expect(row.length).toBeLessThan(2_000);
	});

	test("a line of families and flags stays whole", () => {
		const line = "👩🏽‍👩🏽‍👧🏽‍👦🏽🏴󠁧󠁢󠁥󠁮󠁧󠁿".repeat(20);
		expect(stringWidth(line)).toBe(80);
		expect(foreign(line, 80)).toBe(line);
	});
});

describe("characters by windows are the characters of the whole", () => {
	const PARTS = [
		"a",
		"漢",
		"e\u0301",
		"👩‍👩‍👧",
		"🇩🇪",
		"🇫🇷",
		"각",
		"न्दी",
		"👍🏽",
		"\u200b",
		" ",
		"x\u0300\u0301\u0302",
	];
	test.each(Array.from({ length: 12 }, (_, n) => [n]))("mixed, from %d on", (from) => {
		const text =
			PARTS[from] + Array.from({ length: 900 }, (_, n) => PARTS[(n * n + from) % PARTS.length]).join("");
		const whole = [...segment.call(new Intl.Segmenter(), text)];
		const found = [...characters(text)];
		expect(found).toEqual(whole.map(({ segment, index }) => ({ segment, index })));
		const places = [];
		for (let at = 0; at < text.length; at = besides(text, at, 1)) places.push(at);
		expect(places).toEqual(whole.map(({ index }) => index));
		const back = [];
		for (let at = text.length; at > 0; at = besides(text, at, -1)) back.unshift(besides(text, at, -1));
		expect(back).toEqual(places);
	});

	test("one that is longer than a window is taken apart, and no half of one", () => {
		const text = `${"x"}${"\u{1d16d}".repeat(2_000)}`;
		const found = [...characters(text)].map(({ segment }) => segment);
		expect(found.join("")).toBe(text);
		for (const each of found) expect(each.isWellFormed()).toBe(true);
	});
});
