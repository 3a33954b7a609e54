/**
 * What this host keeps of tasks that were removed, here or elsewhere: files in the project, run directories,
 * run jobs, and what the events quote. After it a copy of the record, put back into Redis, starts nothing.
 */
import { spendOrder } from "../config/spent-orders.ts";
import { removeTaskDir } from "../ipc/task-dir.ts";
import { agentStatus } from "../process/agent.ts";
import { endRun } from "../process/end-run.ts";
import type { Environment } from "../process/environment.ts";
import { isDiskFull, isOurTrouble } from "../process/read-file.ts";
import { removeRuns, runsOfTask } from "../process/run-dir.ts";
import { forgetDeliveries } from "../queue/jobs/notify-queue.ts";
import type { RunQueues } from "../queue/jobs/run-queue.ts";
import { followRemovals, forgetQuotes } from "../queue/records/removed.ts";
import type { RemovedTask } from "../queue/records/removed-task.ts";
import type { Store } from "../queue/records/store.ts";
import type { Serial } from "../task/serial.ts";
import { worktreesOf } from "../task/worktree.ts";
import { removeWorktree } from "../workspace/remove.ts";
import { knownWorktree } from "../workspace/worktree.ts";

export interface RemovalDeps {
	store: Store;
	/** the state directory's path */
	home: string;
	host: string;
	queues: RunQueues;
	serial: Serial;
	env?: Environment;
	/** ms between SIGTERM and SIGKILL */
	graceMs: number;
	/** for the log: what could not be cleared; it harms nobody */
	fault: (task: string, step: string, error: unknown) => void;
}

/** What this host is short of for now keeps a task for the next time. @returns how many were cleared */
export function clearRemovals(deps: RemovalDeps): Promise<number> {
	return followRemovals(deps.store, deps.host, async (tasks) => {
		const left = new Set<RemovedTask>();
		for (const task of tasks) {
			spendOrder(deps.home, task.nonce);
			await deps.serial
				.run(task.id, () => clearDisk(task, deps))
				.catch((error: unknown) => {
					deps.fault(task.id, "removal", error);
					if (isOurTrouble(error) || isDiskFull(error)) left.add(task);
				});
		}
		const ids = new Set(tasks.map(({ id }) => id));
		await deps.queues.forget(deps.host, ids);
		await forgetDeliveries(deps.store, deps.host, ids);
		await forgetQuotes(deps.store, ids);
		return left;
	});
}

/** In the task's own line: no start of a newer task of this id is under way. */
async function clearDisk({ id, nonce, cwd }: RemovedTask, deps: RemovalDeps): Promise<void> {
	const { store, home, host, graceMs } = deps;
	const mine = runsOfTask(home, id).filter(({ facts }) => facts.taskNonce === nonce);
	for (const run of mine) if (agentStatus(run).kind === "alive") await endRun(run, { graceMs });
	const worktree = knownWorktree(worktreesOf(home), { id, nonce }, deps.env ?? process.env);
	// What was saved nowhere stays where it is, which the log tells.
	if (worktree !== null)
		await removeWorktree(worktree, { force: false }).catch((error: unknown) =>
			deps.fault(id, "worktree", error),
		);
	// Whatever a directory is called: only the one with this very stamp is removed.
	for (const place of new Set([cwd, ...mine.map(({ facts }) => facts.cwd)]))
		if (typeof place === "string")
			await removeTaskDir(place, id, { namespace: store.namespace, host, nonce });
	// The directories of a newer task of this id lie beside them.
	if (mine.length > 0 && mine.length === runsOfTask(home, id).length) await removeRuns(home, id);
}
