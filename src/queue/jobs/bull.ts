/** What all queues of a host share: names, options, and how a daemon takes its jobs back. */
import { type Job, Queue, type WorkerOptions } from "bullmq";
import type { Redis } from "ioredis";
import type { Store } from "../records/store.ts";

const TAKE_BACK_LOCK_MS = 30_000;

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
	const queue = new Queue(name, { connection: store.client as never, prefix: store.keys.bull });
	queue.on("error", () => {});
	return queue;
}

export function workerOptions(store: Store, options: Partial<WorkerOptions>): WorkerOptions {
	return { connection: store.client as never, prefix: store.keys.bull, autorun: false, ...options };
}

/**
 * Puts every active job of a queue back to the head of its line. Only for the daemon that holds the
 * host's kernel lock: nobody else can be working on them, so their locks need not run out.
 * @returns how many
 */
export async function takeBack(queue: Queue, client: Redis): Promise<number> {
	const jobs = (await queue.getActive()) as Job[];
	let taken = 0;
	for (const job of jobs) {
		if (!job?.id) continue;
		const token = `takeover-${process.pid}`;
		await client.set(`${queue.toKey(job.id)}:lock`, token, "PX", TAKE_BACK_LOCK_MS);
		try {
			await job.moveToWait(token);
			taken += 1;
		} catch {
			// It ended or was removed in between: nothing to take back, and no lock to leave.
			await client.del(`${queue.toKey(job.id)}:lock`);
		}
	}
	return taken;
}
