/** Tasks by state, labels and host. */
import type { Store } from "../queue/records/store.ts";
import type { DamagedTask } from "../task/damaged.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { STATES } from "../task/states.ts";
import type { Order } from "./task-order.ts";

export interface TaskFilter {
	/** one of these states; undefined: any */
	states?: readonly string[] | undefined;
	/** all of these labels */
	tags?: Readonly<Record<string, string>> | undefined;
	host?: string | undefined;
	/** who submitted them, `user@host` */
	owner?: string | undefined;
}

export interface Listed {
	/** newest first */
	records: TaskRecord[];
	/** those among the newest whose record cannot be read; only without a filter: they have nothing to filter by */
	damaged: DamagedTask[];
	/** how many there are without the limit */
	total: number;
}

/**
 * @param limit null: all of them
 * @param order null: newest first
 * @throws DISPATCH_USAGE for a state that is none
 */
export async function listTasks(
	store: Store,
	filter: TaskFilter,
	limit: number | null,
	order: Order | null = null,
): Promise<Listed> {
	const isWanted = matches(filter);
	if (Object.values(filter).every((each) => each === undefined)) return newestOf(store, limit, order);
	const found = (await candidates(store, filter)).filter(isWanted);
	if (order !== null) found.sort(order);
	return { records: found.slice(0, limit ?? found.length), damaged: [], total: found.length };
}

/** In another order the first ones may be anywhere. */
async function newestOf(store: Store, limit: number | null, order: Order | null): Promise<Listed> {
	const [newest, total] = await Promise.all([
		store.newest(order === null ? (limit ?? -1) : -1),
		store.count(),
	]);
	if (order === null) return { ...newest, total };
	const records = newest.records.sort(order);
	return { records: records.slice(0, limit ?? records.length), damaged: newest.damaged, total };
}

/** @throws DISPATCH_USAGE */
export function matches({ states, tags, host, owner }: TaskFilter): (record: TaskRecord) => boolean {
	const wrong = states?.find((name) => !(STATES as readonly string[]).includes(name));
	if (wrong !== undefined) {
		throw new DispatchError("DISPATCH_USAGE", `Expected --state to be a state, got "${wrong}".`, {
			hint: `One of ${STATES.join(", ")}.`,
		});
	}
	const labels = Object.entries(tags ?? {});
	return (record) =>
		(states === undefined || states.includes(record.state)) &&
		(host === undefined || record.host === host) &&
		(owner === undefined || record.spec.createdBy === owner) &&
		labels.every(([name, value]) => record.spec.tags[name] === value);
}

/** Records are read only of tasks in a wanted state. */
async function candidates(store: Store, { states }: TaskFilter): Promise<TaskRecord[]> {
	if (states === undefined) return store.list(-1);
	const all = [...(await store.states())];
	const ids = all.filter(([, state]) => state !== null && states.includes(state)).map(([id]) => id);
	return store.getMany(ids);
}
