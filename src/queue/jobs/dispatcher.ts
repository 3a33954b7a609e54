/**
 * The dispatcher turns the outbox into run jobs, and the sweep repairs what is left: both may be cut off
 * at any point and run again, by any daemon.
 */
import { noteEvent } from "../records/events.ts";
import type { Store } from "../records/store.ts";
import type { RunQueues } from "./run-queue.ts";

const BATCH = 200;
const SWEEP_LEASE_MS = 15_000;
/** A task that was just queued is still the dispatcher's. */
const SWEEP_AGE_MS = 5_000;

/** `<id> <generation>`, and whether its delay is over */
const MEMBER = /^([a-z0-9-]{1,64}) (\d{1,15})( now)?$/;

/** What is no task of ours, or damaged, is passed over: it holds up nobody. @returns how many run jobs it made */
export async function drainOutbox(store: Store, queues: RunQueues): Promise<number> {
	let made = 0;
	for (;;) {
		const members = await store.guard((client) => client.zrange(store.keys.outbox, "0", String(BATCH - 1)));
		if (members.length === 0) return made;
		const names = members.map((member) => MEMBER.exec(member));
		const ids = names.flatMap((name) => name?.[1] ?? []);
		const { records, damaged } = await store.read([...new Set(ids)]);
		const byId = new Map(records.map((record) => [record.spec.id, record]));
		for (const [i, name] of names.entries()) {
			const record = byId.get(name?.[1] ?? "");
			if (record?.state === "queued" && record.generation === Number(name?.[2])) {
				await store.guard(() => queues.add(record, store.clock.now()));
				if (name?.[3] !== undefined) await store.guard(() => queues.hurry(record));
				made += 1;
			}
			await store.guard((client) => client.zrem(store.keys.outbox, members[i] ?? ""));
		}
		for (const { id, damage } of damaged) await noteEvent(store, { task: id, kind: "damaged", why: damage });
	}
}

/**
 * Finds queued tasks of a host whose run job is gone (removed by hand, lost with a restore) and makes it
 * again. One daemon at a time, by a lease; a repeat does no harm.
 * @returns the ids it repaired
 */
export async function sweepLostJobs(store: Store, queues: RunQueues, host: string): Promise<string[]> {
	const lease = await store.guard((client) =>
		client.set(`${store.keys.sweep}:${host}`, "1", "PX", SWEEP_LEASE_MS, "NX"),
	);
	if (lease === null) return [];
	const now = await store.now();
	const repaired: string[] = [];
	for (const record of await store.getMany(await store.activeIds(host))) {
		if (record.state !== "queued" || now - (record.queuedAt ?? 0) < SWEEP_AGE_MS) continue;
		const { id } = record.spec;
		const state = await store.guard(() => queues.stateOf(host, id, record.generation));
		if (state !== "unknown" && state !== "completed" && state !== "failed") continue;
		await queues.remove(host, id, record.generation);
		await store.guard(() => queues.add(record, store.clock.now()));
		await noteEvent(store, { task: id, kind: "repaired", why: `its run job was ${state}` });
		repaired.push(id);
	}
	return repaired;
}
