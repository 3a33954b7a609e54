/**
 * The monitor's job: one per host, moved on by itself every 3 seconds. `moveToDelayed` + `DelayedError`
 * is one script, so there is no point at which the job is lost or doubled.
 */
import { DelayedError, type Job, type Queue, Worker } from "bullmq";
import type { Store } from "../records/store.ts";
import { monitorQueueName, openQueue, takeBack, workerOptions } from "./bull.ts";

const LOCK_MS = 15_000;
const STALL_CHECK_MS = 5_000;
/** BullMQ never resets a job's stall counter: a low limit would fail the monitor after two crashes. */
const STALLS_ALLOWED = 1_000_000;
const KEEP_ALIVE_MS = 5_000;
const KEPT_LOG_LINES = 20;
const CLOSE_LIMIT_MS = 1_000;

export interface MonitorOptions {
	store: Store;
	host: string;
	/** ms between two cycles */
	intervalMs: number;
	/** one look at all tasks of the host; must not throw */
	cycle: () => Promise<object>;
}

export class MonitorLoop {
	readonly #options: MonitorOptions;
	#queue: Queue | undefined;
	#worker: Worker | undefined;
	#keeper: NodeJS.Timeout | undefined;
	/** monotonic ms of the last cycle: a clock set back must not silence the monitor */
	#lastCycle = performance.now();

	constructor(options: MonitorOptions) {
		this.#options = options;
	}

	async start(): Promise<void> {
		if (this.#worker !== undefined) return;
		const { store, host } = this.#options;
		this.#queue = openQueue(store, monitorQueueName(host));
		await takeBack(this.#queue, store.client);
		const worker = new Worker(
			monitorQueueName(host),
			(job: Job, token?: string) => this.#cycle(job, token ?? ""),
			workerOptions(store, {
				concurrency: 1,
				lockDuration: LOCK_MS,
				stalledInterval: STALL_CHECK_MS,
				maxStalledCount: STALLS_ALLOWED,
			}),
		);
		worker.on("error", () => {});
		this.#worker = worker;
		await worker.waitUntilReady();
		worker.run().catch(() => {});
		await this.#keep();
		this.#keeper = setInterval(() => void this.#keep().catch(() => {}), KEEP_ALIVE_MS);
	}

	async stop(): Promise<void> {
		clearInterval(this.#keeper);
		const worker = this.#worker;
		this.#worker = undefined;
		if (worker === undefined) return;
		const closed = worker.close();
		closed.catch(() => {});
		await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS).unref())]).catch(
			() => {},
		);
		await this.#queue?.close().catch(() => {});
	}

	/** Adds the job when it is missing, and wakes one that sleeps too long. */
	async #keep(): Promise<void> {
		const queue = this.#queue;
		if (queue === undefined) return;
		const { host, intervalMs } = this.#options;
		const jobId = `monitor.${host}`;
		await queue.add(
			"monitor",
			{ host },
			{ jobId, attempts: 1, removeOnComplete: true, removeOnFail: true, keepLogs: KEPT_LOG_LINES },
		);
		if (performance.now() - this.#lastCycle < KEEP_ALIVE_MS + intervalMs) return;
		const job = await queue.getJob(jobId);
		if ((await job?.getState()) === "delayed") await job?.promote();
	}

	async #cycle(job: Job, token: string): Promise<void> {
		this.#lastCycle = performance.now();
		const seen = await this.#options.cycle();
		await job.updateProgress(seen);
		if (this.#worker !== undefined) this.#lastCycle = performance.now();
		await job.moveToDelayed(Date.now() + this.#options.intervalMs, token);
		throw new DelayedError();
	}
}
