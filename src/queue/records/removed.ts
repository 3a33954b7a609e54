/**
 * Notices of removed tasks for their host: whoever removes a task clears Redis, the host clears its disk. A
 * notice is taken away only after it was followed: a repeat does no harm.
 */
import { isBefore, lastEventId } from "./events.ts";
import { NOTICES_KEPT, type RemovedTask, soundRemoved } from "./removed-task.ts";
import type { Store } from "./store.ts";

const NOTICES_AT_ONCE = 200;
const EVENTS_AT_ONCE = 1_000;
/** What an event may hold that is none of what a task, its agent or a person said. Anything else is, of whatever kind it is. */
const WITHOUT_TEXT = ["task", "kind", "at", "state", "seq", "epoch", "again", "reason", "by"];

export interface Notice extends RemovedTask {
	/** its record is in Redis */
	isThere: boolean;
}

/**
 * Hands the notices of a host to `clear`, oldest first; one that is damaged is dropped. Where a record of the same
 * nonce is there, somebody put it back: no task is made twice under one.
 * @param clear returns those that could not be cleared now: their notices stay
 * @returns how many were followed
 */
export async function followRemovals(
	store: Store,
	host: string,
	clear: (tasks: Notice[]) => Promise<ReadonlySet<RemovedTask>>,
): Promise<number> {
	const key = store.keys.removed(host);
	// Whoever writes to Redis can add any number, at any speed: a start waits for no more than these.
	await store.guard((client) => client.ltrim(key, -NOTICES_KEPT, -1));
	let followed = 0;
	for (let kept = 0, seen = 0; seen < NOTICES_KEPT; ) {
		const from = kept;
		const texts = await store.guard((client) => client.lrange(key, from, from + NOTICES_AT_ONCE - 1));
		if (texts.length === 0) break;
		seen += texts.length;
		const removals = new Map<Notice, string>();
		const told = texts.flatMap((text) => {
			const task = readNotice(text);
			return task === null ? [] : [{ task, text }];
		});
		const present = await store.fieldsOf(
			told.map(({ task }) => task.id),
			"nonce",
		);
		for (const [at, { task, text }] of told.entries())
			removals.set({ ...task, isThere: present[at]?.[0] === task.nonce }, text);
		const left = removals.size > 0 ? await clear([...removals.keys()]) : new Set<RemovedTask>();
		followed += removals.size - left.size;
		const leftTexts = new Set([...removals].flatMap(([task, text]) => (left.has(task) ? [text] : [])));
		const done = texts.filter((text) => !leftTexts.has(text));
		kept += texts.length - done.length;
		// One by one: what others add or trim meanwhile moves places.
		const pipeline = store.client.pipeline();
		for (const text of done) pipeline.lrem(key, 1, text);
		await store.replies(pipeline);
	}
	return followed;
}

function readNotice(text: string): RemovedTask | null {
	try {
		return soundRemoved(JSON.parse(text));
	} catch (error) {
		if (error instanceof SyntaxError) return null;
		throw error;
	}
}

/**
 * Takes all that holds a text out of the events of removed tasks. A new task under the same id keeps its own.
 * @returns how many events went
 */
export async function forgetTexts(store: Store, ids: ReadonlySet<string>): Promise<number> {
	const named = [...ids];
	// Up to there whatever is told of one that is not there now is told of one that was removed.
	const last = await lastEventId(store);
	const nonces = await store.fieldsOf(named, "nonce");
	const isThere = new Set(named.filter((_, at) => nonces[at]?.[0]));
	const undecided = new Map<string, string[]>();
	return dropFromStream(store, store.keys.events, (page) =>
		page.flatMap(([place, fields]) => {
			const event = eventIn(fields[1] ?? "");
			if (event === null || !ids.has(event.task)) return [];
			const its = undecided.get(event.task) ?? [];
			undecided.set(event.task, its);
			if (Object.keys(event).some((field) => !WITHOUT_TEXT.includes(field))) its.push(place);
			const isOfRemoved = event.kind === "removed" || (!isThere.has(event.task) && !isBefore(last, place));
			return isOfRemoved ? its.splice(0) : [];
		}),
	);
}

/** @param goneOf of a page of entries, the oldest first: the places of those that go, or of earlier ones. @returns how many went */
export async function dropFromStream(
	store: Store,
	key: string,
	goneOf: (page: [place: string, namesAndValues: string[]][]) => string[],
): Promise<number> {
	let gone = 0;
	let from = "-";
	for (;;) {
		const page = await store.guard((client) => client.xrange(key, from, "+", "COUNT", EVENTS_AT_ONCE));
		const its = goneOf(page);
		if (its.length > 0) gone += await store.guard((client) => client.xdel(key, ...its));
		const last = page.at(-1)?.[0];
		if (last === undefined || page.length < EVENTS_AT_ONCE) return gone;
		from = `(${last}`;
	}
}

function eventIn(text: string): { task: string; kind: unknown } | null {
	try {
		const event = JSON.parse(text) as { task: unknown; kind: unknown } | null;
		return typeof event?.task === "string" ? { ...event, task: event.task } : null;
	} catch {
		return null;
	}
}
