/**
 * Notices of removed tasks for their host: whoever removes a task clears Redis, the host clears its disk. A
 * notice is taken away only after it was followed: a repeat does no harm.
 */
import { NOTICES_KEPT, type RemovedTask, soundRemoved } from "./removed-task.ts";
import type { Store } from "./store.ts";

const NOTICES_AT_ONCE = 200;
const EVENTS_AT_ONCE = 1_000;
/** They quote what the agent asked and was told. */
const QUOTING = ["asked", "answered", "noted", "file_refused", "self_answered"];

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

/** Takes what quotes an agent or a person out of the events of removed tasks. @returns how many events went */
export function forgetQuotes(store: Store, ids: ReadonlySet<string>): Promise<number> {
	return dropFromStream(store, store.keys.events, (fields) => isQuote(fields[1] ?? "", ids));
}

/** @param isIts whether an entry with these fields (names and values in turns) goes. @returns how many went */
export async function dropFromStream(
	store: Store,
	key: string,
	isIts: (fields: string[]) => boolean,
): Promise<number> {
	let gone = 0;
	let from = "-";
	for (;;) {
		const page = await store.guard((client) => client.xrange(key, from, "+", "COUNT", EVENTS_AT_ONCE));
		const its = page.flatMap(([id, fields]) => (isIts(fields) ? [id] : []));
		if (its.length > 0) gone += await store.guard((client) => client.xdel(key, ...its));
		const last = page.at(-1)?.[0];
		if (last === undefined || page.length < EVENTS_AT_ONCE) return gone;
		from = `(${last}`;
	}
}

function isQuote(text: string, ids: ReadonlySet<string>): boolean {
	try {
		const { task, kind } = JSON.parse(text) as { task: unknown; kind: unknown };
		return typeof task === "string" && ids.has(task) && QUOTING.includes(String(kind));
	} catch {
		return false;
	}
}
