/**
 * The monitor's job: one per host, moved on by itself every 3 seconds. `moveToDelayed` + `DelayedError`
 * is one script, so there is no point at which the job is lost or doubled. Where BullMQ cannot hand it out (Redis
 * is full, a key of the queue is damaged), the host looks without it: limits and ends wait for no job.
 */
import { DelayedError, type Job, type Queue, Worker } from "bullmq";
import { Service } from "../../task/service.ts";
import type { Store } from "../records/store.ts";
import {
	closeWorker,
	monitorQueueName,
	openQueue,
	readJob,
	requireOwn,
	takeBack,
	workerOptions,
} from "./bull.ts";
import { takeOutLost } from "./lost-job.ts";

const LOCK_MS = 15_000;
const STALL_CHECK_MS = 5_000;
/** BullMQ never resets a job's stall counter: a low limit would fail the monitor after two crashes. */
const STALLS_ALLOWED = 1_000_000;
const KEEP_ALIVE_MS = 5_000;
const KEPT_LOG_LINES = 20;

export interface MonitorOptions {
	store: Store;
	host: string;
	/** ms between two cycles */
	intervalMs: number;
	/** one look at all tasks of the host; must not throw */
	cycle: () => Promise<object>;
}

export class MonitorLoop extends Service {
	readonly #options: MonitorOptions;
	/** monotonic ms of the last cycle: a clock set back must not silence the monitor */
	#lastCycle = performance.now();
	#looking: Promise<object> | null = null;
	#keeping = false;

	constructor(options: MonitorOptions) {
		super();
		this.#options = options;
	}

	protected override async open(): Promise<void> {
		const { store, host } = this.#options;
		const queue = openQueue(store, monitorQueueName(host));
		this.onStop(() => queue.close().catch(() => {}));
		await takeBack(store, queue);
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
		this.onStop(() => closeWorker(worker));
		await worker.waitUntilReady();
		worker.run().catch(() => {});
		await this.#keep(queue);
		const keeper = setInterval(() => {
			const isOverdue = performance.now() - this.#lastCycle >= KEEP_ALIVE_MS + this.#options.intervalMs;
			if (isOverdue) void this.#look();
			void this.#keep(queue, isOverdue).catch(() => {});
		}, KEEP_ALIVE_MS);
		this.onStop(() => clearInterval(keeper));
	}

	get #jobId(): string {
		return `monitor.${this.#options.host}`;
	}

	/**
	 * Adds the job when it is missing, damaged or where it never comes from, and wakes one that sleeps too long. One call
	 * at a time: Redis may be away.
	 */
	async #keep(queue: Queue, isOverdue = false): Promise<void> {
		if (this.#keeping) return;
		this.#keeping = true;
		try {
			const { store, host } = this.#options;
			const jobId = this.#jobId;
			const job = await readJob(store, queue, jobId);
			const isDamaged = job instanceof Error;
			const { place } = await store.guard(() =>
				takeOutLost(store, queue, jobId, { isDamaged, lockMs: LOCK_MS }),
			);
			await queue.add(
				"monitor",
				{ host },
				{ jobId, attempts: 1, removeOnComplete: true, removeOnFail: true, keepLogs: KEPT_LOG_LINES },
			);
			if (isOverdue && place === "delayed" && !isDamaged) await job?.promote();
		} finally {
			this.#keeping = false;
		}
	}

	async #cycle(job: Job, token: string): Promise<void> {
		requireOwn(job, this.#jobId);
		await job.updateProgress(await this.#look());
		await job.moveToDelayed(Date.now() + this.#options.intervalMs, token);
		throw new DelayedError();
	}

	/** One at a time, whoever asks for it. */
	#look(): Promise<object> {
		this.#lastCycle = performance.now();
		this.#looking ??= this.#options.cycle().finally(() => {
			this.#looking = null;
			this.#lastCycle = performance.now();
		});
		return this.#looking;
	}
}
