/** Why we end a live agent ourselves: the kinds, and when a limit is reached. */

export const ENDINGS = [
	"cancel",
	"stuck",
	"deadline",
	"unanswered",
	"budget",
	/** its CLI would wait for longer than the queue does */
	"retrying",
	/** its time after `.done` or its result was over */
	"finished",
	"shutdown",
] as const;

export type Ending = (typeof ENDINGS)[number];

/** What was measured of a live agent. Times are ms. */
export interface Measured {
	overBudget: boolean;
	/** the CLI goes on trying by itself for too long */
	givesUp: boolean;
	/** since its own word that it has finished; null: it has not */
	finishedForMs: number | null;
	/** at work in all its starts; asking and parked do not count */
	workedMs: number;
	/** without any sign of life */
	silentMs: number;
}

export interface Limits {
	inactivityMs: number;
	deadlineMs: number | null;
	/** how long it may live on after its own word that it has finished */
	doneGraceMs: number;
}

/** Which limit is reached; of several the one that says most. */
export function dueEnding(measured: Measured, limits: Limits): Ending | null {
	const { overBudget, givesUp, finishedForMs, workedMs, silentMs } = measured;
	if (overBudget) return "budget";
	if (givesUp) return "retrying";
	if (finishedForMs !== null && finishedForMs >= limits.doneGraceMs) return "finished";
	if (limits.deadlineMs !== null && workedMs >= limits.deadlineMs) return "deadline";
	return silentMs >= limits.inactivityMs ? "stuck" : null;
}
