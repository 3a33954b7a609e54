/** A plan that is a table: one column holds boxes or states, and what that column holds decides for every row. */
import { boxAt, glyphAt, type PlanLine, withPlainBrackets } from "./plan-item.ts";
import { isDoneInColumn, type Marker, markerOf, stateIn } from "./plan-state.ts";

export interface TableRow extends PlanLine {
	/** of the lines that were given */
	line: number;
}

const BAR = /(?<!\\)\|/;

export function isTableLine(line: string): boolean {
	return /^\s*(?:\||｜)/.test(line);
}

/** A row without a bar at its beginning: of a table only where a rule says that there is one. */
export function isBareRow(line: string): boolean {
	return BAR.test(line) && line.trim() !== "";
}

/** The rows of an HTML table on lines of their own, with bars instead of tags. */
export function withBars(line: string): string[] {
	if (!/^\s*<(?:tr|td|th|table|tbody)\b/i.test(line)) return [line];
	return line.split(/<\/tr\s*>/i).map((row) =>
		row
			.replace(/<t[dh]\b[^<>]{0,100}>/gi, "|")
			.replace(/<\/?(?:t[dhr]|table|tbody|thead)\b[^<>]{0,100}>/gi, "")
			.trim(),
	);
}

/** `|---|:-:|`: the row above it names the columns. */
export function isRule(line: string): boolean {
	return line.includes("-") && /^\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?$/.test(line.trim());
}

/**
 * @param lines that follow each other, each of which is one of a table
 * @returns the items; none where no cell is a state: then it is a table of other things
 */
export function readTable(lines: readonly string[]): TableRow[] {
	const rule = lines.findIndex(isRule);
	const answers = rule > 0 ? columnOfAnswers(lines[rule - 1] ?? "") : -1;
	const rows = lines.flatMap((line, at) =>
		at === rule || at === rule - 1 || isRule(line) ? [] : [rowOf(line, at, answers)],
	);
	const columns = new Set(rows.flatMap(({ state }) => (state === null ? [] : [state.column])));
	return rows.flatMap(({ line, cells, texts, state }): TableRow[] => {
		if (state !== null) return [{ line, marker: state.marker, text: joined(texts, state.column) }];
		const [column] = columns;
		// Not understood, or empty: never done.
		if (column !== undefined && columns.size === 1)
			return [
				{
					line,
					marker: isDoneInColumn(cells[column] ?? "") ? "x" : " ",
					text: joined(texts, column) || joined(cells, -1),
				},
			];
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

/** "| Task | Done? |": any answer in that column is a state. */
function columnOfAnswers(head: string): number {
	return cellsOf(head).findIndex((cell) =>
		/^(?:done|complete|completed|finished|erledigt|fertig|fait|termin[ée]|hecho|completado|готово|完了|完成)\s?[?？]?$/iu.test(
			cell,
		),
	);
}

function cellsOf(line: string): string[] {
	return withPlainBrackets(line)
		.replaceAll("｜", "|")
		.split(BAR)
		.map((cell) => cell.trim().replace(/^[*_~`]+(?=\[)|(?<=\])[*_~`]+$/g, ""));
}

function rowOf(line: string, at: number, answers: number): Row {
	const cells = cellsOf(line);
	const texts = line.replaceAll("｜", "|").split(BAR);
	const answer = cells[answers];
	if (answer !== undefined) {
		const yes = /^(?:y|yes|true|ja|oui|sí|да|是|はい|○|●)$/iu.test(answer);
		return {
			line: at,
			cells,
			texts,
			state: { column: answers, marker: yes ? "x" : (cellMarker(answer) ?? markerOf(answer) ?? " ") },
		};
	}
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
