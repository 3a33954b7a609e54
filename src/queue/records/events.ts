/** What happened: one capped stream of events per namespace, and a channel that wakes the daemons. */
import type { Redis } from "ioredis";
import type { State } from "../../task/states.ts";
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
	reason?: string;
	why?: string;
	by?: string;
}

/** Events after `lastId`, oldest first. */
export async function eventsAfter(store: Store, lastId: string, count = 1_000): Promise<TaskEvent[]> {
	const entries = await store.guard((client) =>
		client.xrange(store.keys.events, `(${lastId}`, "+", "COUNT", String(count)),
	);
	return entries.map(([id, fields]) => ({ ...(JSON.parse(fields[1] ?? "{}") as Omit<TaskEvent, "id">), id }));
}

/** The stream's last place; "0" while it is empty. */
export async function lastEventId(store: Store): Promise<string> {
	const [last] = await store.guard((client) => client.xrevrange(store.keys.events, "+", "-", "COUNT", "1"));
	return last?.[0] ?? "0";
}

/** Notes something that is not a move: a repair of the sweep, a refused question file. */
export async function noteEvent(
	store: Store,
	event: { task: string; kind: string; text?: string; why?: string },
): Promise<void> {
	const body = JSON.stringify({ ...event, at: store.clock.now() });
	await store.guard((client) => client.xadd(store.keys.events, "MAXLEN", "~", "10000", "*", "e", body));
}

/** What wakes a daemon. A wake is a hint: it may be lost, and nothing depends on it. */
export type Wake = { kind: "outbox" } | { kind: "task"; task: string };

/**
 * Subscribes to the namespace's wakes on a connection of its own.
 * @returns ends the subscription
 */
export async function onWake(store: Store, client: Redis, listen: (wake: Wake) => void): Promise<() => void> {
	client.on("message", (_channel: string, message: string) => {
		if (message === "outbox") listen({ kind: "outbox" });
		else if (message.startsWith("task ")) listen({ kind: "task", task: message.slice("task ".length) });
	});
	await client.subscribe(store.keys.wake);
	return () => client.disconnect();
}
