/** What holds of tasks that need others, whatever happened to them. */
import { expect } from "vitest";
import type { Store } from "../../../src/queue/records/store.ts";
import { openNeeds } from "../../../src/task/needs.ts";
import type { TaskRecord } from "../../../src/task/record.ts";
import { isEnded } from "../../../src/task/states.ts";

/** @returns a line for each fault, none when all is well */
export async function needsFaults(store: Store): Promise<string[]> {
	const { records, damaged } = await store.newest(-1);
	const byId = new Map(records.map((record) => [record.spec.id, record]));
	const faults = damaged.map(({ id, damage }) => `${id} is damaged: ${damage}`);
	const wanted = new Set<string>();
	const active = new Map<string, Set<string>>();
	for (const host of new Set(records.map((record) => record.host)))
		active.set(host, new Set(await store.activeIds(host)));
	for (const record of records) {
		const { id } = record.spec;
		const open = openNeeds(record);
		const became = open.map((need) => stateOf(byId.get(need), record.needs[need]?.nonce));
		const isSkipped = record.state === "cancelled" && record.reason === "skipped";
		const lost = became.filter((state) => state === "removed" || (isEnded(state) && state !== "completed"));
		if (record.state === "waiting" && open.length === 0) faults.push(`${id} waits for nothing`);
		if (record.state === "waiting" && lost.length > 0) faults.push(`${id} waits for what will not come`);
		if (became.includes("completed") && (record.state === "waiting" || isSkipped))
			faults.push(`${id} was not told of an end`);
		if (isSkipped && lost.length === 0) faults.push(`${id} is skipped, and nothing stands in its way`);
		if (
			isSkipped !==
			((record.outcome?.message.match(/^Not started: it(?: needs|s batch stops) /) ?? null) !== null)
		)
			faults.push(`${id} says ${record.outcome?.message}`);
		if (!isEnded(record.state) && record.state !== "waiting" && open.length > 0)
			faults.push(`${id} is ${record.state} and needs ${open.join()}`);
		if (record.state === "waiting" || isSkipped) for (const need of open) wanted.add(`${need} ${id}`);
		const isActive = active.get(record.host)?.has(id) ?? false;
		if (isActive === isEnded(record.state)) faults.push(`${id} is ${record.state}, active: ${isActive}`);
	}
	const listed = await listedDependents(store);
	for (const each of wanted) if (!listed.has(each)) faults.push(`not in the index: ${each}`);
	for (const each of listed) if (!wanted.has(each)) faults.push(`in the index for nothing: ${each}`);
	return faults;
}

function stateOf(record: TaskRecord | undefined, nonce: string | undefined) {
	return record === undefined || record.spec.nonce !== nonce ? "removed" : record.state;
}

/** `<task> <who waits for it>` */
async function listedDependents(store: Store): Promise<Set<string>> {
	const head = store.keys.dependents("");
	const listed = new Set<string>();
	const keys = await store.client.keys(`${head}*`);
	const pipeline = store.client.pipeline();
	for (const key of keys) pipeline.zrange(key, "0", "-1");
	for (const [n, ids] of (await store.replies(pipeline)).entries())
		for (const id of ids as string[]) listed.add(`${keys[n]?.slice(head.length)} ${id}`);
	return listed;
}

export async function expectSound(store: Store): Promise<void> {
	expect(await needsFaults(store)).toEqual([]);
}
