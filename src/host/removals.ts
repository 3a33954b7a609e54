/**
 * What this host keeps of tasks that were removed, here or elsewhere: files in the project, run directories,
 * run jobs, and what the events quote. After it a copy of the record, put back into Redis, starts nothing.
 */
import type { Logger } from "pino";
import type { Orders } from "../config/orders.ts";
import { removeTaskDir } from "../ipc/task-dir.ts";
import { agentStatus } from "../process/agent.ts";
import { endRun } from "../process/end-run.ts";
import type { Environment } from "../process/environment.ts";
import { isDiskFull, isOurTrouble } from "../process/read-file.ts";
import { removeRuns, runsOfTask, startsOfTask } from "../process/run-dir.ts";
import { forgetDeliveries } from "../queue/jobs/notify-queue.ts";
import type { RunQueues } from "../queue/jobs/run-queue.ts";
import { followRemovals, forgetQuotes } from "../queue/records/removed.ts";
import type { RemovedTask } from "../queue/records/removed-task.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError, isOutage } from "../task/errors.ts";
import type { Serial } from "../task/serial.ts";
import { worktreesOf } from "../task/worktree.ts";
import { removeWorktree } from "../workspace/remove.ts";
import { knownWorktree } from "../workspace/worktree.ts";
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
	held: StuckRemovals;
	/** for the log: what could not be cleared; it harms nobody */
	fault: (task: string, step: string, error: unknown) => void;
}

/** As `clearRemovals`, one after the other: two would follow the same notices. Throws nothing. */
export class Removals {
	readonly #deps: RemovalDeps;
	readonly #log: Logger;
	#clearing: Promise<unknown> = Promise.resolve();

	constructor({ log, ...deps }: Omit<RemovalDeps, "fault" | "held"> & { log: Logger }) {
		const fault = (task: string, step: string, error: unknown) =>
			log.warn({ task, step, error: String(error) }, "a removed task was not cleared in full");
		this.#deps = { ...deps, fault, held: new StuckRemovals() };
		this.#log = log;
	}

	clear(): Promise<unknown> {
		this.#clearing = this.#clearing
			.then(() => clearRemovals(this.#deps))
			.catch((error: unknown) =>
				this.#log.warn({ error: String(error) }, "removed tasks could not be cleared"),
			);
		return this.#clearing;
	}
}

/**
 * Each by itself: one that cannot be looked at keeps none of the others. What cannot be cleared now is tried again the
 * next time: for a day, and for as long as this host itself is short of something.
 * @returns how many were cleared. @throws DISPATCH_REDIS_UNREACHABLE and the like
 */
export async function clearRemovals(deps: RemovalDeps): Promise<number> {
	const cleared = await followRemovals(deps.store, deps.host, async (tasks) => {
		// While its order works its files stay: they can tell that it is this host's.
		const left = new Set<RemovedTask>(tasks.filter((task) => !isSpent(task, deps)));
		// Of one that was put back the files are taken away with it.
		const gone = tasks.filter((task) => !task.isThere && !left.has(task));
		for (const task of gone) {
			await deps.serial
				.run(task.id, () => clearDisk(task, deps))
				.catch((error: unknown) => {
					const isOver = isTriedOut(task, error, deps);
					if (!isOver || isOurTrouble(error) || isDiskFull(error)) left.add(task);
				});
		}
		if (gone.length > 0 && !(await isForgotten(gone, deps))) for (const task of gone) left.add(task);
		return left;
	});
	deps.held.turn();
	return cleared;
}

/** Tells of it once, and at the end. */
function isTriedOut(task: RemovedTask, error: unknown, { held, fault }: RemovalDeps): boolean {
	const { isOver, isNew } = held.note(task, String(error));
	if (isNew) fault(task.id, "removal", error);
	if (isOver) fault(task.id, "removal, tried for a day", error);
	return isOver;
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
		if (knownWorktree(worktreesOf(home), { id, nonce }, env ?? process.env) !== null) return true;
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
		quotes: () => forgetQuotes(store, ids),
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

/** In the task's own line: no start of a newer task of this id is under way. */
async function clearDisk(task: RemovedTask, deps: RemovalDeps): Promise<void> {
	const { id, nonce, cwd } = task;
	const { store, home, host, graceMs } = deps;
	const mine = runsOfTask(home, id).filter(({ facts }) => facts.taskNonce === nonce);
	for (const run of mine) if (agentStatus(run).kind === "alive") await endRun(run, { graceMs });
	// Whatever a directory is called: only the one with this very stamp is removed.
	const places = [...new Set([cwd, ...mine.map(({ facts }) => facts.cwd)])].filter(
		(place) => typeof place === "string",
	);
	const owner = { namespace: store.namespace, host, nonce };
	await eachByItself([
		() => clearWorktree(task, deps),
		async () => {
			await eachByItself(places.map((place) => () => removeTaskDir(place, id, owner)));
			// Last: they tell the places. The directories of a newer task of this id lie beside them.
			if (mine.length > 0 && mine.length === runsOfTask(home, id).length) await removeRuns(home, id);
		},
	]);
}

async function clearWorktree({ id, nonce }: RemovedTask, { home, env, fault }: RemovalDeps): Promise<void> {
	const worktree = knownWorktree(worktreesOf(home), { id, nonce }, env ?? process.env);
	try {
		if (worktree !== null) await removeWorktree(worktree, { force: false });
	} catch (error) {
		if (!(error instanceof DispatchError && error.code === "DISPATCH_UNSAVED_WORK")) throw error;
		// What was saved nowhere stays where it is.
		fault(id, "worktree", error);
	}
}

/** One after the other; one that fails keeps none of the others. @throws the first fault, after all of them */
async function eachByItself(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
	const faults: unknown[] = [];
	for (const step of steps) await step().catch((error: unknown) => faults.push(error));
	if (faults.length > 0) throw faults[0];
}
