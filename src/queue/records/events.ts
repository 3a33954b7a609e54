/** What happened: one capped stream of events per namespace. */
import {
	count,
	flag,
	matching,
	nullable,
	object,
	oneOf,
	since,
	soundOrNull,
	text,
	time,
} from "../../task/check.ts";
import { STATES, type State } from "../../task/states.ts";
import type { Store } from "./store.ts";

export interface TaskEvent {
	/** the stream's id: its place in the order of events */
	id: string;
	task: string;
	kind: string;
	/** ms since the Unix epoch */
	at: number;
	state?: State;
	seq?: string;
	text?: string;
	epoch?: number;
	/** of a start: not the task's first one. Epochs do not tell, they go on where a removed task had the same id */
	again?: boolean;
	reason?: string;
	why?: string;
	by?: string;
}

const ID_OR_NONE = matching(/^(?:[a-z0-9-]{1,64})?$/, "an id");
const WORD = matching(/^[a-z_]{1,40}$/, "a word");
const textOrNone = since(null, nullable(text));

/** null: not said */
const checkEvent = object({
	task: ID_OR_NONE,
	kind: WORD,
	at: time,
	state: since(null, nullable(oneOf(STATES))),
	seq: since(null, nullable(matching(/^\d{1,20}$/, "a number"))),
	text: textOrNone,
	epoch: since(null, nullable(count)),
	again: since(null, nullable(flag)),
	reason: textOrNone,
	why: textOrNone,
	by: textOrNone,
});

/** Events after `lastId`, oldest first. */
export async function eventsAfter(store: Store, lastId: string, count = 1_000): Promise<TaskEvent[]> {
	return (await eventsFrom(store, lastId, count)).events;
}

export interface EventPage {
	/** oldest first */
	events: TaskEvent[];
	/** the oldest event that the stream still holds; null: it is empty */
	firstId: string | null;
}

/** Events after `lastId`, and where the stream begins: a reader before that has missed some. */
export async function eventsFrom(store: Store, lastId: string, count: number): Promise<EventPage> {
	const { events: key } = store.keys;
	const page = await store.guard((client) => client.xrange(key, `(${lastId}`, "+", "COUNT", String(count)));
	// Afterwards: where the stream begins only moves on, so what is no gap now was none then.
	const first = await store.guard((client) => client.xrange(key, "-", "+", "COUNT", "1"));
	return { events: page.map(eventOf), firstId: first[0]?.[0] ?? null };
}

/** One that cannot be read is nobody's news, and keeps its place in the order. */
function eventOf([id, fields]: [string, string[]]): TaskEvent {
	const event = soundOrNull(checkEvent, fields[1] ?? "");
	// Its place counts all the same: a reader goes on behind it.
	if (event === null) return { id, task: "", kind: "damaged", at: Number(id.split("-")[0]) || 0 };
	const known = Object.entries(event).filter(([, value]) => value !== null);
	return { ...(Object.fromEntries(known) as unknown as TaskEvent), id };
}

/** The stream's last place; "0" while it is empty. */
export async function lastEventId(store: Store): Promise<string> {
	const [last] = await store.guard((client) => client.xrevrange(store.keys.events, "+", "-", "COUNT", "1"));
	return last?.[0] ?? "0";
}

/** Notes something that is not a move: a repair of the sweep, a refused question file. Of one task's not too many. */
export async function noteEvent(
	store: Store,
	{ task: id, kind, ...more }: Pick<TaskEvent, "task" | "kind" | "text" | "why" | "seq" | "by">,
): Promise<void> {
	await store.run("noteEvent", { id, kind, more, evenDamaged: true });
}

/** Whether event `a` came before event `b`: `<ms>-<n>`, n left out where it is 0. */
export function isBefore(a: string, b: string): boolean {
	const [msA = "0", nA = "0"] = a.split("-");
	const [msB = "0", nB = "0"] = b.split("-");
	return msA === msB ? BigInt(nA) < BigInt(nB) : BigInt(msA) < BigInt(msB);
}

/** The place right before an event: what comes after it begins with that event. */
export function placeBefore(id: string): string {
	const [ms = "0", n = "0"] = id.split("-");
	const last = (2n ** 64n - 1n).toString();
	return n === "0" ? `${BigInt(ms) - 1n}-${last}` : `${ms}-${BigInt(n) - 1n}`;
}
