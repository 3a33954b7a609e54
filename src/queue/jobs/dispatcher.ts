/**
 * The dispatcher turns the outbox into run jobs, and the sweep repairs what is left: both may be cut off
 * at any point and run again, by any daemon.
 */
import { isOutage } from "../../task/errors.ts";
import { openNeeds } from "../../task/needs.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded, isState } from "../../task/states.ts";
import { noteEvent } from "../records/events.ts";
import { closedGates, type Gate, isHeldByGate } from "../records/gates.ts";
import { tellStartTrouble } from "../records/start-trouble.ts";
import { skipIfStopped, stoppedBatches } from "../records/stopped-batch.ts";
import type { Store } from "../records/store.ts";
import type { RunQueues } from "./run-queue.ts";

const BATCH = 200;
const SWEEP_LEASE_MS = 15_000;
/** A task that was just queued is still the dispatcher's. */
const SWEEP_AGE_MS = 5_000;

/** `<id> <generation>`, and whether its delay is over */
const MEMBER = /^([a-z0-9-]{1,64}) (\d{1,15})( now)?$/;

/** For the log: what failed for one task, and is tried again. */
export type Fault = (task: string, step: string, error: unknown) => void;

/**
 * What is no task of ours, or damaged, is passed over: it holds up nobody. Nor does a task whose job cannot be made
 * (another host's queue may be broken): it stays, and the next drain tries again.
 * @returns how many run jobs it made
 */
export async function drainOutbox(store: Store, queues: RunQueues, fault: Fault = () => {}): Promise<number> {
	let made = 0;
	let stay = 0;
	for (;;) {
		const [first, last] = [String(stay), String(stay + BATCH - 1)];
		const members = await store.guard((client) => client.zrange(store.keys.outbox, first, last));
		if (members.length === 0) return made;
		const names = members.map((member) => MEMBER.exec(member));
		const ids = names.flatMap((name) => name?.[1] ?? []);
		const { records, damaged } = await store.read([...new Set(ids)]);
		const byId = new Map(records.map((record) => [record.spec.id, record]));
		for (const [i, name] of names.entries()) {
			const record = byId.get(name?.[1] ?? "");
			try {
				if (record?.state === "queued" && record.generation === Number(name?.[2])) {
					await store.guard(() => queues.add(record, store.clock.now()));
					if (name?.[3] !== undefined) await store.guard(() => queues.hurry(record));
					made += 1;
				}
				await store.guard((client) => client.zrem(store.keys.outbox, members[i] ?? ""));
			} catch (error) {
				if (isOutage(error)) throw error;
				stay += 1;
				fault(name?.[1] ?? "", "outbox", error);
				if (record?.state === "queued") await tellStartTrouble(store, record, error).catch(unlessOutage);
			}
		}
		for (const { id, damage } of damaged) await noteEvent(store, { task: id, kind: "damaged", why: damage });
	}
}

/** What cannot be told of one task keeps no other from its job. */
function unlessOutage(error: unknown): void {
	if (isOutage(error)) throw error;
}

/**
 * Finds queued tasks of a host whose run job will never come to a worker (removed by hand, lost with a restore, put
 * somewhere by somebody) and makes it again; tells those that wait what they were not told, and skips those that are
 * held in a batch that was stopped. One daemon at a time, by a lease; a repeat does no harm.
 * @param fault gets what keeps one of them from it
 * @returns the ids it repaired
 */
export async function sweepLostJobs(
	store: Store,
	queues: RunQueues,
	host: string,
	fault: Fault = () => {},
): Promise<string[]> {
	const lease = await store.guard((client) =>
		client.set(`${store.keys.sweep}:${host}`, "1", "PX", SWEEP_LEASE_MS, "NX"),
	);
	if (lease === null) return [];
	await queues.followClock(host);
	const now = await store.now();
	const repaired: string[] = [];
	const active = await store.getMany(await store.activeIds(host));
	const gates = await closedGates(store, host);
	const stopped = await stoppedBatches(store, active);
	const mendQueued = async (record: TaskRecord) => {
		// Who is held has no turn in which to learn that its batch has stopped.
		if (stopped.has(record.batch ?? "") && (await skipIfStopped(store, record))) return false;
		// A clock that was set back makes it wait for its queue no longer.
		const age = Math.abs(now - (record.queuedAt ?? 0));
		return age >= SWEEP_AGE_MS && (await repair(store, queues, record, gates));
	};
	const untoldIds = new Set(await untold(store, active));
	for (const record of active) {
		const { id } = record.spec;
		try {
			const isMended = untoldIds.has(id)
				? await store.settleNeeds(id)
				: record.state === "queued" && (await mendQueued(record));
			if (isMended) repaired.push(id);
		} catch (error) {
			// What one of them is in the way of keeps no other waiting.
			if (isOutage(error)) throw error;
			fault(id, "sweep", error);
		}
	}
	return repaired;
}

/**
 * Waiting tasks that something has happened for which they were not told: an earlier version ended what they need, or
 * the list of who waits for it has lost them.
 */
async function untold(store: Store, active: readonly TaskRecord[]): Promise<string[]> {
	const waiting = active.filter(({ state }) => state === "waiting");
	const needed = [...new Set(waiting.flatMap(openNeeds))];
	if (needed.length === 0) return [];
	const known = await store.fieldsOf(needed, "state", "nonce");
	const nonces = new Map(
		needed.map((id, n) => {
			const [state, nonce] = known[n] ?? [];
			return [id, isState(state) && !isEnded(state) ? nonce : null];
		}),
	);
	const isTold = ({ needs }: TaskRecord, id: string) => nonces.get(id) === needs[id]?.nonce;
	return waiting
		.filter((record) => openNeeds(record).some((id) => !isTold(record, id)))
		.map(({ spec }) => spec.id);
}

/** @param gates that are closed on its host. @returns whether its run job was lost */
async function repair(
	store: Store,
	queues: RunQueues,
	record: TaskRecord,
	gates: readonly Gate[],
): Promise<boolean> {
	const { host, hold, spec, generation } = record;
	const { id } = spec;
	const { place, isLost } = await store.guard(() => queues.takeOutLost(host, id, generation));
	if (!isLost) {
		if (place === "delayed" && (hold?.until ?? 0) <= store.clock.now() && !isHeldByGate(record, gates))
			await store.guard(() => queues.hurry(record));
		return false;
	}
	await store.guard(() => queues.add(record, store.clock.now()));
	await noteEvent(store, { task: id, kind: "repaired", why: `its run job was ${place}` });
	return true;
}
