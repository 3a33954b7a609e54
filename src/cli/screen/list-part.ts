/** The part of a list that a screen has room for, and what is said of the rest. Pure. */
import type { Output } from "../show/output.ts";
import type { Size } from "./terminal.ts";
import { clip } from "./text.ts";

export interface ListPart<Item> {
	inSight: readonly Item[];
	/** the place in the list of the first one in sight */
	from: number;
	above: number;
	below: number;
}

/** Those around the selected one; where not all have room, a row is left for saying so, unless there is but one. */
export function partOf<Item>(items: readonly Item[], selected: number, rows: number): ListPart<Item> {
	const room = items.length > rows && rows > 1 ? rows - 1 : rows;
	const from = Math.max(0, Math.min(selected - Math.floor(room / 2), items.length - room));
	const inSight = items.slice(from, from + room);
	return { inSight, from, above: from, below: items.length - from - inSight.length };
}

/** `3 above, 6 more below`; nothing where all are in sight. */
export function moreLine(
	{ inSight, above, below }: ListPart<unknown>,
	{ columns }: Size,
	colors: Output["colors"],
): string[] {
	if (above + below === 0 || inSight.length < 2) return [];
	const parts = [above > 0 ? `${above} more above` : "", below > 0 ? `${below} more below` : ""];
	return [colors.dim(clip(`   ${parts.filter(Boolean).join(", ")}`, columns))];
}
