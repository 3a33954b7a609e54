/** The keys in the last line: as many as fit, whole, the last ones in any case. */
import type { Output } from "../show/output.ts";
import type { Size } from "./terminal.ts";
import { clip, widthOf } from "./text.ts";

const GAP = "   ";
const NARROW_GAP = "  ";
/** They say where the others stand, and how to leave. */
const KEPT = 2;
/** Below it each column counts. */
const WIDE_COLUMNS = 60;

/** @param hints the most useful first; the last two are kept */
export function hintLine(hints: readonly string[], { columns }: Size, colors: Output["colors"]): string {
	const gap = columns >= WIDE_COLUMNS ? GAP : NARROW_GAP;
	const shown = columns >= WIDE_COLUMNS ? hints : hints.map((hint) => hint.replace("Ctrl-", "^"));
	const last = shown.slice(-KEPT);
	const line = (some: readonly string[]) => ` ${[...some, ...last].join(gap)}`;
	const first = shown.slice(0, -KEPT);
	const count = first.findIndex((_, n) => widthOf(line(first.slice(0, n + 1))) > columns);
	return colors.dim(clip(line(count === -1 ? first : first.slice(0, count)), columns));
}

/** In their place while keys do nothing. */
export function heldLine({ columns }: Size, colors: Output["colors"]): string {
	return colors.dim(clip(" Keys work in a moment", columns));
}
