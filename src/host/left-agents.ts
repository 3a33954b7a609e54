/**
 * Agents that no worker ends: their record is damaged or gone, belongs to a later start, or Redis is away. The
 * run directories know them all.
 */
import { writeEnding } from "../monitor/ending.ts";
import { endTree } from "../process/end-tree.ts";
import { liveRuns } from "../process/live-runs.ts";

const TERM_GRACE_MS = 5_000;

/** Ends every agent that still lives on this host; its task, where it has one, goes on at the next start. */
export async function stopLeftAgents(home: string): Promise<void> {
	await Promise.all(
		liveRuns(home).live.map((run) => {
			// A worker that finds its end later must not charge it to the agent.
			writeEnding(run, "shutdown");
			return endTree(run, { graceMs: TERM_GRACE_MS });
		}),
	);
}
