/** A text on the screen of which a part is in sight: it scrolls, and keeps its place in the text at every width. Pure. */

/** Where something stands in a text, however it is wrapped. */
export interface Place {
	/** of the text, from 0 */
	line: number;
	/** characters of that line before it */
	at: number;
}

/** A row of the screen, and where what is on it begins. */
export interface Row extends Place {
	text: string;
}

export const START: Place = { line: 0, at: 0 };

export interface Pane {
	lines: string[];
	/** rows out of sight */
	above: number;
	below: number;
}

/** @param from the place in the first row in sight; null: the end, also where there is more of it by then */
export function paneOf(rows: readonly Row[], room: number, from: Place | null): Pane {
	const above = firstInSight(rows, room, from);
	const inSight = rows.slice(above, above + room).map(({ text }) => text);
	return { lines: inSight, above, below: rows.length - above - inSight.length };
}

/**
 * @param step so many rows on; negative: back
 * @returns the place then; null: the end. Where all is in sight nothing moves
 */
export function scrolled(rows: readonly Row[], room: number, from: Place | null, step: number): Place | null {
	const last = Math.max(0, rows.length - room);
	if (last === 0) return from;
	const to = Math.max(0, Math.min(last, firstInSight(rows, room, from) + step));
	const row = rows[to];
	return to === last || row === undefined ? null : { line: row.line, at: row.at };
}

/** Never beyond the end: the way back would be longer than what is seen. */
function firstInSight(rows: readonly Row[], room: number, from: Place | null): number {
	const last = Math.max(0, rows.length - room);
	if (from === null) return last;
	const behind = rows.findIndex(({ line, at }) => line > from.line || (line === from.line && at > from.at));
	return Math.max(0, Math.min(last, (behind === -1 ? rows.length : behind) - 1));
}

/** @param lines the rows of each line, where it is not known of how many characters a row is */
export function rowsOfLines(lines: readonly (readonly string[])[], from = 0): Row[] {
	return lines.flatMap((rows, n) => rows.map((text, at) => ({ text, line: from + n, at })));
}
