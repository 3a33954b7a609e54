/** What the monitor remembers of one live agent between two looks. Lost with the daemon, made again from the run directory. */
import { taskDirOf } from "../ipc/task-dir.ts";
import { runningFor } from "../process/agent.ts";
import type { RunDir, RunFacts } from "../process/run-dir.ts";
import type { Ending } from "../task/outcome/ending.ts";
import type { Plan } from "../task/plan.ts";
import { agentOf, type TaskRecord, workspaceOf } from "../task/record.ts";
import type { Usage } from "../task/spec.ts";
import type { LogFollower } from "./follow-log.ts";
import type { HandedAnswers } from "./handed.ts";
import { SilenceNote } from "./silence.ts";
import { WorkClock } from "./work-clock.ts";

/** The start that a record names, as its run directory should tell it; null: it has none. */
export function startOf(record: TaskRecord): RunFacts | null {
	const { spec, epoch, runNonce: nonce, startedAt, sessionId } = record;
	if (nonce === null) return null;
	const cwd = workspaceOf(record);
	const base = { task: spec.id, taskNonce: spec.nonce, epoch, nonce, backend: agentOf(record).backend };
	return { ...base, cwd, taskDir: taskDirOf(cwd, spec.id), startedAt: startedAt ?? 0, sessionId };
}

export class LiveTask {
	readonly epoch: number;
	readonly run: RunDir;
	readonly log: LogFollower;
	readonly clock: WorkClock;
	/** this process did not start it: it was found alive, or dead */
	readonly adopted: boolean;
	/** ms */
	readonly limits: { inactivityMs: number; deadlineMs: number | null };
	/** a look found it alive */
	sawAlive = false;
	/** revision and stamp of the files at the last full look, and when that was (monotonic ms) */
	revision = -1;
	stamp = "";
	lookedAt = Number.NEGATIVE_INFINITY;
	asking = false;
	/** unattended, and it asked: nobody may answer */
	unanswerable = false;
	/** what the start left to be told (session, delivered answers) is told */
	launched = false;
	/** the session that this start began, newer than the record as it was read; undefined: as recorded */
	startedSession: string | null | undefined;
	/** the files' stamp and the lines of output at the last tick of the clock: others are a sign of life */
	heard: { stamp: string; lines: number };
	readonly silence: SilenceNote;
	/** the files as a write of ours left them: that is none */
	ownFiles = "";
	plan: Plan | null = null;
	progressText = "";
	/** since when the agent has finished (`.done` or its result), monotonic ms */
	finishedAt: number | null = null;
	ending: Ending | null = null;
	/** it has set itself a wake-up that is not due yet */
	sleeps = false;
	/** its tree is being ended right now */
	endingRuns = false;
	/** its agent has ended, and so has whoever of its tree went on printing */
	isSwept = false;
	/** hashes of the questions that are in Redis, by number, and when that was last looked at anew (monotonic ms) */
	readonly recorded = new Map<string, string>();
	comparedAt: number | null = null;
	/** it was told that questions wait for their turn */
	toldWaiting = false;
	/** what could not be written for its agent, by step, and why: no step fails by it, since an end needs none of it */
	readonly withheld = new Map<"answers" | "notes" | "ipc", unknown>();
	/** an answer could not be written, which was told */
	toldUndelivered = false;
	readonly handed: HandedAnswers;
	/** numbers whose answer's file and acknowledgement were found to be right */
	readonly trusted = new Set<string>();
	/** this session's usage as last counted (JSON), and with it that of all the task's sessions */
	counted: { text: string; total: Usage } | null = null;
	overBudget = false;
	/** until when its rate limit was told to hold the other tasks (ms since the Unix epoch) */
	gateUntil = 0;
	/** numbers of notes that stood in the plan, and the plan as it was then */
	readonly noted = new Set<string>();
	notedPlan: string | null = null;
	/** problems with files under `ipc/` that were reported once */
	readonly rejected = new Set<string>();

	constructor(
		record: TaskRecord,
		run: RunDir,
		{ log, handed, adopted }: { log: LogFollower; handed: HandedAnswers; adopted: boolean },
		now: number,
		redisNow: number,
	) {
		this.epoch = record.epoch;
		this.run = run;
		this.log = log;
		this.handed = handed;
		this.adopted = adopted;
		this.limits = { inactivityMs: record.spec.inactivityMs, deadlineMs: record.spec.deadlineMs };
		this.silence = new SilenceNote(run, record.spec.inactivityMs);
		const { stamp, silentMs } = this.silence.noted;
		this.heard = { stamp, lines: 0 };
		this.clock = new WorkClock(record, { now, redisNow, ageMs: runningFor(run), silentMs });
	}
}
