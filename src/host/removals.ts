/**
 * What this host keeps of tasks that were removed, here or elsewhere: files in the project, run directories,
 * run jobs, and the texts in events. After it a copy of the record, put back into Redis, starts nothing.
 */
import type { Logger } from "pino";
import type { Orders } from "../config/orders.ts";
import { removeTaskDir } from "../ipc/task-dir.ts";
import { agentStatus } from "../process/agent.ts";
import { endRun } from "../process/end-run.ts";
import type { Environment } from "../process/environment.ts";
import { isTimeUp } from "../process/git.ts";
import { isDiskFull, isOurTrouble } from "../process/read-file.ts";
import { removeRuns, runsOfTask, startsOfTask } from "../process/run-dir.ts";
import { forgetDeliveries } from "../queue/jobs/notify-queue.ts";
import type { RunQueues } from "../queue/jobs/run-queue.ts";
import { followRemovals, forgetTexts } from "../queue/records/removed.ts";
import type { RemovedTask } from "../queue/records/removed-task.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError, isOutage } from "../task/errors.ts";
import type { Serial } from "../task/serial.ts";
import { endsWithin } from "../task/service.ts";
import { worktreesOf } from "../task/worktree.ts";
import type { Vouching } from "../workspace/facts.ts";
import { removeWorktree } from "../workspace/remove.ts";
import { knownWorktree, lostWorktree } from "../workspace/worktree.ts";
import { type Cleared, type Clearing, Clearings, Patience } from "./clearings.ts";
import { StuckRemovals } from "./stuck-removals.ts";

export interface RemovalDeps {
	store: Store;
	/** the state directory's path */
	home: string;
	host: string;
	queues: RunQueues;
	orders: Orders;
	serial: Serial;
	env?: Environment;
	/** ms between SIGTERM and SIGKILL */
	graceMs: number;
	/** ms that one call of git may take */
	gitLimitMs?: number;
	/** ends git */
	signal?: AbortSignal;
	held: StuckRemovals;
	clearings: Clearings;
	/** for the log: what could not be cleared; it harms nobody */
	fault: (task: string, step: string, error: unknown) => void;
}

/** Of a worktree of a removed task, for which nobody waits. */
const GIT_LIMIT_MS = 60_000;
/** Why git is ended, as the end of a sentence. */
const STOPPED = "the worker stops";
/** git takes its locks back; Redis answers. */
const LEAVE_LIMIT_MS = 4_000;

/** As `spendRemoved` and `clearRemovals`, one after the other: two would follow the same notices. Throws nothing. */
export class Removals {
	readonly #deps: RemovalDeps;
	readonly #log: Logger;
	readonly #released = new AbortController();
	#clearing: Promise<unknown> = Promise.resolve();
	#isDue = false;

	constructor({
		log,
		...deps
	}: Omit<RemovalDeps, "fault" | "held" | "clearings" | "signal"> & { log: Logger }) {
		const fault = (task: string, step: string, error: unknown) =>
			log.warn({ task, step, error: String(error) }, "a removed task was not cleared in full");
		const own = { held: new StuckRemovals(), clearings: new Clearings(), signal: this.#released.signal };
		this.#deps = { ...deps, ...own, fault };
		this.#log = log;
	}

	/** What was removed meanwhile starts no more. How long it takes to clear their files holds up nobody. */
	spend(): Promise<unknown> {
		return this.#next(() => spendRemoved(this.#deps));
	}

	/** One at a time, and one that waits: that one sees all that there is. */
	clear(): Promise<unknown> {
		if (this.#isDue) return this.#clearing;
		this.#isDue = true;
		return this.#next(() => {
			this.#isDue = false;
			return clearRemovals(this.#deps);
		});
	}

	/** Begins nothing any more, and ends git. */
	async release(): Promise<void> {
		this.#released.abort(STOPPED);
		await endsWithin(LEAVE_LIMIT_MS, Promise.all([this.#clearing, this.#deps.clearings.ended()]));
	}

	#next(pass: () => Promise<unknown>): Promise<unknown> {
		const { signal } = this.#released;
		this.#clearing = this.#clearing
			.then(() => (signal.aborted ? null : pass()))
			.catch((error: unknown) => {
				if (!signal.aborted) this.#log.warn({ error: String(error) }, "removed tasks could not be cleared");
			});
		return this.#clearing;
	}
}

/** Spends the orders of removed tasks, and leaves the rest to `clearRemovals`. @throws DISPATCH_REDIS_UNREACHABLE and the like */
export async function spendRemoved(deps: RemovalDeps): Promise<void> {
	await followRemovals(deps.store, deps.host, async (tasks) => {
		for (const task of tasks) isSpent(task, deps);
		return new Set(tasks);
	});
	deps.held.turn();
}

/**
 * Each by itself: one that cannot be looked at, or takes long, keeps none of the others. What cannot be cleared now is
 * tried again the next time: for a day, and for as long as this host itself is short of something.
 * @returns how many were cleared. @throws DISPATCH_REDIS_UNREACHABLE and the like
 */
export async function clearRemovals(deps: RemovalDeps): Promise<number> {
	const patience = new Patience();
	const cleared = await followRemovals(deps.store, deps.host, async (tasks) => {
		// While its order works its files stay: they can tell that it is this host's.
		const left = new Set<RemovedTask>(tasks.filter((task) => !isSpent(task, deps)));
		// Of one that was put back the files are taken away with it.
		const gone = tasks.filter((task) => !task.isThere && !left.has(task));
		const clear = (task: RemovedTask, clearing: Clearing) => clearDisk(task, clearing, deps);
		const outcomes = await deps.clearings.of(gone, patience, clear);
		for (const [task, outcome] of outcomes) if (!isFollowed(task, outcome, deps)) left.add(task);
		if (gone.length > 0 && !(await isForgotten(gone, deps))) for (const task of gone) left.add(task);
		return left;
	});
	deps.held.turn();
	deps.clearings.turn();
	return cleared;
}

/** Whether its notice may go: all is done, or nothing more will be. */
function isFollowed(task: RemovedTask, outcome: Cleared, { held, fault }: RemovalDeps): boolean {
	if (outcome.kind === "done") return true;
	if (outcome.kind === "underWay") {
		held.keep(task);
		return false;
	}
	const { error } = outcome;
	const { isOver, isNew } = held.note(task, String(error));
	if (isNew) fault(task.id, "removal", error);
	if (!isOver || isOurTrouble(error) || isDiskFull(error)) return false;
	fault(task.id, "removal, tried for a day", error);
	return true;
}

/** @returns false: its order cannot be spent now, which the log tells */
function isSpent(task: RemovedTask, deps: RemovalDeps): boolean {
	try {
		deps.orders.spend(task, () => isKnown(task, deps));
		return true;
	} catch (error) {
		if (deps.held.note(task, String(error)).isNew) deps.fault(task.id, "order", error);
		return false;
	}
}

/** Whether a start, or a worktree, of this creation was made here; null: nobody can know. */
function isKnown({ id, nonce }: RemovedTask, { home, env }: RemovalDeps): boolean | null {
	const { runs, faults } = startsOfTask(home, id);
	if (runs.some(({ facts }) => facts.taskNonce === nonce)) return true;
	try {
		const isThere = knownWorktree(worktreesOf(home), { id, nonce }, env ?? process.env, () => null) !== null;
		if (isThere) return true;
		const lost = lostWorktree(worktreesOf(home), { id, nonce });
		if (lost !== null) faults.push(lost);
	} catch (error) {
		faults.push(error);
	}
	return faults.length > 0 ? null : false;
}

/**
 * What jobs and events tell of them.
 * @returns false: not all of it went, which the log tells. @throws when Redis is away
 */
async function isForgotten(gone: readonly RemovedTask[], deps: RemovalDeps): Promise<boolean> {
	const { store, host, queues } = deps;
	const ids = new Set(gone.map(({ id }) => id));
	const steps = {
		jobs: () => queues.forget(host, ids),
		notifications: () => forgetDeliveries(store, host, ids),
		texts: () => forgetTexts(store, ids),
	};
	const more = ids.size > 1 ? ` and ${ids.size - 1} more` : "";
	const named = `${gone[0]?.id}${more}`;
	let isWhole = true;
	for (const [step, forget] of Object.entries(steps)) {
		try {
			await forget();
		} catch (error) {
			if (isOutage(error)) throw error;
			isWhole = false;
			deps.fault(named, step, error);
		}
	}
	return isWhole;
}

async function clearDisk(task: RemovedTask, clearing: Clearing, deps: RemovalDeps): Promise<void> {
	const { files, gits } = deps.clearings;
	const requireWanted = () => {
		if (deps.signal?.aborted) throw new Error(STOPPED);
	};
	await eachByItself([
		// In the task's own line, so that no start of a newer task of this id is under way; which waits for no free place.
		() =>
			files.run(() =>
				deps.serial.run(task.id, async () => {
					requireWanted();
					await clearFiles(task, deps);
				}),
			),
		// No start of this one is under way any more, and what a newer one makes has another name: it waits for no git.
		() =>
			clearWorktree(task, clearing, deps, (work) =>
				gits.run(async () => {
					requireWanted();
					await work();
				}),
			),
	]);
}

/** Where some of its starts cannot be looked at, what the others and the notice tell of is cleared all the same. */
async function clearFiles(task: RemovedTask, deps: RemovalDeps): Promise<void> {
	const { id, nonce, cwd } = task;
	const { store, home, host, graceMs } = deps;
	const { runs, faults } = startsOfTask(home, id);
	const mine = runs.filter(({ facts }) => facts.taskNonce === nonce);
	// Whatever a directory is called: only the one with this very stamp is removed.
	const places = [...new Set([cwd, ...mine.map(({ facts }) => facts.cwd)])].filter(
		(place) => typeof place === "string",
	);
	const owner = { namespace: store.namespace, host, nonce };
	await eachByItself([
		async () => {
			if (faults.length > 0) throw faults[0];
		},
		...mine.map((run) => async () => {
			if (agentStatus(run).kind === "alive") await endRun(run, { graceMs });
		}),
		...places.map((place) => () => removeTaskDir(place, id, owner)),
	]);
	// Last: they tell the places. The directories of a newer task of this id lie beside them.
	if (mine.length > 0 && mine.length === runsOfTask(home, id).length) await removeRuns(home, id);
}

/** @param atWork what git does: it waits for its place among the others, for which one without a worktree has no need */
async function clearWorktree(
	task: RemovedTask,
	clearing: Clearing,
	deps: RemovalDeps,
	atWork: (work: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
	const { home, env = process.env, signal, gitLimitMs = GIT_LIMIT_MS, orders, fault, clearings } = deps;
	const sealed: Vouching = (told, seal) => orders.sealedWorktree(told, seal);
	if (clearing.keepsWorktree) return;
	const limitMs = clearings.gitLimit(clearing, gitLimitMs);
	const folder = worktreesOf(home);
	const worktree = knownWorktree(folder, task, env, sealed, { signal, limitMs });
	// What was saved nowhere, or where nobody can tell, stays where it is.
	const keep = (why: string) => {
		clearing.keepsWorktree = true;
		fault(task.id, "worktree", new Error(why));
	};
	if (worktree === null) {
		const lost = lostWorktree(folder, task);
		return lost === null ? undefined : keep(lost);
	}
	try {
		await atWork(() => removeWorktree(worktree, { force: false }));
	} catch (error) {
		if (signal?.aborted) throw error;
		if (isTimeUp(error))
			throw clearings.tooSlow(clearing, `git took too long over ${worktree.path}, which stays so far.`);
		if (!isForGood(error)) throw error;
		keep(`${error.message} It stays: ${worktree.path}`);
	}
}

/** git that hangs on a FIFO hangs again. */
function isForGood(error: unknown): error is DispatchError {
	return (
		error instanceof DispatchError &&
		(error.code === "DISPATCH_UNSAVED_WORK" || error.code === "DISPATCH_GIT_ENDED")
	);
}

/** One after the other; one that fails keeps none of the others. @throws the first fault, after all of them */
async function eachByItself(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
	const faults: unknown[] = [];
	for (const step of steps) await step().catch((error: unknown) => faults.push(error));
	if (faults.length > 0) throw faults[0];
}
