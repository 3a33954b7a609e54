/** A table without borders: on a terminal as wide as that, in a pipe as wide as what stands in it. */
const GAP = "  ";
/** A word stays whole, unless less than this part of the room would be used. */
const LEAST_PART = 0.5;
/** Less says nothing. */
const NARROWEST = 4;
const PLAIN = /^[ -~…]*$/;

export interface Column {
	heading: string;
	/** one line each, without colours */
	cells: readonly string[];
	/** colours a cell that was cut to its room */
	paint?: (cell: string, row: number) => string;
	/** it is never wider than this, in a pipe neither */
	most?: number;
	/** it may be cut to so many columns of the terminal; without it, it stays whole */
	least?: number;
	/** it is not cut further than this while another column can go */
	wish?: number;
	/** where there is no room for all, the one with the highest goes first; without it, it stays */
	goes?: number;
}

type Measure = (text: string) => number;

/**
 * How wide lines may be; null: not limited, since a program reads them. COLUMNS goes before what the terminal says.
 */
export function roomOf(
	stream: { isTTY?: boolean; columns?: number },
	env: Record<string, string | undefined>,
): number | null {
	if (stream.isTTY !== true) return null;
	const given = /^[1-9]\d{0,3}$/.test(env.COLUMNS ?? "") ? Number(env.COLUMNS) : 0;
	return given || stream.columns || 80;
}

/**
 * @param columns of as many cells each
 * @param room columns of the terminal; null: nothing is cut
 * @returns the headings and the rows, without blanks at their ends
 */
export async function table(
	columns: readonly Column[],
	room: number | null,
	dim: (heading: string) => string,
): Promise<string[]> {
	const measure = await measureOf(columns.flatMap(({ cells }) => cells));
	const fitted = placedIn(columns, room, measure);
	const rows = (columns[0]?.cells ?? []).map((_, row) =>
		lineOf(
			fitted.map((each) => ({ ...each, cell: each.column.cells[row] ?? "" })),
			row,
			measure,
		),
	);
	const head = fitted.map((each) => ({ ...each, cell: each.column.heading, column: { paint: dim } }));
	return [lineOf(head, 0, measure), ...rows];
}

interface Placed {
	cell: string;
	width: number;
	column: Pick<Column, "paint">;
}

function lineOf(cells: readonly Placed[], row: number, measure: Measure): string {
	return cells
		.map(({ cell, width, column: { paint } }, at) => {
			const text = cutWords(cell, width, measure);
			const blanks = at === cells.length - 1 ? "" : " ".repeat(Math.max(0, width - measure(text)));
			return (text === "" ? "" : (paint?.(text, row) ?? text)) + blanks;
		})
		.join(GAP)
		.trimEnd();
}

/**
 * First columns are narrowed that may be cut, the last one first; where that is not enough, one goes. Where none may
 * go and it is still too wide, all are narrowed.
 */
function placedIn(
	columns: readonly Column[],
	room: number | null,
	measure: Measure,
): { column: Column; width: number }[] {
	const placed = columns.map((column) => ({
		column,
		width: Math.min(
			column.most ?? Number.POSITIVE_INFINITY,
			Math.max(column.heading.length, ...column.cells.map(measure)),
		),
	}));
	if (room === null) return placed;
	const gaps = GAP.length * (placed.length - 1);
	const excess = placed.reduce((sum, { width }) => sum + width, gaps) - room;
	const goes = Math.max(...columns.map((column) => column.goes ?? 0));
	const spare = ({ column: { least, wish }, width }: (typeof placed)[number]) =>
		least === undefined ? 0 : Math.max(0, width - (goes > 0 ? Math.max(least, wish ?? 0) : least));
	if (goes > 0 && placed.reduce((sum, each) => sum + spare(each), 0) < excess) {
		const others = columns.filter((column) => column.goes !== goes);
		return placedIn(others, room, measure);
	}
	let left = Math.max(0, excess);
	for (const each of [...placed].reverse()) {
		const given = Math.min(left, spare(each));
		each.width -= given;
		left -= given;
	}
	return left > 0 ? squeezed(placed, room) : placed;
}

/** No line is wider than the room: the widest column gives first; the last ones go that have no room for a word. */
function squeezed<T extends { width: number }>(placed: readonly T[], room: number): T[] {
	const total = (each: readonly T[], widest: number) =>
		each.reduce((sum, { width }) => sum + Math.min(width, widest), GAP.length * (each.length - 1));
	const kept = [...placed];
	while (kept.length > 1 && total(kept, NARROWEST) > room) kept.pop();
	let widest = Math.max(...kept.map(({ width }) => width));
	while (widest > 1 && total(kept, widest) > room) widest--;
	const left = Math.max(0, room - total(kept, widest));
	// What is left over is too little for all of them: the first ones have it.
	const wider = kept.filter(({ width }) => width > widest).slice(0, left);
	return kept.map((each) => ({
		...each,
		width: Math.min(each.width, wider.includes(each) ? widest + 1 : widest),
	}));
}

let graphemes: Intl.Segmenter | undefined;

/** Cut with `…` at the end of a word; within one where it is a long one, or a script has no blanks. */
function cutWords(text: string, width: number, measure: Measure): string {
	if (measure(text) <= width) return text;
	let used = 0;
	let kept = "";
	let whole = "";
	graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
	for (const { segment } of graphemes.segment(text)) {
		if (/\s/.test(segment)) whole = kept;
		used += measure(segment);
		if (used > width - 1) break;
		kept += segment;
	}
	const words = measure(whole) >= (width - 1) * LEAST_PART ? whole : kept;
	return width <= 0 ? "" : `${words.trimEnd().replace(/[,;:]$/, "")}…`;
}

/** Wide characters take two columns, combining ones none; what is plain needs no knowledge of them. */
async function measureOf(texts: readonly string[]): Promise<Measure> {
	if (texts.every((text) => PLAIN.test(text))) return (text) => text.length;
	const { default: stringWidth } = await import("string-width");
	return (text) => stringWidth(text);
}
