/**
 * What a worker does with a run job: `ensureStarted`, then it waits until the agent's run is settled.
 * The record is the truth: a job of an older generation ends without acting.
 */

import { faultPoint } from "../process/fault.ts";
import type { RunEnd, RunJob } from "../queue/jobs/run-queue.ts";
import { closedGate, type Gate } from "../queue/records/gates.ts";
import { nextDay, spentToday } from "../queue/records/spend.ts";
import { tellStartTrouble } from "../queue/records/start-trouble.ts";
import { skipIfStopped } from "../queue/records/stopped-batch.ts";
import type { Store } from "../queue/records/store.ts";
import { isOutage } from "../task/errors.ts";
import type { Hub } from "../task/hub.ts";
import { gatedBy, type TaskRecord } from "../task/record.ts";
import type { Hold } from "../task/spec.ts";
import { isLive } from "../task/states.ts";
import { timeLimit } from "../task/time-limit.ts";
import { countLives } from "./lives.ts";
import type { Places } from "./places.ts";

/** The hub is a hint: the record is read again at least this often. */
const LOOK_AGAIN_MS = 5_000;
/**
 * For a gate without an end. Whoever opens it wakes all who wait for it, and the sweep those whose gate is gone: hundreds
 * that look by themselves would keep Redis busy for as long as nobody logs in.
 */
const UNTIL_WOKEN_MS = 3_600_000;
/** Tasks that wait for one gate do not all come back in one moment. */
const OPENING_SPREAD_MS = 500;

export interface HowToStart {
	/** ends what git does for its worktree: nothing is started then */
	stopping: AbortSignal;
	/** asked once more when its worktree is made, which may take long */
	mayStart: () => Promise<boolean>;
}

export interface RunJobDeps {
	store: Store;
	host: string;
	hub: Hub;
	places: Places;
	/** what all tasks together may cost in a day (UTC); null = no limit */
	dailyUsd: number | null;
	/** settles what ended unwatched; serialized per task */
	reconcile: (task: string) => Promise<void>;
	/** queues it anew for the next agent, where a gate's end is farther than it is worth waiting for: null; else what holds it */
	fallback: (record: TaskRecord, gate: Gate) => Promise<Hold | null>;
	/** starts the agent of a queued record, unless that changed in between, or the daemon stops */
	start: (task: string, generation: number, how: HowToStart) => Promise<void>;
	/** for the log: what went wrong, and is tried again */
	fault: (task: string, error: unknown) => void;
}

/** Throws nothing: after an exception the job comes back, until the record says that there is nothing to do. */
export async function runJob(job: RunJob, deps: RunJobDeps): Promise<RunEnd> {
	try {
		return await seeThrough(job, deps);
	} catch (error) {
		deps.fault(job.task, error);
		if (!job.signal.aborted) await tellFault(job, error, deps.store).catch(() => {});
		return { kind: "later", at: deps.store.clock.now() + LOOK_AGAIN_MS };
	}
}

/** Nothing else tells why it waits. A Redis that is away tells its own trouble, and cannot be told any. */
async function tellFault({ task, generation }: RunJob, error: unknown, store: Store): Promise<void> {
	if (isOutage(error)) return;
	const record = await store.get(task);
	if (record?.state === "queued" && record.generation === generation)
		await tellStartTrouble(store, record, error);
}

async function seeThrough(job: RunJob, deps: RunJobDeps): Promise<RunEnd> {
	const { store, hub } = deps;
	const mirror = (task: string, progress: object) => {
		if (task === job.task) void job.progress(progress);
	};
	hub.on("progress", mirror);
	try {
		faultPoint("run-job.taken", job.task);
		await deps.reconcile(job.task);
		for (;;) {
			if (job.signal.aborted) return { kind: "release" };
			faultPoint("run-job.read", job.task);
			const record = await store.get(job.task);
			const end = endOf(job, record);
			if (end !== null) return end;
			if (record?.state !== "queued") {
				job.placed();
				await hub.changed(job.task, job.signal, LOOK_AGAIN_MS);
				continue;
			}
			if (job.draining.aborted) return { kind: "release" };
			if (await skipIfStopped(store, record)) continue;
			const held = await heldEnd(record, deps);
			if (held !== null) return held;
			faultPoint("run-job.free", job.task);
			await startInTurn(job, record, deps);
			if (record.trouble !== null) await tellStartTrouble(store, record, null);
		}
	} finally {
		hub.off("progress", mirror);
	}
}

/**
 * A held backend starts nothing: the job gives its slot back until then, or the task stands in line for another agent,
 * whose limits are looked at there. @returns null: it may start
 */
async function heldEnd(record: TaskRecord, deps: RunJobDeps): Promise<RunEnd | null> {
	const { store, dailyUsd } = deps;
	const dayIsOver = await dayGate(store, dailyUsd);
	if (dayIsOver !== null) return hold(record, dayIsOver, store);
	const gate = await closedGate(store, gatedBy(record));
	if (gate === null) return null;
	const held = await deps.fallback(record, gate);
	if (held === null)
		return { kind: "done", state: "queued", message: "Another agent takes it, in its turn." };
	return hold(record, held, store);
}

async function hold({ spec, generation }: TaskRecord, { kind, until }: Hold, store: Store): Promise<RunEnd> {
	await store.hold(spec.id, generation, { kind, until });
	const now = store.clock.now();
	if (until === null) return { kind: "later", at: now + UNTIL_WOKEN_MS };
	// It opens for all at about the same time.
	return { kind: "later", at: Math.max(until, now + 1) + Math.floor(Math.random() * OPENING_SPREAD_MS) };
}

/** Spent is spent: nothing starts until the day is over. */
async function dayGate(store: Store, dailyUsd: number | null): Promise<Hold | null> {
	if (dailyUsd === null || (await spentToday(store)) < dailyUsd) return null;
	return { kind: "budget", until: nextDay(store.clock.now()) };
}

/** By the records: of an agent that lives nobody may have told yet. Without room its place is given back, for a turn once there is some. */
async function hasRoom({ places, store, host }: RunJobDeps): Promise<boolean> {
	await countLives(places, store, host);
	return !places.isOver;
}

async function startInTurn(job: RunJob, record: TaskRecord, deps: RunJobDeps): Promise<void> {
	const stopping = timeLimit(null, job.signal, job.draining);
	// A worker that stops, a host that was drained, a backend that was held, a day that was spent, agents that live: nothing new starts.
	const mayStart = async () =>
		!job.signal.aborted &&
		!job.draining.aborted &&
		(await dayGate(deps.store, deps.dailyUsd)) === null &&
		(await closedGate(deps.store, gatedBy(record))) === null &&
		(await hasRoom(deps)) &&
		!(await skipIfStopped(deps.store, record));
	const work = async () => {
		faultPoint("run-job.placed", job.task);
		// It stood in line.
		if (!(await mayStart())) return;
		await deps.start(job.task, job.generation, { stopping: job.signal, mayStart });
		faultPoint("run-job.started", job.task);
	};
	try {
		const turn = deps.places.during(job.task, record.spec.priority, stopping.signal, work);
		job.placed();
		await turn;
	} finally {
		stopping.release();
	}
}

/** @returns null while there is something to do or to wait for */
function endOf(job: RunJob, record: TaskRecord | null): RunEnd | null {
	if (record === null) return { kind: "done", state: "removed", message: "The task was removed." };
	if (record.generation !== job.generation)
		return { kind: "done", state: record.state, message: "A newer run job took over." };
	if (record.state === "queued" || isLive(record.state)) return null;
	const message = record.outcome?.message ?? record.state;
	if (record.state === "failed") return { kind: "failed", message };
	return { kind: "done", state: record.state, message };
}
