/** A text on the whole screen: logs, a report, the keys. Pure. */
import type { Output } from "../show/output.ts";
import { heldLine, hintLine } from "./hints.ts";
import { type Place, paneOf, type Row, rowsOfLines, START, scrolled } from "./pane.ts";
import type { Frame, Key, Size } from "./terminal.ts";
import { wrapRows } from "./text.ts";

/** The first line on the screen and the keys take one each. */
const FRAME_ROWS = 2;

export interface Page {
	title: string;
	/** null: it is being read */
	text: string | null;
	/** the first place in sight; null: the end, also when more comes */
	from: Place | null;
	/** what an empty one says */
	empty: string;
	/** in place of the text, where it is laid out by the width: the rows of each line */
	rows?: (columns: number) => string[][];
	/** whether q ends the program; else it goes back, as Esc */
	mayQuit: boolean;
	/** the character that opened it: it goes back, too */
	leaves?: string;
}

/** One that is read from its beginning. */
export function readPage(title: string, text: string | null, empty: string): Page {
	return { title, text, from: START, empty, mayQuit: true };
}

/** Whether a key goes back to where it was opened; `q` also where it ends the program, which is asked first. */
export function leavesPage(page: Page, { name, text }: Key): boolean {
	return ["escape", "q", "left", "f1"].includes(name) || (text !== "" && text === page.leaves);
}

/** @returns whether the key was one of its own */
export function pressPage(page: Page, { name, text, ctrl }: Key, size: Size): boolean {
	const rows = size.rows - FRAME_ROWS;
	const all = rowsOf(page, size);
	const last = all.length;
	const steps: Readonly<Record<string, number>> = {
		up: -1,
		k: -1,
		down: 1,
		j: 1,
		return: 1,
		pageup: -(rows - 1),
		b: -(rows - 1),
		pagedown: rows - 1,
		space: rows - 1,
		home: -last,
		end: last,
	};
	const step = text === "G" ? last : text === "g" ? -last : ctrl ? undefined : steps[name];
	if (step === undefined) return false;
	// Whoever goes to the end wants what comes.
	page.from = scrolled(all, rows, page.from, step);
	return true;
}

const HINTS = ["↑↓ PgUp PgDn scroll", "Esc back"];

/**
 * @param head the first line of the screen, from the place in the text
 * @param isHeld keys do nothing for a moment
 */
export function pageFrame(
	page: Page,
	head: (place: string) => string,
	size: Size,
	colors: Output["colors"],
	isHeld: boolean,
): Frame {
	const rows = Math.max(0, size.rows - FRAME_ROWS);
	const all = rowsOf(page, size);
	const { lines, above, below } = paneOf(all, rows, page.from);
	const place = above + below === 0 ? "" : `${above + lines.length}/${all.length} `;
	const hints = page.mayQuit ? [...HINTS, "q quit"] : HINTS;
	const filled = [...lines, ...Array<string>(Math.max(0, rows - lines.length)).fill("")];
	const keys = isHeld ? heldLine(size, colors) : hintLine(hints, size, colors);
	return { lines: [head(place), ...filled, keys].slice(0, size.rows), caret: null };
}

const wrapped = new WeakMap<Page, { text: string | null; columns: number; rows: Row[] }>();

/** Wrapped once for a text and a width: a log has many lines, and is drawn every second. */
function rowsOf(page: Page, { columns }: Size): Row[] {
	const known = wrapped.get(page);
	if (known !== undefined && known.text === page.text && known.columns === columns) return known.rows;
	if (page.rows !== undefined) return rowsOfLines(page.rows(columns));
	const text = page.text === null ? "…" : page.text.trim() === "" ? page.empty : page.text;
	const rows = wrapRows(text, columns);
	wrapped.set(page, { text: page.text, columns, rows });
	return rows;
}
