/**
 * When we end a live agent ourselves. Needs the record, the clock and what earlier looks found, and no file of
 * the agent's: nothing that an agent does to its files may take a limit, or a cancel, away.
 */
import type { IpcState } from "../ipc/questions.ts";
import { agentStatus } from "../process/agent.ts";
import { cpuTicks } from "../process/processes.ts";
import type { RunDir } from "../process/run-dir.ts";
import { dueEnding, type Ending } from "../task/outcome/ending.ts";
import type { TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";
import { filesIn } from "./stamp.ts";

/** @param doneGraceMs how long an agent may live on after its own word that it has finished */
export function endingOf(
	record: TaskRecord,
	live: LiveTask,
	now: number,
	doneGraceMs: number,
): Ending | null {
	if (live.ending !== null) return live.ending;
	if (record.stopRequested) return "cancel";
	// While its check runs, or its work is saved, nobody is silent and nobody works.
	if (hasEnded(live.run)) return null;
	return dueLimit(live, now, doneGraceMs) ?? (live.unanswerable ? "unanswered" : null);
}

/** What cannot be told lives on: its limits hold. */
function hasEnded(run: RunDir): boolean {
	try {
		return agentStatus(run).kind !== "alive";
	} catch {
		return false;
	}
}

/** Ticks the clocks; @returns which limit is reached. @param now monotonic ms */
export function dueLimit(live: LiveTask, now: number, doneGraceMs: number): Ending | null {
	const sign = hasSign(live);
	const silentMs = live.clock.tick(now, { asking: live.asking, sign }, () => cpuTicks(live.run.facts.nonce));
	live.silence.note(live.heard.stamp, silentMs);
	const measured = {
		overBudget: live.overBudget,
		givesUp: live.log.seen.givesUp,
		finishedForMs: live.finishedAt === null ? null : now - live.finishedAt,
		workedMs: live.clock.workedMs,
		silentMs,
	};
	return dueEnding(measured, { ...live.limits, doneGraceMs });
}

function hasSign(live: LiveTask): boolean {
	const before = live.heard;
	live.heard = { stamp: filesIn(live.stamp), lines: live.log.signs };
	const isOurs = live.heard.stamp === live.ownFiles;
	return live.sleeps || (before.stamp !== live.heard.stamp && !isOurs) || before.lines !== live.heard.lines;
}

/** No agent sets its wake-up later: after a clock that was moved, or in a file that it wrote, a time means nothing. */
const LONGEST_SLEEP_MS = 24 * 60 * 60_000;

/**
 * Keeps what a look at its files means for the limits. @param now monotonic ms
 * @param wallNow ms since the Unix epoch, by which its wake-ups are told
 */
export function noteFindings(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	now: number,
	wallNow: number,
): void {
	const sleepsMs = (live.log.seen.waitsUntil ?? 0) - wallNow;
	live.sleeps = sleepsMs > 0 && sleepsMs <= LONGEST_SLEEP_MS;
	// A turn that follows its result takes that back.
	const isFinished = ipc.finished || live.log.seen.result !== null;
	live.finishedAt = isFinished ? (live.finishedAt ?? now) : null;
	// Nobody can answer an unattended task: it should have decided by itself.
	live.unanswerable = record.spec.unattended && ipc.questions.length > 0;
}
