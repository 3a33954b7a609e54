/** Which agents of a host live, by the records, for its places. */
import type { TaskBrief } from "../queue/records/lists.ts";
import type { Store } from "../queue/records/store.ts";
import type { State } from "../task/states.ts";
import type { Life, Places } from "./places.ts";

export function lifeOf(state: State): Life {
	if (state === "asking") return "asks";
	return state === "running" ? "works" : "ended";
}

/** Tells the places: an agent of which no look has told lives all the same. @returns what it was told by */
export async function countLives(
	places: Places,
	store: Pick<Store, "liveBriefs">,
	host: string,
): Promise<Map<string, TaskBrief>> {
	const { moment } = places;
	const briefs = await store.liveBriefs(host);
	const lives = [...briefs].map(([task, { state }]) => [task, lifeOf(state)] as const);
	places.keep(new Map(lives.filter(([, life]) => life !== "ended")), moment);
	return briefs;
}
