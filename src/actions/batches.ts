/** Batches: found, counted, and looked at with their tasks. What is done to these is what is done to any tasks. */
import { allBatches, readBatches, tasksOfBatch } from "../queue/records/batches.ts";
import type { Store } from "../queue/records/store.ts";
import type { BatchRecord, DamagedBatch } from "../task/batch.ts";
import type { DamagedTask } from "../task/damaged.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { similar } from "../task/similar.ts";
import { isState, SKIPPED } from "../task/states.ts";
import { type Totals, totalsOf } from "../task/totals.ts";

const SHOWN = 5;

/** A batch; its record may be damaged while its tasks are well. */
export type FoundBatch = BatchRecord | DamagedBatch;

export interface CountedBatch {
	batch: FoundBatch;
	/** of the tasks that it still has */
	counts: Totals;
	/** how many of those that are cancelled were skipped */
	skipped: number;
	/** those among them whose state cannot be read */
	damaged: number;
}

export interface WholeBatch {
	batch: FoundBatch;
	/** in the order of its file */
	records: TaskRecord[];
	damaged: DamagedTask[];
}

export function isSound(batch: FoundBatch): batch is BatchRecord {
	return !("damage" in batch);
}

/** @returns newest first @param limit null: all of them */
export async function listBatches(
	store: Store,
	limit: number | null,
): Promise<{ listed: CountedBatch[]; total: number }> {
	const { batches, damaged } = await allBatches(store);
	const all: FoundBatch[] = [...batches, ...damaged];
	const listed: CountedBatch[] = [];
	for (const batch of all.slice(0, limit ?? all.length)) listed.push(await counted(store, batch));
	return { listed, total: all.length };
}

async function counted(store: Store, batch: FoundBatch): Promise<CountedBatch> {
	const ids = await tasksOfBatch(store, batch.id);
	const fields = await store.fieldsOf(ids, "state", "reason");
	const states = fields.map(([state]) => (isState(state) ? state : null));
	const skipped = fields.filter(([state, reason]) => state === "cancelled" && reason === SKIPPED).length;
	const damaged = states.filter((state) => state === null).length;
	return { batch, counts: totalsOf(states), skipped, damaged };
}

/**
 * @param given its id, the beginning of it, or its key
 * @throws DISPATCH_NO_SUCH_BATCH, with a likely one if there is one
 */
export async function findBatch(store: Store, given: string): Promise<WholeBatch> {
	const exact = await readBatches(store, [given]);
	const batch = [...exact.batches, ...exact.damaged][0] ?? (await searched(store, given));
	return { batch, ...(await store.read(await tasksOfBatch(store, batch.id))) };
}

async function searched(store: Store, given: string): Promise<FoundBatch> {
	const { batches, damaged } = await allBatches(store);
	const keyed = batches.find(({ key }) => key === given);
	if (keyed !== undefined) return keyed;
	const all: FoundBatch[] = [...batches, ...damaged];
	const begun = given === "" ? [] : all.filter(({ id }) => id.startsWith(given));
	if (begun.length === 1 && begun[0] !== undefined) return begun[0];
	if (begun.length > 1) {
		const shown = begun.slice(0, SHOWN).map(({ id }) => id);
		throw noSuchBatch(
			`"${given}" begins ${begun.length} batches: ${shown.join(", ")}${begun.length > SHOWN ? ", …" : ""}.`,
			"Write more of it.",
		);
	}
	const near = similar(
		given,
		all.map(({ id }) => id),
	);
	throw noSuchBatch(
		`There is no batch "${given}".`,
		near === null ? "`dispatch batch ls` lists the batches." : `Did you mean "${near}"?`,
	);
}

function noSuchBatch(message: string, hint: string): DispatchError {
	return new DispatchError("DISPATCH_NO_SUCH_BATCH", message, { hint });
}
