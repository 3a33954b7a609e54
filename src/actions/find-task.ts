/** Finds the task that a user means: by its id, or by the beginning of it. */
import type { Store } from "../queue/records/store.ts";
import { wordOf } from "../task/damaged.ts";
import { DispatchError } from "../task/errors.ts";
import { ID_FORM } from "../task/id.ts";
import type { TaskRecord } from "../task/record.ts";
import { similar } from "../task/similar.ts";

const SHOWN = 5;
/** Two ids at least, as commands for several tasks take them. */
const SEVERAL = /^[\w-]+(?:,[\w-]+)+$/;

/** @throws DISPATCH_NO_SUCH_TASK, with a likely one if there is one */
export async function findTask(store: Store, given: string): Promise<TaskRecord> {
	const exact = await store.get(given);
	if (exact !== null) return exact;
	const ids = await store.ids();
	const begun = given === "" ? [] : ids.filter((id) => id.startsWith(given));
	if (begun.length === 1) return store.need(begun[0] ?? given);
	if (begun.length > 1) {
		const shown = begun.slice(0, SHOWN).join(", ") + (begun.length > SHOWN ? ", …" : "");
		throw new DispatchError("DISPATCH_NO_SUCH_TASK", `"${given}" begins ${begun.length} ids: ${shown}.`, {
			hint: "Write more of it.",
		});
	}
	if (await isBatch(store, given))
		throw new DispatchError("DISPATCH_NO_SUCH_TASK", `There is no task "${given}": it is a batch.`, {
			hint: `\`dispatch batch status ${wordOf(given)}\` shows it; batch wait, batch cancel and batch retry are for all its tasks.`,
		});
	if (SEVERAL.test(given))
		throw new DispatchError("DISPATCH_NO_SUCH_TASK", `There is no task "${given}".`, {
			hint: "This takes one task: name each in a call of its own.",
		});
	const near = similar(given, ids);
	throw new DispatchError("DISPATCH_NO_SUCH_TASK", `There is no task "${given}".`, {
		hint: near === null ? "`dispatch ls --all` lists the tasks." : `Did you mean "${near}"?`,
	});
}

async function isBatch(store: Store, given: string): Promise<boolean> {
	if (!ID_FORM.test(given)) return false;
	return (await store.guard((client) => client.exists(store.keys.batch(given)))) > 0;
}

/** A task that is named in full: where it is gone meanwhile, none whose id goes on after it is meant. */
export function exactly(store: Store, id: string): Promise<TaskRecord> {
	return store.need(id);
}

/** As `find`. @returns null: there is one of exactly this id, and its record is damaged */
export async function findSound(store: Store, given: string, find = findTask): Promise<TaskRecord | null> {
	try {
		return await find(store, given);
	} catch (error) {
		const isDamaged = error instanceof DispatchError && error.code === "DISPATCH_DAMAGED";
		if (isDamaged && (await store.exists(given))) return null;
		throw error;
	}
}

/** Several of them, each once, in the order given. @throws DISPATCH_NO_SUCH_TASK for the first that is not there */
export async function findTasks(store: Store, given: readonly string[]): Promise<TaskRecord[]> {
	const found = new Map<string, TaskRecord>();
	for (const each of given) {
		const record = await findTask(store, each);
		found.set(record.spec.id, record);
	}
	return [...found.values()];
}

/**
 * As `findTasks`, to do something to them.
 * @param given ids, or the beginnings of them; or records, which are taken as they are
 * @throws as `eachOrNone`
 */
export async function recordsOf(
	store: Store,
	given: readonly string[] | readonly TaskRecord[],
): Promise<TaskRecord[]> {
	const found = await eachOrNone<string | TaskRecord, TaskRecord>(given, async (each) =>
		typeof each === "string" ? findTask(store, each) : each,
	);
	return [...new Map(found.map((record) => [record.spec.id, record])).values()];
}

/**
 * Looks for all of them before anything is done to one.
 * @throws what `find` throws for the first; of several, it is said that the others were left alone
 */
export async function eachOrNone<G, T>(given: readonly G[], find: (each: G) => Promise<T>): Promise<T[]> {
	const found: T[] = [];
	for (const each of given) {
		try {
			found.push(await find(each));
		} catch (error) {
			if (!(error instanceof DispatchError) || given.length === 1) throw error;
			const { code, message, hint } = error;
			const more = hint === undefined ? {} : { hint };
			throw new DispatchError(code, `${message} Nothing was done to the other ids.`, {
				...more,
				cause: error,
			});
		}
	}
	return found;
}
