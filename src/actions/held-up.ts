/** Waiting tasks, by what they wait for: who is at work for them, and which of them need a person first. */
import type { Store } from "../queue/records/store.ts";
import type { DamagedTask } from "../task/damaged.ts";
import { openNeeds } from "../task/needs.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded } from "../task/states.ts";

export interface Needed {
	/** what the given ones wait for, and what that waits for, as far as it is not among them */
	records: TaskRecord[];
	damaged: DamagedTask[];
}

/** Asks Redis only where something is waited for that is not among them. */
export async function neededBeside(store: Store, given: Iterable<TaskRecord>): Promise<Needed> {
	const known = new Map([...given].map((record) => [record.spec.id, record]));
	const found: Needed = { records: [], damaged: [] };
	const asked = new Set(known.keys());
	let from = [...known.values()];
	while (from.length > 0) {
		const missing = [...new Set(from.flatMap(needsOf))].filter((id) => !asked.has(id));
		if (missing.length === 0) break;
		for (const id of missing) asked.add(id);
		const read = await store.read(missing);
		// Not spread: a record may name any number.
		found.records = found.records.concat(read.records);
		found.damaged = found.damaged.concat(read.damaged);
		from = read.records;
	}
	return found;
}

function needsOf(record: TaskRecord): string[] {
	return record.state === "waiting" ? openNeeds(record) : [];
}

/**
 * Waiting tasks that go on only after a person did something: what they wait for is parked or damaged, or waits itself
 * for such a one. @returns their ids
 */
export function heldUp(records: readonly TaskRecord[], damaged: Iterable<string>): ReadonlySet<string> {
	const parked = records.filter(({ state }) => state === "parked").map(({ spec }) => spec.id);
	return waitingFor(records, [...parked, ...damaged]);
}

/** Those of the records that wait for one of these tasks, at first hand or through others. @returns their ids */
export function waitingFor(records: readonly TaskRecord[], ids: Iterable<string>): ReadonlySet<string> {
	const dependents = new Map<string, string[]>();
	for (const record of records)
		for (const need of needsOf(record)) {
			const known = dependents.get(need);
			if (known === undefined) dependents.set(need, [record.spec.id]);
			else known.push(record.spec.id);
		}
	const held = new Set<string>();
	const open = [...ids];
	for (let id = open.pop(); id !== undefined; id = open.pop())
		for (const next of dependents.get(id) ?? [])
			if (!held.has(next)) {
				held.add(next);
				open.push(next);
			}
	return held;
}

/** Those at which somebody has to work now: not those that only wait for others. */
export function atWork(records: readonly TaskRecord[]): TaskRecord[] {
	return records.filter(({ state }) => !isEnded(state) && state !== "parked" && state !== "waiting");
}
