/** The keys in the last line: as many as fit, whole, the last ones in any case. */
import type { Output } from "../show/output.ts";
import type { Size } from "./terminal.ts";
import { clip, widthOf } from "./text.ts";

const GAP = "   ";
const NARROW_GAP = "  ";
/** They say where the others stand, and how to leave. */
const KEPT = 2;

/** @param hints the most useful first; the last two are kept */
export function hintLine(hints: readonly string[], { columns }: Size, colors: Output["colors"]): string {
	const gap = columns >= 60 ? GAP : NARROW_GAP;
	const last = hints.slice(-KEPT);
	const line = (some: readonly string[]) => ` ${[...some, ...last].join(gap)}`;
	const first = hints.slice(0, -KEPT);
	const count = first.findIndex((_, n) => widthOf(line(first.slice(0, n + 1))) > columns);
	return colors.dim(clip(line(count === -1 ? first : first.slice(0, count)), columns));
}

/** In their place while keys do nothing. */
export function heldLine({ columns }: Size, colors: Output["colors"]): string {
	return colors.dim(clip(" Keys work in a moment", columns));
}
