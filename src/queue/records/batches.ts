/**
 * Batches: their records, and which tasks they have. Each record is read by itself, as those of tasks are. Which batch a
 * task is of, its own record says; the list of a batch is an index, and gives their order.
 */
import {
	BATCH_STORED,
	BATCHES_SEARCHED,
	type BatchRecord,
	type DamagedBatch,
	decodeBatch,
} from "../../task/batch.ts";
import { Damage } from "../../task/check.ts";
import { ID_FORM } from "../../task/id.ts";
import { isState, SKIPPED, type State } from "../../task/states.ts";
import type { Connection } from "./connection.ts";
import type { Lists } from "./lists.ts";

const BATCHES_AT_ONCE = 200;
const TASKS_AT_ONCE = 2_000;
/** More tasks than anybody submits at once. Its list is one of names, and anybody's. */
const LISTED_MOST = 100_000;

export interface Batches {
	batches: BatchRecord[];
	damaged: DamagedBatch[];
}

/**
 * The newest batches, newest first; names of which nothing is there are passed over.
 * @param most so many of them @param among of so many names; null: of all
 */
export async function newestBatches(
	store: Connection,
	most = Number.POSITIVE_INFINITY,
	among: number | null = BATCHES_SEARCHED,
): Promise<Batches> {
	const found: Batches = { batches: [], damaged: [] };
	const left = () => most - found.batches.length - found.damaged.length;
	const last = among ?? Number.POSITIVE_INFINITY;
	for (let from = 0; from < last && left() > 0; from += BATCHES_AT_ONCE) {
		const to = Math.min(from + BATCHES_AT_ONCE, last) - 1;
		const ids = await store.guard((client) => client.zrevrange(store.keys.batches, String(from), String(to)));
		if (ids.length === 0) break;
		const { batches, damaged } = await readBatches(store, ids);
		const places = new Map(ids.map((id, place) => [id, place]));
		const inOrder = [...batches, ...damaged].sort(
			(a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0),
		);
		for (const each of inOrder.slice(0, left()))
			if ("damage" in each) found.damaged.push(each);
			else found.batches.push(each);
	}
	return found;
}

/** How many names of batches there are. */
export function countBatches(store: Connection): Promise<number> {
	return store.guard((client) => client.zcard(store.keys.batches));
}

/** Those of these that are there, in the order given; a record that is gone while its tasks are there is damaged. */
export async function readBatches(store: Connection, ids: readonly string[]): Promise<Batches> {
	const pipeline = store.client.pipeline();
	for (const id of ids) pipeline.hmget(store.keys.batch(id), ...BATCH_STORED).type(store.keys.members(id));
	const replies = ids.length === 0 ? [] : await store.replies(pipeline);
	const read: Batches = { batches: [], damaged: [] };
	for (const [n, id] of ids.entries()) {
		const list = replies[2 * n + 1];
		try {
			const batch = decodeBatch(id, (replies[2 * n] ?? []) as (string | null)[]);
			if (batch === null && list === "none") continue;
			if (!ID_FORM.test(id)) throw new Damage("its name is not a batch's id");
			if (list !== "none" && list !== "zset") throw new Damage("the list of its tasks holds something else");
			if (batch === null) throw new Damage("none of its fields is there");
			read.batches.push(batch);
		} catch (fault) {
			if (!(fault instanceof Damage)) throw fault;
			read.damaged.push({ id, damage: fault.message });
		}
	}
	return read;
}

/** The names in the list of each of these batches; none where it holds something else. */
async function listedIn(store: Connection, batches: readonly string[]): Promise<string[][]> {
	const pipeline = store.client.pipeline();
	for (const id of batches) pipeline.zrange(store.keys.members(id), "0", String(LISTED_MOST - 1));
	return (await store.replies(pipeline)).map((names) => (names ?? []) as string[]);
}

interface Said {
	batch: string | null;
	state: string | null;
	reason: string | null;
}

/** What of tasks their own records say, undecoded; null: the key holds something else. */
async function saidOf(store: Lists, ids: readonly string[]): Promise<Map<string, Said | null>> {
	const said = new Map<string, Said | null>();
	for (let at = 0; at < ids.length; at += TASKS_AT_ONCE) {
		const some = ids.slice(at, at + TASKS_AT_ONCE);
		for (const [n, values] of (await store.fieldsOf(some, "batch", "state", "reason")).entries()) {
			const [batch = null, state = null, reason = null] = values;
			said.set(some[n] ?? "", values.length === 0 ? null : { batch, state, reason });
		}
	}
	return said;
}

/** By its list: the states of its tasks, null for one that cannot be read. Cheap, for lists of batches. */
export async function statesInBatch(
	store: Lists,
	batch: string,
): Promise<{ states: (State | null)[]; skipped: number }> {
	const [listed = []] = await listedIn(store, [batch]);
	const its = [...(await saidOf(store, listed)).values()].filter(
		(said) => said?.batch === batch || said === null,
	);
	return {
		states: its.map((said) => (isState(said?.state) ? said.state : null)),
		skipped: its.filter((said) => said?.state === "cancelled" && said.reason === SKIPPED).length,
	};
}

/**
 * The ids of its tasks, in the order of its file; those that were removed since are none of them. Who is in its list while
 * its own record says otherwise is no task of it, and who says so is one without the list.
 */
export async function tasksOfBatch(store: Lists, batch: string): Promise<string[]> {
	const [[listed = []], all] = await Promise.all([listedIn(store, [batch]), store.ids()]);
	const inList = new Set(listed);
	const others = all.filter((id) => !inList.has(id)).reverse();
	const said = await saidOf(store, [...listed, ...others]);
	const saysSo = (id: string) => said.get(id)?.batch === batch;
	return [...listed.filter((id) => said.get(id) === null || saysSo(id)), ...others.filter(saysSo)];
}

/**
 * Takes away a batch that no task is of, with whatever stands in its place; one that has a task stays.
 * What somebody else left there is kept aside for a while.
 */
export async function dropIfEmpty(store: Connection, batch: string): Promise<void> {
	await store.mend({ hosts: [], batch, relist: true });
}
