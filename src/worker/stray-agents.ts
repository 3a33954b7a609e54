/**
 * Ends agents whose task has gone on without them: the record is not live under their start. No path leads there,
 * so far as is known; but a second agent beside the first is the worst there is, and this is what is left to say
 * when something unknown happened. What Redis does not know at all (another server, lost data) is left alone.
 */
import { agentStatus } from "../process/agent.ts";
import { endTree } from "../process/end-tree.ts";
import { liveRunsInTurns } from "../process/live-runs.ts";
import type { RunDir } from "../process/run-dir.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import type { Serial } from "../task/serial.ts";
import { isLive } from "../task/states.ts";

interface StrayDeps {
	store: Store;
	home: string;
	serial: Serial;
	graceMs: number;
}

/** @returns the tasks of which it ended an agent */
export async function endStrayAgents(deps: StrayDeps): Promise<string[]> {
	const ended: string[] = [];
	// What cannot be looked at is looked at again by the next sweep.
	for (const run of (await liveRunsInTurns(deps.home)).live) {
		const { task } = run.facts;
		if (await deps.serial.run(task, () => endIfStray(run, deps))) ended.push(task);
	}
	return ended;
}

/** In the task's own line, so that no start and no settling is under way. */
async function endIfStray(run: RunDir, { store, graceMs }: StrayDeps): Promise<boolean> {
	const { task, epoch } = run.facts;
	const record = await store.get(task);
	if (record === null || !isStray(run, record) || agentStatus(run).kind !== "alive") return false;
	await endTree(run, { graceMs });
	const why = `its agent of start ${epoch} lived on; the task is at start ${record.epoch}, ${record.state}`;
	await noteEvent(store, { task, kind: "stray_ended", why });
	return true;
}

/** Of this very task (a task of another Redis may have the same id), and not what its record follows. */
function isStray({ facts }: RunDir, record: TaskRecord): boolean {
	if (facts.taskNonce !== record.spec.nonce) return false;
	return !isLive(record.state) || record.runNonce !== facts.nonce;
}
