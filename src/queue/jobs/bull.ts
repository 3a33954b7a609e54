/** What all queues of a host share: names, options, and how a daemon takes its jobs back. */
import { Job, type JobType, Queue, UnrecoverableError, type Worker, type WorkerOptions } from "bullmq";
import { isOutage } from "../../task/errors.ts";
import { endsWithin } from "../../task/service.ts";
import type { Store } from "../records/store.ts";
import { translateFault } from "../redis/connect.ts";
import { takeOutLost } from "./lost-job.ts";

const TAKE_BACK_LOCK_MS = 30_000;
const CLOSE_LIMIT_MS = 1_000;
/** Of BullMQ's own, which nobody reads: dispatch has a stream of events. */
const EVENTS_KEPT = 1_000;
/** How long a worker may sleep over a limit that somebody set in BullMQ; it is taken away meanwhile. */
const LIMIT_SLEEP_MS = 1_000;

export function runQueueName(host: string): string {
	return `run-${host}`;
}

export function monitorQueueName(host: string): string {
	return `monitor-${host}`;
}

export function notifyQueueName(host: string): string {
	return `notify-${host}`;
}

export function openQueue(store: Store, name: string): Queue {
	// The cast: bullmq is typed against its own copy of the client's interface.
	const queue = new Queue(name, {
		connection: store.client as never,
		prefix: store.keys.bull,
		streams: { events: { maxLen: EVENTS_KEPT } },
	});
	queue.on("error", () => {});
	return queue;
}

export function workerOptions(store: Store, options: Partial<WorkerOptions>): WorkerOptions {
	return {
		connection: store.client as never,
		prefix: store.keys.bull,
		autorun: false,
		maximumRateLimitDelay: LIMIT_SLEEP_MS,
		...options,
	};
}

export interface ReadJobs {
	/** in the order of the queue */
	jobs: Job[];
	/** those that cannot be read, and why: somebody wrote them, or wrote into them */
	damaged: { id: string; why: string }[];
	/** of which nothing is there */
	gone: string[];
}

/**
 * The jobs of a queue in these states, each by itself: BullMQ reads all or none.
 * @param range places in each state's list; `end` -1: to its end
 * @throws an outage of Redis
 */
export async function readJobs(
	store: Store,
	queue: Queue,
	states: JobType[],
	{ start = 0, end = -1 }: { start?: number; end?: number } = {},
): Promise<ReadJobs> {
	const found: ReadJobs = { jobs: [], damaged: [], gone: [] };
	for (const id of await store.guard(() => queue.getRanges(states, start, end))) {
		const job = await readJob(store, queue, id);
		if (job instanceof Error) found.damaged.push({ id, why: job.message });
		else if (job === undefined) found.gone.push(id);
		else found.jobs.push(job);
	}
	return found;
}

/** @returns undefined: there is none; an error: it is damaged. @throws an outage of Redis */
export async function readJob(store: Store, queue: Queue, id: string): Promise<Job | Error | undefined> {
	try {
		return (await queue.getJob(id)) as Job | undefined;
	} catch (error) {
		const fault = translateFault(error, store.target);
		if (isOutage(fault)) throw fault;
		return error as Error;
	}
}

/** Something to show in the place of a job that cannot be read. */
export function damagedJob(queue: Queue, { id, why }: { id: string; why: string }): Job {
	return new Job(queue, "(damaged)", { damaged: why }, {}, id);
}

/** Takes a damaged job out of its queue, whatever is left of it: BullMQ cannot, and would hand it out for ever. */
export async function dropDamaged(store: Store, queue: Queue, id: string): Promise<void> {
	await takeOutLost(store, queue, id, { isDamaged: true, lockMs: 0 });
}

/** Of the job that a worker has taken last, if it cannot be read: nobody works on it. @returns its id */
export async function dropUnreadable(store: Store, queue: Queue): Promise<string[]> {
	const { damaged } = await readJobs(store, queue, ["active"], { start: 0, end: 0 });
	for (const { id } of damaged) await dropDamaged(store, queue, id);
	return damaged.map(({ id }) => id);
}

/**
 * Puts every active job of a queue back to the head of its line; a damaged one goes. Only for the daemon that holds
 * the host's kernel lock: nobody else can be working on them, so their locks need not run out.
 * @returns the names of those that cannot be read
 */
export async function takeBack(store: Store, queue: Queue): Promise<string[]> {
	const { client } = store;
	const { jobs, damaged, gone } = await readJobs(store, queue, ["active"]);
	const lost = [...damaged.map(({ id }) => id), ...gone];
	for (const id of lost) await dropDamaged(store, queue, id);
	for (const job of jobs) {
		if (!job.id) continue;
		const token = `takeover-${process.pid}`;
		await client.set(`${queue.toKey(job.id)}:lock`, token, "PX", TAKE_BACK_LOCK_MS);
		try {
			await job.moveToWait(token);
		} catch {
			// It ended or was removed in between: nothing to take back, and no lock to leave.
			await client.del(`${queue.toKey(job.id)}:lock`);
		}
	}
	return lost;
}

/** Stops fetching and gives the worker's own connection back; waits no longer than a second for Redis and its jobs. */
export async function closeWorker(worker: Worker): Promise<void> {
	// One that never fetched holds no jobs, and need not wait for Redis to let it go.
	const closing = worker.close(!worker.isRunning());
	if (await endsWithin(CLOSE_LIMIT_MS, closing)) return;
	await endLostConnection(worker);
	await worker.getBackend().close(true);
}

/**
 * BullMQ waits for the end of its blocking connection, and ioredis tells none of a connection that waits for its
 * next try: its fetch and its timers would outlive the worker. A try that is broken off is an end that is told.
 */
async function endLostConnection(worker: Worker): Promise<void> {
	const client = await worker.getBackend().blockingClient;
	if (client === undefined || client.status !== "reconnecting") return;
	client.connect().catch(() => {});
	client.disconnect();
}

/**
 * Whoever can write to Redis can add jobs to our queues. One that we did not make is not worked on, nor tried again.
 * @param id that a job with this one's content has; null: none of ours has such content
 * @throws UnrecoverableError
 */
export function requireOwn(job: Job, id: string | null): void {
	if (job.id !== id) throw new UnrecoverableError("This job was not made by dispatch.");
}
