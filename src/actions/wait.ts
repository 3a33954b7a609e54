/** Waits for what happens to tasks, by the records alone: a Redis that is away only delays it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../queue/records/store.ts";
import { Answers, ONE_LOOK_MS, orAborted, unlessAway } from "../queue/redis/or-aborted.ts";
import type { DamagedTask } from "../task/damaged.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded } from "../task/states.ts";
import { timeLimit } from "../task/time-limit.ts";
import { atWork, heldUp, type Needed, neededBeside } from "./held-up.ts";
import { HostWatch } from "./host-watch.ts";

const LOOK_MS = 250;
/** Whoever sees one fail starts it again: at these looks, and at the last one, what has ended is read again, too. */
const ENDED_LOOK_MS = 2_000;

export interface WaitOptions {
	/** one of them is enough */
	any: boolean;
	/** a question is enough, too */
	forQuestion: boolean;
	timeoutMs: number | null;
	/** ends the wait */
	signal: AbortSignal;
	/**
	 * called at every look, also the last one, before the next is made
	 * @param needed what the waiting ones among the records wait for beside them, and what that waits for
	 */
	onLook(records: readonly TaskRecord[], needed: readonly TaskRecord[]): unknown;
}

export type WaitEnd =
	/** all (or, for `any`, one) ended, are parked, or wait for one that is */
	| { kind: "ended"; records: TaskRecord[] }
	| { kind: "asks"; record: TaskRecord; seq?: string }
	/** a record in Redis is damaged, and nothing else is left to wait for; `records`: what has ended */
	| { kind: "damaged"; damaged: DamagedTask; records: TaskRecord[] }
	/** a task was removed meanwhile */
	| { kind: "removed"; id: string }
	/** `hostsGone`: as far as seen nobody works on what is left; `awaySince`: as in `Answers` */
	| { kind: "timedOut"; records: TaskRecord[]; hostsGone: boolean; awaySince: number | null }
	/** what is left belongs to hosts that are gone, and they did not come back for a while */
	| { kind: "hostGone"; records: TaskRecord[] }
	| { kind: "interrupted" };

/** @param store role `service`: its calls wait out an outage */
export async function waitFor(store: Store, ids: readonly string[], options: WaitOptions): Promise<WaitEnd> {
	const { timeoutMs, signal } = options;
	const until = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
	// However short it is, there is one look: what is so already is told, and no outage is made up.
	const limit = timeLimit(timeoutMs === null ? null : Math.max(timeoutMs, ONE_LOOK_MS), signal);
	try {
		return await lookUntil(store, ids, options, { until, limit: limit.signal });
	} finally {
		limit.release();
	}
}

async function lookUntil(
	store: Store,
	ids: readonly string[],
	options: WaitOptions,
	{ until, limit }: { until: number; limit: AbortSignal },
): Promise<WaitEnd> {
	const seen: Seen = {
		records: new Map(),
		damaged: new Map(),
		beside: { records: [], damaged: [] },
		wholeAt: Number.NEGATIVE_INFINITY,
	};
	const hosts = new HostWatch(store);
	const answers = new Answers();
	for (;;) {
		const looked = await orAborted(unlessAway(lookForEnd(store, ids, seen, options)), limit);
		answers.saw(looked);
		if (looked !== "aborted" && looked !== "away") {
			const { end } = looked;
			const told = options.onLook([...seen.records.values()], seen.beside.records);
			await orAborted(unlessAway(Promise.resolve(told)), limit);
			if (end !== null) return end;
			const left = atWork([...seen.records.values(), ...seen.beside.records]);
			const gone = await orAborted(unlessAway(hosts.areGone(left)), limit);
			if (gone === true) return { kind: "hostGone", records: left };
		}
		if (options.signal.aborted) return { kind: "interrupted" };
		const leftMs = until - performance.now();
		if (limit.aborted || leftMs <= 0)
			return {
				kind: "timedOut",
				records: [...seen.records.values()],
				hostsGone: hosts.seemGone,
				awaySince: answers.awaySince,
			};
		await sleep(Math.min(LOOK_MS, leftMs), undefined, { signal: limit }).catch(() => {});
	}
}

interface Seen {
	records: Map<string, TaskRecord>;
	damaged: Map<string, DamagedTask>;
	/** what they wait for beside them */
	beside: Needed;
	/** when all were read last, ms of `performance.now()` */
	wholeAt: number;
}

/** No end stands on what was read a while ago: a task that had ended may have been started again. */
async function lookForEnd(
	store: Store,
	ids: readonly string[],
	seen: Seen,
	options: WaitOptions,
): Promise<{ end: WaitEnd | null }> {
	const isWhole = await look(store, ids, seen, performance.now() - seen.wholeAt >= ENDED_LOOK_MS);
	const end = endOf(ids, seen, options);
	if (end === null || isWhole) return { end };
	await look(store, ids, seen, true);
	return { end: endOf(ids, seen, options) };
}

/** @param whole also what had ended; @returns whether all were read */
async function look(store: Store, ids: readonly string[], seen: Seen, whole: boolean): Promise<boolean> {
	const { records, damaged } = seen;
	const hasEnded = (id: string) => isEnded(records.get(id)?.state ?? "queued");
	const asked = whole ? ids : ids.filter((id) => !hasEnded(id));
	const read = await store.read(asked);
	// One that was removed after its end had that end.
	for (const id of asked) if (!hasEnded(id)) records.delete(id);
	damaged.clear();
	for (const record of read.records) {
		const { id, nonce } = record.spec;
		// As does one whose id another task has by now.
		if ((records.get(id)?.spec.nonce ?? nonce) === nonce) records.set(id, record);
	}
	for (const task of read.damaged) {
		records.delete(task.id);
		damaged.set(task.id, task);
	}
	seen.beside = await neededBeside(store, records.values());
	const isWhole = asked.length === ids.length;
	if (isWhole) seen.wholeAt = performance.now();
	return isWhole;
}

function endOf(ids: readonly string[], seen: Seen, { any, forQuestion }: WaitOptions): WaitEnd | null {
	const records: TaskRecord[] = [];
	const [damaged] = [...seen.damaged.values(), ...seen.beside.damaged];
	for (const id of ids) {
		const record = seen.records.get(id);
		if (record !== undefined) records.push(record);
		else if (!seen.damaged.has(id)) return { kind: "removed", id };
	}
	const held = heldUp(
		[...records, ...seen.beside.records],
		[...seen.damaged.keys(), ...seen.beside.damaged.map(({ id }) => id)],
	);
	const rests = records.filter(
		({ spec, state }) => isEnded(state) || state === "parked" || held.has(spec.id),
	);
	const asks = forQuestion
		? records.find(({ spec, state }) => (state === "asking" && !spec.unattended) || state === "parked")
		: undefined;
	if (asks !== undefined) return { kind: "asks", record: asks };
	if (any && rests[0] !== undefined) return { kind: "ended", records: [rests[0]] };
	if (rests.length < records.length) return null;
	// What became of a damaged one nobody knows: it ends nobody's wait for the others, and is never a good end.
	return damaged === undefined ? { kind: "ended", records } : { kind: "damaged", damaged, records };
}
