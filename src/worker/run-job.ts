/**
 * What a worker does with a run job: `ensureStarted`, then it waits until the agent's run is settled.
 * The record is the truth: a job of an older generation ends without acting.
 */

import { faultPoint } from "../process/fault.ts";
import type { RunEnd, RunJob } from "../queue/jobs/run-queue.ts";
import { closedGate } from "../queue/records/gates.ts";
import { nextDay, spentToday } from "../queue/records/spend.ts";
import type { Store } from "../queue/records/store.ts";
import type { Hub } from "../task/hub.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import type { Hold } from "../task/spec.ts";
import { isLive } from "../task/states.ts";
import { timeLimit } from "../task/time-limit.ts";
import type { Places } from "./places.ts";

/** The hub is a hint: the record is read again at least this often. */
const LOOK_AGAIN_MS = 5_000;
/** Tasks that wait for one gate do not all come back in one moment. */
const OPENING_SPREAD_MS = 500;

export interface RunJobDeps {
	store: Store;
	host: string;
	hub: Hub;
	places: Places;
	/** what all tasks together may cost in a day (UTC); null = no limit */
	dailyUsd: number | null;
	/** settles what ended unwatched; serialized per task */
	reconcile: (task: string) => Promise<void>;
	/** starts the agent of a queued record, unless it changed in between */
	start: (task: string, generation: number) => Promise<void>;
	/** for the log: what went wrong, and is tried again */
	fault: (task: string, error: unknown) => void;
}

/** Throws nothing: after an exception the job comes back, until the record says that there is nothing to do. */
export async function runJob(job: RunJob, deps: RunJobDeps): Promise<RunEnd> {
	try {
		return await seeThrough(job, deps);
	} catch (error) {
		deps.fault(job.task, error);
		return { kind: "later", at: deps.store.clock.now() + LOOK_AGAIN_MS };
	}
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
			if (record?.state === "queued" && job.draining.aborted) return { kind: "release" };
			const held = record?.state === "queued" ? await heldUntil(record, deps) : null;
			if (held !== null) return { kind: "later", at: held };
			faultPoint("run-job.free", job.task);
			if (record?.state === "queued") await startInTurn(job, record, deps);
			else await hub.changed(job.task, job.signal, LOOK_AGAIN_MS);
		}
	} finally {
		hub.off("progress", mirror);
	}
}

/** A held backend starts nothing: the job gives its slot back until then. @returns ms, or null when it is free */
async function heldUntil(record: TaskRecord, { store, host, dailyUsd }: RunJobDeps): Promise<number | null> {
	const gate = (await closedGate(store, host, agentOf(record).backend)) ?? (await dayGate(store, dailyUsd));
	if (gate === null) return null;
	await store.hold(record.spec.id, record.generation, { kind: gate.kind, until: gate.until });
	const soon = store.clock.now() + LOOK_AGAIN_MS;
	// A gate without an end is looked at again; one with an end opens for all at about the same time.
	return gate.until === null
		? soon
		: Math.max(gate.until, store.clock.now() + 1) + Math.floor(Math.random() * OPENING_SPREAD_MS);
}

/** Spent is spent: nothing starts until the day is over. */
async function dayGate(store: Store, dailyUsd: number | null): Promise<Hold | null> {
	if (dailyUsd === null || (await spentToday(store)) < dailyUsd) return null;
	return { kind: "budget", until: nextDay(store.clock.now()) };
}

async function startInTurn(job: RunJob, record: TaskRecord, deps: RunJobDeps): Promise<void> {
	const stopping = timeLimit(null, job.signal, job.draining);
	const work = async () => {
		faultPoint("run-job.placed", job.task);
		// It may have been held while this one stood in line.
		if ((await closedGate(deps.store, deps.host, agentOf(record).backend)) !== null) return;
		await deps.start(job.task, job.generation);
		faultPoint("run-job.started", job.task);
	};
	try {
		await deps.places.during(job.task, record.spec.priority, stopping.signal, work);
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
