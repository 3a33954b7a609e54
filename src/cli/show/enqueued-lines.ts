/** Lines of a task that was submitted, or would be. */
import { oneLine } from "./output.ts";

const IDS_SHOWN = 5;

/** @param ids what it waits for */
export function afterLines(ids: readonly string[]): string[] {
	return ids.length === 0 ? [] : [`It starts once ${listed(ids)} completed.`];
}

function listed(ids: readonly string[]): string {
	const names = ids.slice(0, IDS_SHOWN).map((id) => `\`${id}\``);
	const more = ids.length > names.length ? [`${ids.length - names.length} more`] : [];
	const all = [...names, ...more];
	if (all.length === 1) return `${all[0]} has`;
	return `${all.slice(0, -1).join(", ")} and ${all.at(-1)} have`;
}

/** The checklist that it is given. */
export function planLines(givenItems: readonly string[]): string[] {
	if (givenItems.length === 0) return ["The agent writes its plan first."];
	return ["Plan:", ...givenItems.map((item, i) => `  ${i + 1}. ${oneLine(item)}`)];
}
