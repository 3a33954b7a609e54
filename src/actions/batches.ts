/** Batches: found, counted, and looked at with their tasks. What is done to these is what is done to any tasks. */
import {
	countBatches,
	newestBatches,
	readBatches,
	statesInBatch,
	tasksOfBatch,
} from "../queue/records/batches.ts";
import type { Store } from "../queue/records/store.ts";
import type { BatchRecord, DamagedBatch } from "../task/batch.ts";
import type { DamagedTask } from "../task/damaged.ts";
import { DispatchError } from "../task/errors.ts";
import { ID_FORM } from "../task/id.ts";
import type { TaskRecord } from "../task/record.ts";
import { similar } from "../task/similar.ts";
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
	const isAll = limit === null;
	const most = limit ?? Number.POSITIVE_INFINITY;
	const { batches, damaged } = await (isAll ? newestBatches(store, most, null) : newestBatches(store, most));
	const listed: CountedBatch[] = [];
	for (const batch of [...batches, ...damaged]) listed.push(await counted(store, batch));
	const total = isAll || listed.length < most ? listed.length : await countBatches(store);
	return { listed, total: Math.max(total, listed.length) };
}

async function counted(store: Store, batch: FoundBatch): Promise<CountedBatch> {
	const { states, skipped } = await statesInBatch(store, batch.id);
	const damaged = states.filter((state) => state === null).length;
	return { batch, counts: totalsOf(states), skipped, damaged };
}

/**
 * @param given its id, the beginning of it, or its key
 * @throws DISPATCH_NO_SUCH_BATCH, with a likely one if there is one
 */
export async function findBatch(store: Store, given: string): Promise<WholeBatch> {
	const exact = await readBatches(store, [given]);
	const named = [...exact.batches, ...exact.damaged][0];
	// What is no id is a key, whatever else has that name.
	const batch =
		named !== undefined && ID_FORM.test(given) ? named : await searched(store, given, named ?? null);
	return { batch, ...(await store.read(await tasksOfBatch(store, batch.id))) };
}

async function searched(store: Store, given: string, named: FoundBatch | null): Promise<FoundBatch> {
	const { batches, damaged } = await newestBatches(store);
	const keyed = batches.find(({ key }) => key === given);
	if (keyed !== undefined) return keyed;
	if (named !== null) return named;
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
