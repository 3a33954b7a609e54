/** The line editor of the screens, by keys as Node names them. */
import { describe, expect, test } from "vitest";
import { Editor } from "../../src/cli/screen/editor.ts";
import type { Key } from "../../src/cli/screen/terminal.ts";

const COLUMNS = 20;

/** `C-` with Ctrl, `M-` with Alt; one character is typed, a longer word is a key's name. */
function key(name: string): Key {
	const [, ctrl, meta, rest = ""] = /^(C-)?(M-)?(.+)$/su.exec(name) ?? [];
	const typed = ctrl === undefined && meta === undefined && [...rest].length === 1;
	return { name: rest, ctrl: ctrl !== undefined, meta: meta !== undefined, text: typed ? rest : "" };
}

function paste(text: string): Key {
	return { name: "paste", ctrl: false, meta: false, text };
}

/** The text with `|` where the cursor is. */
function shown(editor: Editor): string {
	const { rows, caret } = editor.view(1_000, 1_000);
	let left = caret.column;
	const row = [...(rows[caret.row] ?? "")];
	let at = 0;
	while (left > 0 && at < row.length)
		left -= /[\u3000-\u9fff\u{1f300}-\u{1ffff}]/u.test(row[at++] ?? "") ? 2 : 1;
	rows[caret.row] = [...row.slice(0, at), "|", ...row.slice(at)].join("");
	return rows.join("\n");
}

function after(start: string, ...names: string[]): string {
	const editor = new Editor();
	editor.set(start);
	for (const name of names) editor.press(key(name), COLUMNS);
	return shown(editor);
}

const TABLE: [string, string[], string][] = [
	["", ["a", "ü", "漢"], "aü漢|"],
	["one two", ["left", "X"], "one twX|o"],
	["one two", ["home", "X", "end", "Y"], "Xone twoY|"],
	["one two", ["C-a", "right", "X"], "oX|ne two"],
	["one two", ["C-left", "X"], "one X|two"],
	["one two", ["M-b", "M-b", "X"], "X|one two"],
	["one two", ["home", "C-right", "X"], "oneX| two"],
	["one two", ["home", "M-f", "M-f"], "one two|"],
	["one two", ["backspace"], "one tw|"],
	["one two", ["home", "backspace"], "|one two"],
	["one two", ["home", "delete"], "|ne two"],
	["one two", ["home", "C-delete"], "| two"],
	["one two", ["C-w"], "one |"],
	["path/to-it  ", ["C-w"], "|"],
	["path/to-it", ["M-backspace"], "path/to-|"],
	["one two", ["home", "M-d"], "| two"],
	["one two", ["left", "C-k"], "one tw|"],
	["one two", ["left", "C-u"], "|o"],
	["one\ntwo", ["C-u"], "one\n|"],
	["one\ntwo", ["home", "backspace"], "one|two"],
	["one\ntwo", ["up", "X"], "oneX|\ntwo"],
	["one\ntwo", ["C-home", "X"], "X|one\ntwo"],
	["one\ntwo", ["up", "end", "delete"], "one|two"],
	["one", ["M-return", "x"], "one\nx|"],
	["one", ["enter", "x"], "one\nx|"],
	["long line\nx\nlong line", ["up", "up", "X"], "long lineX|\nx\nlong line"],
	["👩‍👩‍👧 family", ["home", "delete"], "| family"],
	["e\u0301te\u0301", ["home", "right", "backspace"], "|te\u0301"],
	["漢字", ["left", "backspace"], "|字"],
];

test.each(TABLE)("%j and %j make %j", (start, names, expected) => {
	expect(after(start, ...names)).toBe(expected);
});

describe("a paste", () => {
	test.each([
		["of three lines arrives as three lines, however they end", "one\rtwo\r\nthree\n"],
		["of three lines arrives as three lines, as Unix ends them", "one\ntwo\nthree\n"],
	])("%s", (_, text) => {
		const editor = new Editor();
		expect(editor.press(paste(text), COLUMNS)).toBe("edited");
		expect(editor.text).toBe("one\ntwo\nthree\n");
	});

	test("goes in where the cursor is, without what would steer a terminal", () => {
		const editor = new Editor();
		editor.set("ab");
		editor.press(key("left"), COLUMNS);
		editor.press(paste("1\u001b[31m2\u0007\t3"), COLUMNS);
		expect(editor.text).toBe("a12\t3b");
	});

	test("that is longer than what fits is cut between characters, and the editor says that it is full", () => {
		const editor = new Editor();
		editor.press(paste(`${"x".repeat(99_999)}👍👍`), COLUMNS);
		expect(editor.isFull).toBe(false);
		expect(editor.text).toBe("x".repeat(99_999));
		editor.press(key("y"), COLUMNS);
		editor.press(key("z"), COLUMNS);
		expect(editor.isFull).toBe(true);
		expect(editor.text.endsWith("xy")).toBe(true);
	});
});

test("Enter alone is for the owner; keys that are not the editor's change nothing", () => {
	const editor = new Editor();
	editor.set("one");
	expect(editor.press(key("return"), COLUMNS)).toBe("send");
	for (const name of ["escape", "tab", "pageup", "f1", "C-n", "C-e", "M-x", "C-z"])
		expect(editor.press(key(name), COLUMNS), name).toBe("other");
	expect(editor.text).toBe("one");
});

test("Up and Down go by the rows that are seen, then into what was sent; what was begun comes back", () => {
	const editor = new Editor(["first", "second"]);
	editor.set(`${"a".repeat(COLUMNS)}${"b".repeat(5)}`);
	editor.press(key("up"), COLUMNS);
	editor.press(key("X"), COLUMNS);
	expect(editor.text).toBe(`aaaaaX${"a".repeat(COLUMNS - 5)}bbbbb`);
	const own = editor.text;
	editor.press(key("up"), COLUMNS);
	expect(editor.text).toBe("second");
	editor.press(key("up"), COLUMNS);
	editor.press(key("up"), COLUMNS);
	expect(editor.text).toBe("first");
	editor.press(key("down"), COLUMNS);
	expect(editor.text).toBe("second");
	editor.press(key("down"), COLUMNS);
	expect(editor.text).toBe(own);
	editor.press(key("down"), COLUMNS);
	expect(editor.text).toBe(own);
});

test("of more rows than there is room those around the cursor are seen, wide characters whole", () => {
	const editor = new Editor();
	editor.set("漢字漢字漢\nsecond\nthird");
	const atEnd = { rows: ["d", "third"], caret: { row: 1, column: 5 }, above: 4, below: 0 };
	expect(editor.view(5, 2)).toEqual(atEnd);
	editor.press(key("C-home"), 5);
	const atStart = { rows: ["漢字", "漢字"], caret: { row: 0, column: 0 }, above: 0, below: 4 };
	expect(editor.view(5, 2)).toEqual(atStart);
});

test("what was recalled and changed is a text of one's own; what is sent meanwhile is recalled first", () => {
	const history = ["first"];
	const editor = new Editor(history);
	editor.press(key("up"), COLUMNS);
	editor.press(key("!"), COLUMNS);
	history.push("second");
	editor.press(key("up"), COLUMNS);
	expect(editor.text).toBe("second");
	editor.press(key("down"), COLUMNS);
	expect(editor.text).toBe("first!");
});

test("words of a long line stay whole where they can; all of it is there, row by row", () => {
	const editor = new Editor();
	const text = "Both, the older one first; then 漢字漢字 and https://example.org/0123456789012345 too";
	editor.set(text);
	const { rows } = editor.view(COLUMNS, 99);
	expect(rows).toEqual([
		"Both, the older one ",
		"first; then 漢字漢字",
		" and https://example",
		".org/012345678901234",
		"5 too",
	]);
	expect(rows.join("")).toBe(text);
	editor.press(key("C-home"), COLUMNS);
	for (const _ of rows.slice(1)) editor.press(key("down"), COLUMNS);
	editor.press(key("X"), COLUMNS);
	expect(editor.text).toBe(text.replace("5 too", "X5 too"));
});
