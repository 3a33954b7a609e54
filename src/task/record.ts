/**
 * The task record: the truth about a task, one Redis hash, written only by the Lua scripts of `queue/`.
 * The BullMQ job is only its vehicle. Times are ms since the Unix epoch.
 */

import type { Hold, Outcome, Progress, TaskSpec } from "./spec.ts";
import type { FailureReason, State } from "./states.ts";

/** How the next start of the agent begins. */
export type StartMode =
	/** a new session with the user's prompt */
	| "fresh"
	/** the same session, where the backend can; else as `fresh`, told to go on */
	| "resume";

export interface TaskRecord {
	spec: TaskSpec;
	state: State;
	/** grows with every move */
	revision: number;
	/** counts starts; 0 before the first */
	epoch: number;
	/** the nonce of the current epoch (`DISPATCH_RUN`); null before the first start */
	runNonce: string | null;
	/** charged starts so far */
	attempt: number;
	/** whether the next start is charged as an attempt */
	charge: boolean;
	startMode: StartMode;
	/** names the current run job `<task>.<generation>`; from a counter that is never reset */
	generation: number;
	hold: Hold | null;
	reason: FailureReason | null;
	sessionId: string | null;
	/** grows when `ipc/` is moved aside for a fresh session; starts at 1 */
	ipcGeneration: number;
	outcome: Outcome | null;
	progress: Progress;
	/** set by `cancel` while an agent lives */
	stopRequested: boolean;
	/** uncharged restarts in a row because our own processes ended and took the agent along */
	takenDown: number;
	/** times in a row that the agent ended because of a rate limit */
	rateLimits: number;
	/** ms at work before the current run (asking and parked do not count) */
	workedMs: number;
	/** since when the clock of work runs; null while it stands */
	workingSince: number | null;
	createdAt: number;
	queuedAt: number | null;
	startedAt: number | null;
	/** what its agent was told and has not written back; null in old records */
	pendingNotes: number | null;
	endedAt: number | null;
	/** the report (output.md), capped; read with `output` */
	hasReport: boolean;
}
