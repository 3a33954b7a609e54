/** A table without borders for a terminal or a pipe. */
import { withoutEscapes } from "../../task/escapes.ts";

const GAP = "  ";
const PLAIN = /^[ -~]*$/;

/**
 * @param rows cells of one line each, which may be coloured; every row has as many
 * @returns lines with the columns below each other, without blanks at their ends
 */
export async function columns(rows: readonly (readonly string[])[]): Promise<string[]> {
	const widths = await widthsOf(rows);
	const widest = (rows[0] ?? []).map((_, column) => Math.max(...widths.map((row) => row[column] ?? 0)));
	return rows.map((row, at) =>
		row
			.map((cell, column) => cell + " ".repeat((widest[column] ?? 0) - (widths[at]?.[column] ?? 0)))
			.join(GAP)
			.trimEnd(),
	);
}

/** Wide characters take two columns, combining ones none; what is plain needs no knowledge of them. */
async function widthsOf(rows: readonly (readonly string[])[]): Promise<number[][]> {
	const cells = rows.map((row) => row.map((cell) => withoutEscapes(cell)));
	if (cells.flat().every((cell) => PLAIN.test(cell)))
		return cells.map((row) => row.map((cell) => cell.length));
	const { default: stringWidth } = await import("string-width");
	return cells.map((row) => row.map((cell) => stringWidth(cell)));
}
