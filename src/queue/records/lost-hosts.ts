/**
 * Hosts that are gone, and what may be done with their tasks. A host is gone when its heartbeat is too old (a
 * container thrown away, a machine that is off) or when its worker was stopped a moment ago and did not come
 * back. All by the time of Redis. One that never beat is not gone: it may be about to start.
 */
import type { Agreed } from "../../task/agreed.ts";
import { HOST_GONE_MS, LEFT_MS } from "../../task/host.ts";
import type { Outcome } from "../../task/spec.ts";
import { isEnded, type State } from "../../task/states.ts";
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

/** Those of the hosts that are gone. */
export async function lostHosts(
	store: Store,
	hosts: Iterable<string>,
): Promise<ReadonlyMap<string, LostHost>> {
	const names = [...new Set(hosts)];
	if (names.length === 0) return new Map();
	const pipeline = store.client.pipeline();
	for (const host of names) pipeline.hmget(store.keys.host(host), "beatAt", "leftAt");
	const [now, replies] = await Promise.all([store.now(), store.replies(pipeline)]);
	return new Map(
		names.flatMap((host, i) => {
			const lost = lostFor(now, (replies[i] ?? []) as (string | null)[]);
			return lost === null ? [] : [[host, { host, forMs: lost }] as const];
		}),
	);
}

function lostFor(now: number, [beatAt, leftAt]: (string | null | undefined)[]): number | null {
	if (!beatAt) return null;
	const hasLeft = beatAt === "0";
	const seenAt = timeIn(hasLeft ? leftAt : beatAt);
	if (Math.abs(now - seenAt) < (hasLeft ? LEFT_MS : HOST_GONE_MS)) return null;
	return seenAt > now ? now : now - seenAt;
}

/** What is no time, or is still to come, was not written by a host that lives: it would write it anew. */
function timeIn(text: string | null | undefined): number {
	return /^\d{1,15}$/.test(text ?? "") ? Number(text) : 0;
}

/** Tasks that wait for a host that is gone, by the host. */
export async function lostTasks(store: Store): Promise<{ host: LostHost; tasks: string[] }[]> {
	const hosts = await store.guard((client) => client.smembers(store.keys.hosts));
	const lost = [...(await lostHosts(store, hosts)).values()];
	const found = await Promise.all(
		lost.map(async (host) => ({ host, tasks: await store.activeIds(host.host) })),
	);
	return found.filter(({ tasks }) => tasks.length > 0);
}

/** The hosts of these records that are gone and still have something to do. */
export function lostHostsOf(
	store: Store,
	records: readonly { host: string; state: State }[],
): Promise<ReadonlyMap<string, LostHost>> {
	return lostHosts(
		store,
		records.filter(({ state }) => !isEnded(state)).map(({ host }) => host),
	);
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
