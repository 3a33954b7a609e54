/** A plan that is a table: one column holds boxes or states, and what that column holds decides for every row. */
import { boxAt, glyphAt, type PlanLine, withPlainBrackets } from "./plan-item.ts";
import { type Marker, markerOf, stateIn } from "./plan-state.ts";

export interface TableRow extends PlanLine {
	/** of the lines that were given */
	line: number;
}

const BAR = /(?<!\\)\|/;

export function isTableLine(line: string): boolean {
	return /^\s*(?:\||｜)/.test(line);
}

/** `|---|:-:|`: the row above it names the columns. */
function isRule(line: string): boolean {
	return line.includes("-") && /^\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?$/.test(line.trim());
}

/**
 * @param lines that follow each other, each of which is one of a table
 * @returns the items; none where no cell is a state: then it is a table of other things
 */
export function readTable(lines: readonly string[]): TableRow[] {
	const rule = lines.findIndex(isRule);
	const rows = lines.flatMap((line, at) =>
		at === rule || at === rule - 1 || isRule(line) ? [] : [rowOf(line, at)],
	);
	const columns = new Set(rows.flatMap(({ state }) => (state === null ? [] : [state.column])));
	return rows.flatMap(({ line, cells, texts, state }): TableRow[] => {
		if (state !== null) return [{ line, marker: state.marker, text: joined(texts, state.column) }];
		const [column] = columns;
		// Not understood, or empty: never done.
		if (column !== undefined && columns.size === 1)
			return [{ line, marker: " ", text: joined(texts, column) || joined(cells, -1) }];
		const box = cells.map((cell) => boxAt(cell, 0, false)).find((found) => found !== null);
		return box ? [{ line, marker: box.marker, text: joined(cells, -1) }] : [];
	});
}

interface Row {
	line: number;
	cells: string[];
	/** the cells as they stand there */
	texts: string[];
	state: { column: number; marker: Marker } | null;
}

function rowOf(line: string, at: number): Row {
	const cells = withPlainBrackets(line)
		.replaceAll("｜", "|")
		.split(BAR)
		.map((cell) => cell.trim().replace(/^[*_~`]+(?=\[)|(?<=\])[*_~`]+$/g, ""));
	const texts = line.replaceAll("｜", "|").split(BAR);
	for (const [column, cell] of cells.entries()) {
		const marker = cellMarker(cell);
		if (marker !== null) return { line: at, cells, texts, state: { column, marker } };
	}
	return { line: at, cells, texts, state: null };
}

function joined(cells: readonly string[], without: number): string {
	return cells
		.filter((_, at) => at !== without)
		.map((text) => text.trim())
		.filter(Boolean)
		.join(" · ");
}

function cellMarker(cell: string): Marker | null {
	const inside = /^\\?\[(.{0,24}?)\\?\]$/u.exec(cell)?.[1];
	if (inside !== undefined) return markerOf(inside.normalize("NFKC").trim());
	const glyph = glyphAt(cell, 0, true);
	const rest = glyph === null ? "" : cell.slice(glyph.end).trim();
	if (
		glyph !== null &&
		(rest === "" || (stateIn(rest) ?? glyph.marker) === glyph.marker) &&
		rest.length <= 24
	)
		return glyph.marker;
	return stateIn(cell);
}
