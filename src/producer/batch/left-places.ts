/** Places for items that nothing fills in: they are sent as they stand, and cost a start before anybody sees it. */
import { similar } from "../../task/similar.ts";
import type { Placed } from "./placed.ts";
import type { Path } from "./read.ts";

/** As in `items.ts`, with any name. */
const ANY_PLACE = /\{\{\s*(\w+)\s*\}\}/g;
const NAMES = ["item", "items", "index"];

/**
 * A prompt may be about templates, so this is no fault.
 * @param placed a task as it is written
 * @returns a line with its place for each: one of the three names without `foreach`, and what is nearly one with it
 */
export function leftPlaces(placed: Placed): string[] {
	const { foreach, needs: _needs, ...task } = placed.task;
	const why = foreach === undefined ? withoutForeach : nearMiss;
	return Object.entries(task).flatMap(([key, value]) =>
		textsOf(value, []).flatMap(([text, below]) =>
			[...new Map([...text.matchAll(ANY_PLACE)].map(([all, name = ""]) => [all, why(name)]))].flatMap(
				([all, reason]) =>
					reason === null ? [] : [`${placed.placeOf(key, below)}: ${all} stays as it stands: ${reason}`],
			),
		),
	);
}

function withoutForeach(name: string): string | null {
	return NAMES.includes(name) ? "the task has no `foreach`." : null;
}

function nearMiss(name: string): string | null {
	const near = NAMES.includes(name) ? null : similar(name, NAMES);
	return near === null ? null : `did you mean {{${near}}}?`;
}

function textsOf(value: unknown, path: Path): [text: string, path: Path][] {
	if (typeof value === "string") return [[value, path]];
	if (typeof value !== "object" || value === null) return [];
	return Object.entries(value).flatMap(([key, each]) =>
		textsOf(each, [...path, Array.isArray(value) ? Number(key) : key]),
	);
}
