/** The agents that live on this host by its run directories, whatever Redis knows of them. */
import { setImmediate as turn } from "node:timers/promises";
import { agentStatus } from "./agent.ts";
import { isThere } from "./atomic-file.ts";
import { checkOf } from "./end-run.ts";
import { epochsOf, openRun, type RunDir, tasksWithRuns } from "./run-dir.ts";

export interface LiveRuns {
	live: RunDir[];
	/** checks (`--verify`) that run, each after its agent's end */
	checks: RunDir[];
	/** `<task>/<epoch>` of those that could not be looked at: one of them keeps nobody from the others */
	unknown: string[];
}

/** @throws when the directory of all runs cannot be read */
export function liveRuns(home: string): LiveRuns {
	const found: LiveRuns = { live: [], checks: [], unknown: [] };
	for (const task of tasksWithRuns(home)) lookAt(home, task, found);
	return found;
}

/** Of one task. */
export function liveRunsOf(home: string, task: string): LiveRuns {
	const found: LiveRuns = { live: [], checks: [], unknown: [] };
	lookAt(home, task, found);
	return found;
}

/** As `liveRuns`, with a turn for the other work after each task: thousands of old runs may lie there. */
export async function liveRunsInTurns(home: string): Promise<LiveRuns> {
	const found: LiveRuns = { live: [], checks: [], unknown: [] };
	for (const task of tasksWithRuns(home)) {
		lookAt(home, task, found);
		await turn();
	}
	return found;
}

/** Each start by itself: an agent may lock the directory of its own, and a live one of an earlier start lies beside it. */
function lookAt(home: string, task: string, found: LiveRuns): void {
	const look = (name: string, at: () => void) => {
		try {
			at();
		} catch {
			found.unknown.push(name);
		}
	};
	look(task, () => {
		for (const epoch of epochsOf(home, task))
			look(`${task}/${epoch}`, () => lookAtStart(openRun(home, task, epoch), found));
	});
}

function lookAtStart(run: RunDir | null, found: LiveRuns): void {
	if (run === null) return;
	if (agentStatus(run).kind === "alive") found.live.push(run);
	const check = checkOf(run);
	if (isThere(check.path) && agentStatus(check).kind === "alive") found.checks.push(check);
}
