/**
 * Agents that no worker ends: their record is damaged or gone, belongs to a later start, or Redis is away. The
 * run directories know them all.
 */
import { sealsOf } from "../config/signing-key.ts";
import { writeEnding } from "../monitor/ending.ts";
import { endTree } from "../process/end-tree.ts";
import { liveRuns } from "../process/live-runs.ts";
import { removePath } from "../process/opened-directory.ts";

const TERM_GRACE_MS = 5_000;

/** Ends every agent and check that still lives on this host; its task, where it has one, goes on at the next start. */
export async function stopLeftAgents(home: string): Promise<void> {
	const { live, checks } = liveRuns(home);
	const seals = sealsOf(home);
	await Promise.all([
		...live.map((run) => {
			// A worker that finds its end later must not charge it to the agent.
			writeEnding(run, "shutdown", seals);
			return endTree(run, { graceMs: TERM_GRACE_MS });
		}),
		...checks.map(async (check) => {
			await endTree(check, { graceMs: TERM_GRACE_MS });
			// That it was ended says nothing about the work: the next worker begins it anew.
			await removePath(check.path);
		}),
	]);
}
