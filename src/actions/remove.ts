/** Deletes ended tasks: the record first, then what is left of them on this host. */
import { Orders } from "../config/orders.ts";
import { sealsOf } from "../config/signing-key.ts";
import { spendOrder } from "../config/spent-orders.ts";
import { isUnstamped, removeTaskDir, taskDirOf } from "../ipc/task-dir.ts";
import { isThere } from "../process/atomic-file.ts";
import type { Environment } from "../process/environment.ts";
import { isOurTrouble } from "../process/read-file.ts";
import { type RunDir, removeRuns, startsOfTask } from "../process/run-dir.ts";
import { sealedOf } from "../process/sealed-file.ts";
import type { RemoveResult, Store } from "../queue/records/store.ts";
import { agreedTo } from "../task/agreed.ts";
import { DispatchError } from "../task/errors.ts";
import { ID_FORM } from "../task/id.ts";
import { type TaskRecord, workspaceOf } from "../task/record.ts";
import { isEnded } from "../task/states.ts";
import { worktreesOf } from "../task/worktree.ts";
import type { Vouching } from "../workspace/facts.ts";
import {
	type GoneBranches,
	leftByRemoval,
	type RemovedWorktree,
	removeWorktree,
	requireRemovable,
} from "../workspace/remove.ts";
import { knownWorktree, lostWorktree, type Worktree, worktreeOf } from "../workspace/worktree.ts";
import { eachOrNone, findSound } from "./find-task.ts";

/** A task has one nonce, or a few in a long life; what an agent makes up takes no room beyond that. */
const SPENT_AT_ONCE = 1_000;

export interface Place {
	/** the state directory */
	path: string;
	hostId: string;
}

/** Where and how it is removed. */
export interface RemovalPlace extends Place {
	env?: Environment;
	/** deletes also work in a worktree that is in no commit, and its branch */
	force?: boolean;
}

export interface Removed {
	task: string;
	/** what could not be removed from the disk, or stays on purpose: it harms nobody, and is only told */
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
 * Asked before the record goes: the worker clears what is left of it at once, and this tells of it all the same.
 * @returns its worktree on this host
 * @throws DISPATCH_UNSAVED_WORK, DISPATCH_BAD_CWD, DISPATCH_GIT
 */
async function savedWorktree(
	record: TaskRecord,
	namespace: string,
	place: RemovalPlace,
): Promise<Worktree | null> {
	const { spec, host } = record;
	if (host !== place.hostId) return null;
	const { path, env = process.env } = place;
	const vouching: Vouching = (told, seal) => {
		const orders = new Orders(path, namespace);
		return orders.isSigned(record) ? spec.worktree : orders.sealedWorktree(told, seal);
	};
	// What is kept beside it may be damaged, and one that was taken over lies where its first host made it: what is signed
	// tells the same.
	const signed = worktreeOf(spec, env);
	const isVouched = () =>
		signed !== null && isThere(signed.path) && new Orders(path, namespace).isSigned(record);
	const worktree = knownWorktree(worktreesOf(path), spec, env, vouching) ?? (isVouched() ? signed : null);
	if (worktree !== null) await requireRemovable(worktree, { force: place.force ?? false });
	return worktree;
}

/**
 * Removes it as it was read, with the files of that one.
 * @throws DISPATCH_UNSAVED_WORK, DISPATCH_NOT_ENDED, DISPATCH_STALE for one that was started again, or made anew, since it was read
 */
export async function removeTask(
	store: Store,
	{ id, record }: Removable,
	place: RemovalPlace,
): Promise<Removed> {
	if (record !== null && !isEnded(record.state)) throw notEnded(id, record.state);
	const worktree = record === null ? null : await savedWorktree(record, store.namespace, place);
	const { nonces, unseen } = startedHere(id, record, place);
	const reply = await store.remove(id, record === null ? undefined : agreedTo(record));
	if (reply.result === "not_ended") throw notEnded(id, reply.state);
	if (reply.result === "none") return { task: id, fault: null };
	const unspent = spendAll(id, [...reply.nonces, ...nonces], place);
	if (record === null) return removed(id, unseen, unspent ?? leftOfDamaged(id, reply));
	if (record.host !== place.hostId) return removed(id, unseen, unspent ?? leftThere(id, record.host));
	return removed(id, unseen, unspent ?? (await removeFiles(store, record, worktree, place)));
}

interface StartedHere {
	nonces: string[];
	/** some of its starts could not be looked at: an agent may have locked them, which keeps no record */
	unseen: string | null;
}

/**
 * The nonces under which this host has started a task, and that which its record names. Looked for before the record
 * goes: no start of a newer task of this id is among them.
 * @throws what this process is short of: it passes
 */
function startedHere(id: string, record: TaskRecord | null, { path }: Place): StartedHere {
	const named = record === null ? [] : [record.spec.nonce];
	if (!ID_FORM.test(id)) return { nonces: named, unseen: null };
	const { runs, faults } = startsOfTask(path, id);
	for (const fault of faults) if (isOurTrouble(fault)) throw fault;
	const nonces = [...named, ...trueFirst(runs, path).flatMap(({ facts }) => facts.taskNonce ?? [])];
	return { nonces, unseen: faults.length === 0 ? null : unseenText(id, faults[0] as Error) };
}

/** Those that this host has claimed, and those of a nonce that it has made: what an agent makes up pushes none of them out. */
function trueFirst(runs: readonly RunDir[], path: string): readonly RunDir[] {
	if (runs.length < SPENT_AT_ONCE) return runs;
	const seals = sealsOf(path);
	const rank = ({ facts }: RunDir) =>
		sealedOf(facts, seals) !== null ? 0 : seals.hasMade(String(facts.taskNonce)) ? 1 : 2;
	return runs
		.map((run) => ({ run, rank: rank(run) }))
		.sort((a, b) => a.rank - b.rank)
		.map(({ run }) => run);
}

function unseenText(id: string, { message }: Error): string {
	return `Not every start of \`${id}\` could be looked at: a copy of it whose record somebody has changed may start again. ${message}`;
}

/**
 * Once the user was told, no copy of the record works any more, whatever host and nonce somebody has written into it.
 * An agent can write into the facts of its starts: no other task's order is spent by them.
 * @returns what stood against it
 */
function spendAll(id: string, nonces: readonly string[], { path }: Place): string | null {
	try {
		if (ID_FORM.test(id))
			for (const nonce of [...new Set(nonces)].slice(0, SPENT_AT_ONCE)) spendOrder(path, nonce, id);
		return null;
	} catch (error) {
		return leftTextOf(id)(error as Error);
	}
}

/** The host clears what a damaged record still told, its agent before its files. */
function leftOfDamaged(id: string, { host, left }: RemoveResult & { result: "removed" }): string | null {
	if (left !== null && left.cwd !== null && host !== "") return null;
	return `The record of ${JSON.stringify(id)} was damaged and does not say where its files are: what lies in .dispatch/tasks of its project stays.`;
}

function notEnded(id: string, state: string | undefined): DispatchError {
	return new DispatchError("DISPATCH_NOT_ENDED", `\`${id}\` is ${state}, it has not ended.`, {
		hint: `Cancel it first: dispatch cancel ${id}`,
	});
}

/** As `removeTask`. @returns null: it was started again meanwhile, also one that has ended since, and stays */
export async function removeIfEnded(
	store: Store,
	record: TaskRecord,
	place: RemovalPlace,
): Promise<Removed | null> {
	const { id } = record.spec;
	const worktree = await savedWorktree(record, store.namespace, place);
	const { nonces, unseen } = startedHere(id, record, place);
	try {
		const reply = await store.remove(id, agreedTo(record));
		if (reply.result !== "removed") return null;
		nonces.unshift(...reply.nonces);
	} catch (error) {
		if (error instanceof DispatchError && error.code === "DISPATCH_STALE") return null;
		throw error;
	}
	const unspent = spendAll(id, nonces, place);
	return removed(id, unseen, unspent ?? (await removeFiles(store, record, worktree, place)));
}

/** @param faults null: nothing stood against it */
function removed(task: string, ...faults: (string | null)[]): Removed {
	const told = faults.filter((fault) => fault !== null);
	return { task, fault: told.length === 0 ? null : told.join(" ") };
}

/**
 * What `removeIfEnded` would do, as far as it can be known before: the same looks decide, and nothing is changed.
 * @param gone for all that would go one after the other
 * @throws what that one would throw of its worktree
 */
export async function wouldRemove(
	namespace: string,
	record: TaskRecord,
	place: RemovalPlace,
	gone: GoneBranches,
): Promise<Removed> {
	const { id } = record.spec;
	const worktree = await savedWorktree(record, namespace, place);
	if (worktree === null) return { task: id, fault: null };
	const look = leftByRemoval(worktree, { force: place.force ?? false, gone });
	return { task: id, fault: await look.then((left) => keptText(id, left), leftTextOf(id)) };
}

function leftTextOf(id: string): (error: Error) => string {
	return ({ message }) => `Some files of \`${id}\` could not be removed: ${message}`;
}

async function removeFiles(
	{ namespace }: Store,
	record: TaskRecord,
	worktree: Worktree | null,
	place: RemovalPlace,
): Promise<string | null> {
	const { host } = record;
	const { id, nonce } = record.spec;
	if (host !== place.hostId) return null;
	try {
		const force = place.force ?? false;
		const kept =
			worktree === null
				? lostWorktree(worktreesOf(place.path), record.spec)
				: keptText(id, await removeWorktree(worktree, { force }));
		const cwd = workspaceOf(record);
		const wasIts = await removeTaskDir(cwd, id, { namespace, host, nonce });
		await removeRuns(place.path, id, record.epoch);
		return (
			[kept, wasIts || !isUnstamped(cwd, id) ? null : unstampedText(id, cwd)].filter(Boolean).join(" ") ||
			null
		);
	} catch (error) {
		return leftTextOf(id)(error as Error);
	}
}

/** Somebody, such as its agent, has damaged what says so. */
function unstampedText(id: string, cwd: string): string {
	return `${taskDirOf(cwd, id)} stays: it does not say any more whose it is. Remove it where nothing in it is yours.`;
}

function keptText(id: string, { branchKept }: RemovedWorktree): string | null {
	if (branchKept === null) return null;
	const { name, commits } = branchKept;
	const what = commits === 1 ? "a commit" : `${commits} commits`;
	return `The branch ${name} of \`${id}\` stays: it has ${what} that no other branch holds. \`git branch -D ${name}\` deletes it.`;
}

/** Who removes another host's task reaches its record alone. */
function leftThere(id: string, host: string): string {
	return `The files of \`${id}\` are on host ${host}: its worker removes them as soon as it runs, this command cannot.`;
}
