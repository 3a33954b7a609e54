/** Text in columns of a terminal: wide characters take two, combining ones none. */
import { behindWord, cleanText, oneLine } from "../../task/clean-text.ts";
import { characters, measured } from "./characters.ts";
import type { Row } from "./pane.ts";

/** The longest emoji take less; more of what takes no column is not worth a terminal's time. */
const MOST_CHARS_A_COLUMN = 16;
const ASCII = /^[ -~]*$/;
const TAB = "  ";

/** One line of foreign text, at most so many columns; cut behind a word, as `oneLine` does. */
export function foreign(text: string, columns: number): string {
	const line = oneLine(text);
	const cut = clip(line, columns);
	return cut === line || columns <= 0 ? cut : behindWord(line, cut);
}

/** As `foreign`, with its end, which tells more of a path than its beginning. */
export function foreignEnd(text: string, columns: number): string {
	const line = oneLine(text);
	if (columns <= 0 || fits(line, columns)) return clip(line, columns);
	const room = columns * MOST_CHARS_A_COLUMN;
	let width = 0;
	let kept = "";
	for (const { segment } of [...characters(line)].reverse()) {
		width += widthOf(segment);
		if (width > columns - 1 || kept.length + segment.length > room) break;
		kept = segment + kept;
	}
	return `…${kept}`;
}

/** A line of our own, at most so many columns; cut with `…`. */
export function clip(line: string, columns: number): string {
	if (columns <= 0) return "";
	if (fits(line, columns)) return line;
	const room = columns * MOST_CHARS_A_COLUMN;
	let width = 0;
	let kept = "";
	for (const { segment } of characters(line)) {
		width += widthOf(segment);
		if (width > columns - 1 || kept.length + segment.length > room) break;
		kept += segment;
	}
	return `${kept}…`;
}

/** What is far too long is not measured. */
function fits(line: string, columns: number): boolean {
	return line.length <= columns * MOST_CHARS_A_COLUMN && widthOf(line) <= columns;
}

/** As `clip`, filled with spaces. */
export function pad(text: string, columns: number): string {
	const line = clip(text, columns);
	return line + " ".repeat(Math.max(0, columns - widthOf(line)));
}

const COLOR = /(\u001b\[[0-9;]*m)/;

/** As `clip`, for a line that has its colours already. */
export function clipPainted(line: string, columns: number): string {
	const parts = line.split(COLOR);
	// Every second part is a colour.
	const text = parts.filter((_, n) => n % 2 === 0).join("");
	if (fits(text, columns)) return line;
	let left = clip(text, columns);
	return parts
		.map((part, n) => {
			if (n % 2 === 1) return part;
			const kept = part.length < left.length ? part : left;
			left = left.slice(kept.length);
			return kept;
		})
		.join("");
}

/** A screen that stays draws the same texts every second. */
const known = new Map<string, number>();
const MOST_KNOWN = 1_000;

/** In columns; what is plain is not segmented. */
export function widthOf(line: string): number {
	if (ASCII.test(line)) return line.length;
	const before = known.get(line);
	if (before !== undefined) return before;
	const width = measured(line);
	if (known.size >= MOST_KNOWN) known.clear();
	known.set(line, width);
	return width;
}

/** The longest one that fits whole; else the last one, cut. @param lines the longest first */
export function longestFitting(lines: readonly string[], columns: number): string {
	return lines.find((line) => widthOf(line) <= columns) ?? clip(lines.at(-1) ?? "", columns);
}

/**
 * Foreign text over several lines of at most so many columns, nothing of it left out: words stay whole where they
 * can, what is indented stays so, and a word that is longer than a line goes on in the next one.
 */
export function wrap(text: string, columns: number): string[] {
	return wrapRows(text, columns).map(({ text: row }) => row);
}

/** As `wrap`, with the place of each row in the text, which is the same at every width. */
export function wrapRows(text: string, columns: number): Row[] {
	const width = Math.max(2, columns);
	return cleanText(text)
		.replaceAll("\t", TAB)
		.trimEnd()
		.split("\n")
		.flatMap((each, line) => wrapLine(each.trimEnd(), width).map((row) => ({ ...row, line })));
}

function wrapLine(line: string, columns: number): Omit<Row, "line">[] {
	if (fits(line, columns)) return [{ text: line, at: 0 }];
	const start = line.length - line.trimStart().length;
	const indent = " ".repeat(Math.min(start, Math.floor(columns / 2)));
	const rows: Omit<Row, "line">[] = [];
	let row = { text: indent, at: 0 };
	let wordAt = start;
	// Counted on: to measure the row again for each word would take the time of its width.
	let width = indent.length;
	let isEmpty = true;
	for (const word of line.trimStart().split(" ")) {
		const room = columns - width - (isEmpty ? 0 : 1);
		if (fits(word, room)) {
			row.text += isEmpty ? word : ` ${word}`;
			width = columns - room + widthOf(word);
		} else {
			if (!isEmpty) rows.push({ ...row, text: row.text.trimEnd() });
			const broken = pieces(indent + word, columns).map(({ from, to }) => ({
				text: (indent + word).slice(from, to),
				at: wordAt + Math.max(0, from - indent.length),
			}));
			rows.push(...broken.slice(0, -1));
			row = broken.at(-1) ?? row;
			width = widthOf(row.text);
		}
		wordAt += word.length + 1;
		isEmpty = false;
	}
	return [...rows, row];
}

/** Lines broken between words alone: a longer word is the terminal's, so that it can be copied whole. */
export function wordsWhole(text: string, columns: number): string {
	return text
		.split("\n")
		.map((line) => (fits(line, columns) ? line : brokenBetweenWords(line, columns)))
		.join("\n");
}

function brokenBetweenWords(line: string, columns: number): string {
	const rows: string[] = [];
	let row = "";
	for (const [word] of line.matchAll(/\s*\S+/g)) {
		if (row === "" || fits(row + word, columns)) row += word;
		else {
			rows.push(row);
			row = word.trimStart();
		}
	}
	return [...rows, row].join("\n");
}

/** A part of a text, by offsets. */
export interface Piece {
	from: number;
	to: number;
}

/** Where a line is broken that is too long, between characters; a tab takes as much as it is shown with. */
function pieces(line: string, columns: number): Piece[] {
	if (ASCII.test(line)) return plainPieces(line.length, columns);
	const found: Piece[] = [];
	let from = 0;
	let width = 0;
	const room = columns * MOST_CHARS_A_COLUMN;
	for (const { segment, index } of characters(line)) {
		const more = shownWidth(segment);
		const isFull = width + more > columns || index + segment.length - from > room;
		if (isFull && index > from) {
			found.push({ from, to: index });
			from = index;
			width = 0;
		}
		width += more;
	}
	return [...found, { from, to: line.length }];
}

/** As `pieces`, words whole where they can. */
export function wordPieces(line: string, columns: number): Piece[] {
	const found: Piece[] = [];
	let from = 0;
	let width = 0;
	for (const { 0: part, index } of line.matchAll(/\s+|\S+/g)) {
		const more = shownWidth(part);
		const to = index + part.length;
		if (width + more <= columns) width += more;
		else if (index > from && more <= columns && part.trim() !== "") {
			found.push({ from, to: index });
			from = index;
			width = more;
		} else {
			const start = from;
			const rows = pieces(line.slice(start, to), columns);
			for (const row of rows.slice(0, -1)) found.push({ from: start + row.from, to: start + row.to });
			from = start + (rows.at(-1)?.from ?? 0);
			width = shownWidth(line.slice(from, to));
		}
	}
	return [...found, { from, to: line.length }];
}

function plainPieces(length: number, columns: number): Piece[] {
	const count = Math.max(1, Math.ceil(length / columns));
	return Array.from({ length: count }, (_, n) => ({
		from: n * columns,
		to: Math.min(length, (n + 1) * columns),
	}));
}

/** As typed text is shown. */
export function shown(text: string): string {
	return text.replaceAll("\t", TAB);
}

export function shownWidth(text: string): number {
	return widthOf(shown(text));
}
