/** Batches: their records, and which tasks they have. Each record is read by itself, as those of tasks are. */

import { BATCH_STORED, type BatchRecord, type DamagedBatch, decodeBatch } from "../../task/batch.ts";
import { Damage } from "../../task/check.ts";
import type { Connection } from "./connection.ts";

export interface Batches {
	batches: BatchRecord[];
	damaged: DamagedBatch[];
}

/** Every batch, newest first. */
export async function allBatches(store: Connection): Promise<Batches> {
	const ids = await store.guard((client) => client.zrevrange(store.keys.batches, "0", "-1"));
	return readBatches(store, ids);
}

/** Those of these that are there, in the order given; a record that is gone while its tasks are there is damaged. */
export async function readBatches(store: Connection, ids: readonly string[]): Promise<Batches> {
	const pipeline = store.client.pipeline();
	for (const id of ids) pipeline.hmget(store.keys.batch(id), ...BATCH_STORED).exists(store.keys.members(id));
	const replies = ids.length === 0 ? [] : await store.replies(pipeline);
	const read: Batches = { batches: [], damaged: [] };
	for (const [n, id] of ids.entries()) {
		try {
			const batch = decodeBatch(id, (replies[2 * n] ?? []) as (string | null)[]);
			if (batch !== null) read.batches.push(batch);
			else if (Number(replies[2 * n + 1]) > 0) throw new Damage("none of its fields is there");
		} catch (fault) {
			if (!(fault instanceof Damage)) throw fault;
			read.damaged.push({ id, damage: fault.message });
		}
	}
	return read;
}

/** The ids of its tasks, in the order of its file; those that were removed since are none of them. */
export function tasksOfBatch(store: Connection, batch: string): Promise<string[]> {
	return store.guard((client) => client.zrange(store.keys.members(batch), "0", "-1"));
}
