/** How tasks ended, as a feed tells it, and the ends whose events the capped stream has dropped. */
import { isEnded, type State } from "../../task/states.ts";
import { isBefore } from "./events.ts";
import type { Store } from "./store.ts";

const TASKS_AT_ONCE = 1_000;

export interface FeedEnd {
	task: string;
	/** one of the ended states, or parked */
	state: State;
	/** ms since the Unix epoch */
	at: number;
	/** its place in the stream: tells it from another end of the same task; absent in old cursors */
	event?: string;
}

/** How tasks ended between two places of the stream, both exclusive, in the order of the events. null: no limit */
export async function lostEnds(store: Store, after: string, before: string | null): Promise<FeedEnd[]> {
	const ids = await store.ids();
	const found: FeedEnd[] = [];
	for (let at = 0; at < ids.length; at += TASKS_AT_ONCE)
		found.push(...(await endsOf(store, ids.slice(at, at + TASKS_AT_ONCE))));
	return found
		.filter((end) => isBefore(after, placeOf(end)) && (before === null || isBefore(placeOf(end), before)))
		.sort((a, b) => (isBefore(placeOf(a), placeOf(b)) ? -1 : 1));
}

/** How those of the tasks ended that have. */
export async function endsOf(store: Store, ids: readonly string[]): Promise<FeedEnd[]> {
	const all = await store.fieldsOf(ids, ...END_FIELDS);
	return ids.flatMap((id, n) => endIn(id, all[n] ?? []) ?? []);
}

/** Whether the task's last end is this one. Started again since, or removed: there is nothing to tell. */
export async function isCurrent(store: Store, { task, state, event }: FeedEnd): Promise<boolean> {
	const [end] = await endsOf(store, [task]);
	return end?.state === state && (event === undefined || end.event === undefined || end.event === event);
}

const END_FIELDS = ["state", "endEvent", "endedAt"];

/** What else stands there names no place. */
const PLACE = /^\d{1,19}-\d{1,19}$/;

function endIn(task: string, [state, endEvent, endedAt]: readonly (string | null)[]): FeedEnd | null {
	if (!state || !(isEnded(state as State) || state === "parked")) return null;
	const event = PLACE.test(endEvent ?? "") ? endEvent : null;
	const time = Number(endedAt) || Number(event?.split("-")[0] ?? 0);
	const at = Number.isSafeInteger(time) && time > 0 ? time : 0;
	return { task, state: state as State, at, ...(event ? { event } : {}) };
}

/** A task that an earlier version ended names no event: its time is the same clock to a few ms. */
function placeOf({ event, at }: FeedEnd): string {
	return event ?? `${at}-0`;
}
