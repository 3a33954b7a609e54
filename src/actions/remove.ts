/** Deletes ended tasks: the record first, then what is left of them on this host. */
import { spendOrder } from "../config/spent-orders.ts";
import { removeTaskDir } from "../ipc/task-dir.ts";
import { removeRuns } from "../process/run-dir.ts";
import type { RemoveResult, Store } from "../queue/records/store.ts";
import { agreedTo } from "../task/agreed.ts";
import { DispatchError } from "../task/errors.ts";
import { type TaskRecord, workspaceOf } from "../task/record.ts";
import { isEnded } from "../task/states.ts";
import { eachOrNone, findSound } from "./find-task.ts";

export interface Place {
	/** the state directory */
	path: string;
	hostId: string;
}

export interface Removed {
	task: string;
	/** what could not be removed from the disk: it harms nobody, and is only told */
	fault: string | null;
}

/** A task that is to be removed; null: its record is damaged. */
export interface Removable {
	id: string;
	record: TaskRecord | null;
}

/**
 * Each of them once, all looked for before one is removed.
 * @param given ids, or the beginnings of them
 * @throws DISPATCH_NO_SUCH_TASK
 */
export async function removableTasks(store: Store, given: readonly string[]): Promise<Removable[]> {
	const found = await eachOrNone(given, async (each): Promise<Removable> => {
		const record = await findSound(store, each);
		return { id: record?.spec.id ?? each, record };
	});
	return [...new Map(found.map((each) => [each.id, each])).values()];
}

/**
 * Removes it as it was read, with the files of that one.
 * @throws DISPATCH_NOT_ENDED, DISPATCH_STALE for one that was started again, or made anew, since it was read
 */
export async function removeTask(store: Store, { id, record }: Removable, place: Place): Promise<Removed> {
	if (record !== null && !isEnded(record.state)) throw notEnded(id, record.state);
	const reply = await store.remove(id, record === null ? undefined : agreedTo(record));
	if (reply.result === "not_ended") throw notEnded(id, reply.state);
	if (record !== null) {
		const isElsewhere = record.host !== place.hostId;
		return {
			task: id,
			fault: isElsewhere ? leftThere(id, record.host) : await removeFiles(store, record, place),
		};
	}
	return { task: id, fault: reply.result === "removed" ? removeDamaged(id, reply, place) : null };
}

/**
 * The host clears what a damaged record still told, its agent before its files; here its order is spent, since a copy
 * of it may be put back at once.
 */
function removeDamaged(
	id: string,
	{ host, left }: RemoveResult & { result: "removed" },
	{ path, hostId }: Place,
): string | null {
	try {
		if (left !== null && host === hostId) spendOrder(path, left.nonce);
	} catch (error) {
		return `Some files of \`${id}\` could not be removed: ${(error as Error).message}`;
	}
	if (left !== null && left.cwd !== null && host !== "") return null;
	return `The record of ${JSON.stringify(id)} was damaged and does not say where its files are: what lies in .dispatch/tasks of its project stays.`;
}

function notEnded(id: string, state: string | undefined): DispatchError {
	return new DispatchError("DISPATCH_NOT_ENDED", `\`${id}\` is ${state}, it has not ended.`, {
		hint: `Cancel it first: dispatch cancel ${id}`,
	});
}

/** As `removeTask`. @returns null: it was started again meanwhile, also one that has ended since, and stays */
export async function removeIfEnded(store: Store, record: TaskRecord, place: Place): Promise<Removed | null> {
	const { id } = record.spec;
	try {
		if ((await store.remove(id, agreedTo(record))).result !== "removed") return null;
	} catch (error) {
		if (error instanceof DispatchError && error.code === "DISPATCH_STALE") return null;
		throw error;
	}
	return { task: id, fault: await removeFiles(store, record, place) };
}

async function removeFiles({ namespace }: Store, record: TaskRecord, place: Place): Promise<string | null> {
	const { host } = record;
	const { id, nonce } = record.spec;
	if (host !== place.hostId) return null;
	try {
		// First: once the user was told, no copy of the record works any more.
		spendOrder(place.path, nonce);
		await removeTaskDir(workspaceOf(record), id, { namespace, host, nonce });
		await removeRuns(place.path, id, record.epoch);
		return null;
	} catch (error) {
		return `Some files of \`${id}\` could not be removed: ${(error as Error).message}`;
	}
}

/** Who removes another host's task reaches its record alone. */
function leftThere(id: string, host: string): string {
	return `The files of \`${id}\` are on host ${host}: its worker removes them as soon as it runs, this command cannot.`;
}
