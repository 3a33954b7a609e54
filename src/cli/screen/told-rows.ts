/** What is said once, above the keys. Pure. */
import { oneLine } from "../show/output.ts";
import type { Size } from "./terminal.ts";
import { foreign, wrap } from "./text.ts";

/** From here on there is room for blank lines. */
export const ROOMY_ROWS = 14;
/** Below it, what is said takes the place of the keys. */
export const LEAST_ROWS = 8;
const TOLD_ROWS = 4;
const TOLD_ROWS_NARROW = 3;

/** On several lines where there is room: what failed ends with what helps. Only what is far too long is cut. */
export function toldRows(text: string, { columns, rows }: Size): string[] {
	const most = rows >= ROOMY_ROWS ? TOLD_ROWS : rows >= LEAST_ROWS ? TOLD_ROWS_NARROW : 1;
	const lines = wrap(oneLine(text), columns - 2);
	const rest = lines.slice(most - 1).join(" ");
	return [...lines.slice(0, most - 1), foreign(rest, columns - 2)]
		.filter((line) => line !== "")
		.map((line) => ` ${line}`);
}
