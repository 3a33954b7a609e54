/**
 * Hosts that are gone, and what may be done with their tasks. A host is gone when its heartbeat is too old (a
 * container thrown away, a machine that is off) or when its worker was stopped a moment ago and did not come
 * back. All by the time of Redis. One of which nothing is known may be about to start; but not where it has started
 * the task already: then its record was lost or the task names another host than it did, and a host that lives has
 * beaten again within seconds.
 */
import type { Agreed } from "../../task/agreed.ts";
import { HOST_GONE_MS, isFresh, LEFT_MS } from "../../task/host.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Outcome } from "../../task/spec.ts";
import { isEnded, isLive, type State } from "../../task/states.ts";
import { toJson } from "../../task/well-formed.ts";
import { encodeFields, type RecordChanges } from "./record-fields.ts";
import type { NotStarted, Store } from "./store.ts";

/** For the scripts, which go by the same words of a host as `lostFor`. */
const LIMITS = { goneMs: HOST_GONE_MS, leftMs: LEFT_MS };

export interface LostHost {
	host: string;
	/** ms since it was last seen */
	forMs: number;
}

/** The hosts of these tasks that are gone and still have something to do. */
export async function lostHosts(
	store: Store,
	tasks: readonly Pick<TaskRecord, "host" | "state" | "runNonce">[],
): Promise<ReadonlyMap<string, LostHost>> {
	const began = new Map<string, boolean>();
	for (const task of tasks.filter(({ state }) => !isEnded(state)))
		began.set(task.host, began.get(task.host) === true || hasBegun(task));
	if (began.size === 0) return new Map();
	const pipeline = store.client.pipeline();
	for (const host of began.keys()) pipeline.hmget(store.keys.host(host), "beatAt", "leftAt");
	const [now, replies] = await Promise.all([store.now(), store.replies(pipeline)]);
	return new Map(
		[...began].flatMap(([host, isKnown], i) => {
			const lost = lostFor(now, (replies[i] ?? []) as (string | null)[], isKnown);
			return lost === null ? [] : [[host, { host, forMs: lost }] as const];
		}),
	);
}

/** Whether the host that it names has started it. */
function hasBegun({ state, runNonce }: Pick<TaskRecord, "state" | "runNonce">): boolean {
	return runNonce !== null || isLive(state);
}

function lostFor(
	now: number,
	[beatAt, leftAt]: (string | null | undefined)[],
	isKnown: boolean,
): number | null {
	if (!beatAt) return isKnown ? now : null;
	const hasLeft = beatAt === "0";
	const seenAt = timeIn(hasLeft ? leftAt : beatAt);
	if (isFresh(seenAt, now, hasLeft ? LEFT_MS : HOST_GONE_MS)) return null;
	return seenAt > now ? now : now - seenAt;
}

/** 0: no time, or none that a host wrote. */
function timeIn(text: string | null | undefined): number {
	return /^\d{1,15}$/.test(text ?? "") ? Number(text) : 0;
}

/** Ends a task whose host is gone. `alive`: it is there again. */
export function cancelLost(
	store: Store,
	id: string,
	by: string,
	agreed?: Agreed,
): Promise<{ result: "cancelled" | "ended" | "alive"; state: State } | { result: "none" }> {
	const message = `Cancelled by ${by} while its host was gone.`;
	const none = { exitCode: null, signal: null, logTail: [], warnings: [] };
	const outcome: Outcome = { kind: "cancelled", message, ...none };
	const request = { id, by, agreed, outcome: toJson(outcome), ...LIMITS };
	return store.run("cancelLost", { ...request, evenDamaged: true });
}

/** Gives a task to another host, where it is queued. */
export function moveToHost(
	store: Store,
	move: { id: string; host: string; by: string; revision: number; set: RecordChanges },
): Promise<{ result: "moved" | "alive" | "stale"; state: State } | NotStarted | { result: "none" }> {
	return store.run("moveHost", { ...move, set: encodeFields(move.set), ...LIMITS });
}

/** Whether starts are named that this host shall end: their tasks were cancelled or moved while it was gone. */
export async function hasFences(store: Store, host: string): Promise<boolean> {
	return (await store.guard((client) => client.exists(store.keys.fenced(host)))) > 0;
}

/** Those of the live ones that are to be ended. None of them: the names are of nobody any more, and go. */
export async function fencedAmong(store: Store, host: string, live: readonly string[]): Promise<string[]> {
	const { nonces } = await store.run<{ nonces: Record<string, true> }>("fenced", { host, nonces: live });
	return Object.keys(nonces);
}
