/** Waits for what happens to tasks, by the records alone: a Redis that is away only delays it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../queue/records/store.ts";
import { orAborted } from "../queue/redis/or-aborted.ts";
import { damagedError } from "../task/damaged.ts";
import { isOutage } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded } from "../task/states.ts";
import { timeLimit } from "../task/time-limit.ts";
import { HostWatch } from "./host-watch.ts";

const LOOK_MS = 250;

export interface WaitOptions {
	/** one of them is enough */
	any: boolean;
	/** a question is enough, too */
	forQuestion: boolean;
	timeoutMs: number | null;
	/** ends the wait */
	signal: AbortSignal;
	/** called at every look */
	onLook(records: readonly TaskRecord[]): void;
}

export type WaitEnd =
	/** all (or, for `any`, one) ended or parked */
	| { kind: "ended"; records: TaskRecord[] }
	| { kind: "asks"; record: TaskRecord; seq?: string }
	/** a task was removed meanwhile */
	| { kind: "removed"; id: string }
	| { kind: "timedOut"; records: TaskRecord[] }
	/** what is left belongs to hosts that are gone, and they did not come back for a while */
	| { kind: "hostGone"; records: TaskRecord[] }
	| { kind: "interrupted" };

/** @param store role `service`: its calls wait out an outage */
export async function waitFor(store: Store, ids: readonly string[], options: WaitOptions): Promise<WaitEnd> {
	const limit = timeLimit(options.timeoutMs, options.signal);
	try {
		return await lookUntil(store, ids, options, limit.signal);
	} finally {
		limit.release();
	}
}

async function lookUntil(
	store: Store,
	ids: readonly string[],
	options: WaitOptions,
	limit: AbortSignal,
): Promise<WaitEnd> {
	const seen = new Map<string, TaskRecord>();
	const hosts = new HostWatch(store);
	for (;;) {
		const looked = await orAborted(unlessAway(look(store, ids, seen)), limit);
		if (looked !== "aborted" && looked !== "away") {
			const end = endOf(ids, seen, options);
			if (end !== null) return end;
			options.onLook([...seen.values()]);
			const left = [...seen.values()].filter(({ state }) => !isEnded(state) && state !== "parked");
			const gone = await orAborted(unlessAway(hosts.areGone(left)), limit);
			if (gone === true) return { kind: "hostGone", records: left };
		}
		if (options.signal.aborted) return { kind: "interrupted" };
		if (limit.aborted) return { kind: "timedOut", records: [...seen.values()] };
		await sleep(LOOK_MS, undefined, { signal: limit }).catch(() => {});
	}
}

/** A server that refuses everybody for a while (it loads, a script blocks it) is waited out like one that is away. */
async function unlessAway<T>(looking: Promise<T>): Promise<T | "away"> {
	try {
		return await looking;
	} catch (error) {
		if (isOutage(error)) return "away";
		throw error;
	}
}

/** What has ended for good is not read again. */
async function look(store: Store, ids: readonly string[], seen: Map<string, TaskRecord>): Promise<void> {
	const open = ids.filter((id) => {
		const record = seen.get(id);
		return record === undefined || !isEnded(record.state);
	});
	const { records, damaged } = await store.read(open);
	if (damaged[0] !== undefined) throw damagedError(damaged[0]);
	for (const id of open) seen.delete(id);
	for (const record of records) seen.set(record.spec.id, record);
}

function endOf(
	ids: readonly string[],
	seen: Map<string, TaskRecord>,
	{ any, forQuestion }: WaitOptions,
): WaitEnd | null {
	const records: TaskRecord[] = [];
	for (const id of ids) {
		const record = seen.get(id);
		if (record === undefined) return { kind: "removed", id };
		records.push(record);
	}
	const rests = records.filter(({ state }) => isEnded(state) || state === "parked");
	const asks = forQuestion
		? records.find(({ state }) => state === "asking" || state === "parked")
		: undefined;
	if (asks !== undefined) return { kind: "asks", record: asks };
	if (any && rests[0] !== undefined) return { kind: "ended", records: [rests[0]] };
	return rests.length === records.length ? { kind: "ended", records } : null;
}
