/**
 * Ends agents whose task has gone on without them: the record is not live under their start. No path leads there,
 * so far as is known; but a second agent beside the first is the worst there is, and this is what is left to say
 * when something unknown happened. What Redis does not know at all (another server, lost data) is left alone.
 */
import { agentStatus } from "../process/agent.ts";
import { endRun, isOfStart } from "../process/end-run.ts";
import { liveRunsInTurns, liveRunsOf } from "../process/live-runs.ts";
import type { RunDir } from "../process/run-dir.ts";
import { noteEvent } from "../queue/records/events.ts";
import { homeIdOf } from "../queue/records/hosts.ts";
import type { LiveBrief } from "../queue/records/lists.ts";
import type { Store } from "../queue/records/store.ts";
import type { Serial } from "../task/serial.ts";
import { isLive } from "../task/states.ts";

interface StrayDeps {
	store: Store;
	home: string;
	/** this directory's id */
	homeId: string;
	host: string;
	serial: Serial;
	graceMs: number;
	/** for the log: one that could not be looked at or ended; the next sweep tries again */
	fault: (task: string, step: string, error: unknown) => void;
}

/** @returns the tasks of which it ended an agent */
export async function endStrayAgents(deps: StrayDeps): Promise<string[]> {
	const ended: string[] = [];
	// What cannot be looked at is looked at again by the next sweep, and keeps nobody from the others.
	const { live, checks } = await liveRunsInTurns(deps.home);
	for (const run of [...live, ...checks]) {
		const { task } = run.facts;
		try {
			if (await deps.serial.run(task, () => endIfStray(run, deps))) ended.push(task);
		} catch (error) {
			deps.fault(task, "stray agents", error);
		}
	}
	return ended;
}

/**
 * Before a start, in the task's own line: Redis may know nothing of the start before (it went back to an earlier state), and
 * its agent works. @throws what keeps it from ending one
 */
export async function endStraysOf(
	task: string,
	deps: Omit<StrayDeps, "serial" | "fault" | "homeId">,
): Promise<void> {
	const { live, checks } = liveRunsOf(deps.home, task);
	for (const run of [...live, ...checks]) await endIfStray(run, deps);
}

/** In the task's own line, so that no start and no settling is under way. No field is decoded: it may be damaged. */
async function endIfStray(
	run: RunDir,
	deps: Pick<StrayDeps, "store" | "host" | "graceMs"> & { homeId?: string },
): Promise<boolean> {
	const { store, host, graceMs } = deps;
	const { task, epoch } = run.facts;
	const brief = await store.liveBrief(task);
	if (brief === null || !(isStray(run, brief) || (await isNobodys(run, brief, deps)))) return false;
	if (agentStatus(run).kind !== "alive") return false;
	await endRun(namesAnother(run, brief) ? withoutNonce(run) : run, { graceMs });
	const where = brief.host === host ? "" : " on another host";
	const why = `its agent of start ${epoch} lived on; the task is at start ${brief.epoch}, ${brief.state}${where}`;
	await noteEvent(store, { task, kind: "stray_ended", why });
	return true;
}

/**
 * Of this very task (a task of another Redis may have the same id), and not what its record follows here: that is known
 * by its place, too, since an agent can write the nonce of the start after it into its own facts.
 */
function isStray(run: RunDir, brief: LiveBrief): boolean {
	if (run.facts.taskNonce !== brief.taskNonce) return false;
	return !isLive(brief.state) || !isOfStart(run, brief.runNonce) || namesAnother(run, brief);
}

/**
 * Its record names another host, whose worker has no such agent; unless that is another name of this very directory, under
 * which its worker ran before and may again.
 */
async function isNobodys(
	{ facts }: RunDir,
	brief: LiveBrief,
	{ store, host, homeId }: Pick<StrayDeps, "store" | "host"> & { homeId?: string },
): Promise<boolean> {
	if (facts.taskNonce !== brief.taskNonce || brief.host === host || homeId === undefined) return false;
	return (await homeIdOf(store, brief.host)) !== homeId;
}

/** It names the start that the record follows, and is none. */
function namesAnother(run: RunDir, { epoch, runNonce }: LiveBrief): boolean {
	return isOfStart(run, runNonce) && Number.isSafeInteger(epoch) && run.facts.epoch !== epoch;
}

/** What it holds open tells who is meant. */
function withoutNonce(run: RunDir): RunDir {
	return { ...run, facts: { ...run.facts, nonce: "" } };
}
