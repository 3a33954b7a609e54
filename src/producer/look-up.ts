/** What a submission would come to, as far as one can tell without doing it: for `--dry-run`. */
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import { noSuchNeed } from "./enqueue.ts";
import type { ResolvedTask } from "./resolve.ts";
import { planOf, RefusedTask } from "./submit-batch.ts";

export interface LookedUp {
	/** of each task, in the order given: with its number, where the id alone is taken */
	ids: readonly string[];
	/** by place: what the same key made before */
	found: ReadonlyMap<number, TaskRecord>;
}

/** @throws RefusedTask for the first that would be refused */
export async function lookUp(store: Store, tasks: readonly ResolvedTask[]): Promise<LookedUp> {
	const { ids, repeated } = await planOf(store, tasks);
	const own = new Set(ids);
	const fresh = tasks.map(({ spec }, place) => ({ place, after: repeated.has(place) ? [] : spec.after }));
	const outside = new Set(fresh.flatMap(({ after }) => after.filter((id) => !own.has(id))));
	const there = new Set((await store.getMany([...outside])).map(({ spec }) => spec.id));
	for (const { place, after } of fresh) {
		const missing = after.find((id) => outside.has(id) && !there.has(id));
		if (missing !== undefined) throw new RefusedTask(place, await noSuchNeed(store, missing));
	}
	const places = [...repeated];
	const records = await store.getMany(places.map((place) => ids[place] ?? ""));
	const byId = new Map(records.map((record) => [record.spec.id, record]));
	const found = places.flatMap((place): [number, TaskRecord][] => {
		const record = byId.get(ids[place] ?? "");
		return record === undefined ? [] : [[place, record]];
	});
	return { ids, found: new Map(found) };
}
