/**
 * The place of a start on this disk. Before its permit is asked for, whatever stands there is taken away: an earlier task
 * of this id, whose removal was cut short, or that another Redis had, may have left it; so may a start of this very task
 * that Redis has lost. So what stands there after the permit is of this start, whoever wrote it.
 */
import type { Orders } from "../config/orders.ts";
import { agentStatus } from "../process/agent.ts";
import { isLeftByLiving } from "../process/ending.ts";
import { holdersOfTask } from "../process/holders.ts";
import { claimRun, isTaken, openRun, type RunDir, type RunFacts, removeRuns } from "../process/run-dir.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { endStraysOf } from "./stray-agents.ts";

interface PlaceDeps {
	store: Store;
	home: string;
	host: string;
	orders: Orders;
	/** ms between SIGTERM and SIGKILL */
	graceMs: number;
}

/** @returns what stood against it: told once the start has its permit, with which every refusal is recorded */
export async function dropEarlier(record: TaskRecord, deps: PlaceDeps): Promise<unknown> {
	const { id } = record.spec;
	try {
		// What nobody vouches for ends and deletes nothing.
		if (deps.orders.refusal(record) !== null) return null;
		await endStraysOf(id, deps);
		await clear(deps.home, id, record.epoch + 1);
		return null;
	} catch (fault) {
		return fault;
	}
}

async function clear(home: string, task: string, epoch: number): Promise<void> {
	await requireNobody(home, task);
	if (!isTaken(home, task, epoch)) return;
	const isAlive = () => {
		const old = openRun(home, task, epoch);
		return old !== null && agentStatus(old).kind === "alive";
	};
	if (await isLeftByLiving(isAlive)) {
		throw new DispatchError("DISPATCH_DISK", `An agent of an earlier task "${task}" still lives.`, {
			hint: "Give the new task another --id.",
		});
	}
	await removeRuns(home, task);
}

/**
 * Run directories are within an agent's reach: what one of this task's agents holds open counts for more.
 * @throws DISPATCH_DISK
 */
async function requireNobody(home: string, task: string): Promise<void> {
	let left: number[] = [];
	const isLeft = () => {
		left = holdersOfTask(home, task);
		return left.length > 0;
	};
	if (!(await isLeftByLiving(isLeft))) return;
	const why = `An agent of an earlier start of \`${task}\` still lives (process ${left.join(", ")}), which its run directory does not tell.`;
	throw new DispatchError("DISPATCH_DISK", why, {
		hint: `End it (kill ${left.join(" ")}), then \`dispatch retry ${task}\`.`,
	});
}

/** @throws DISPATCH_DISK */
export function claim(home: string, facts: RunFacts): RunDir {
	const claimed = claimRun(home, facts);
	if (claimed !== null) return claimed;
	throw new DispatchError(
		"DISPATCH_DISK",
		`The run directory of ${facts.task}, start ${facts.epoch}, exists already.`,
	);
}
