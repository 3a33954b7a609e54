/**
 * BullMQ's worker, which takes a job only when one more may start, and then the one whose turn it is. Locks, renewals,
 * ends and outages stay BullMQ's: what differs is what stands before each fetch, and that an end fetches nothing itself.
 */
import { type Job, type Processor, Worker } from "bullmq";
import type { Store } from "../records/store.ts";
import { runQueueName, workerOptions } from "./bull.ts";
import { type StartLimits, startLimitsOf } from "./start-limits.ts";
import { takeTurn } from "./turns.ts";

/** There is a limit of our own: a place to start. */
const NO_LIMIT = 1_000_000;
/** Whoever takes longer to say whether it starts holds up no other start. */
const UNDECIDED_MS = 2_000;

export interface TurnWorkerOptions {
	store: Store;
	host: string;
	/** how many more may start now */
	room: () => number;
	limits: () => StartLimits;
	lockDuration: number;
	stalledInterval: number;
	maxStalledCount: number;
}

export class TurnWorker<Data> extends Worker<Data> {
	readonly #options: TurnWorkerOptions;
	/** when the next delayed job is due; 0: none is known */
	#later = 0;
	#isLimited = false;
	/** what was taken and has not said yet whether it starts: each may need room */
	readonly #undecided = new Map<string, NodeJS.Timeout>();
	#waking: Promise<unknown> | null = null;

	constructor(process: Processor<Data>, options: TurnWorkerOptions) {
		const { store, host, lockDuration, stalledInterval, maxStalledCount } = options;
		const limits = { lockDuration, stalledInterval, maxStalledCount, concurrency: NO_LIMIT };
		super(runQueueName(host), process, workerOptions(store, limits));
		this.#options = options;
	}

	/** The job's task is counted by whoever tells the room, or needs none. */
	decided({ id = "" }: Job<Data>): void {
		clearTimeout(this.#undecided.get(id));
		if (this.#undecided.delete(id)) this.wake();
	}

	/** Something moved, here or elsewhere: what a limit held may start. */
	moved(): void {
		if (this.#isLimited) this.wake();
	}

	/** There is room: it looks now, not when its wait is over. */
	wake(): void {
		if (this.#waking !== null || this.closing !== undefined || !this.isRunning()) return;
		const { store, host } = this.#options;
		const marker = `${store.keys.bull}:${runQueueName(host)}:marker`;
		this.#waking = store.client
			.zadd(marker, 0, "0")
			.catch(() => {})
			.finally(() => {
				this.#waking = null;
			});
	}

	protected override async moveToActive(token: string, name?: string): Promise<Job<Data>> {
		const { store, host, room, limits } = this.#options;
		try {
			const hasRoom = room() > this.#undecided.size;
			const { isNext, isLimited, later } = await takeTurn(store, host, {
				hasRoom,
				limits: startLimitsOf(limits()),
			});
			this.#isLimited = isLimited;
			this.#later = later ?? 0;
			if (isNext) return this.#undecidedOne(await super.moveToActive(token, name));
		} catch (error) {
			this.emit("error", error as Error);
		}
		// As if the queue were empty: it waits until it is woken.
		return this.nextJobFromJobData();
	}

	protected override getBlockTimeout(blockUntil: number): number {
		const ofQueue = super.getBlockTimeout(blockUntil);
		return this.#later === 0 ? ofQueue : Math.min(ofQueue, super.getBlockTimeout(this.#later));
	}

	/** An end would fetch the first of the line, whosever turn it is. */
	override processJob(job: Job<Data>, token: string): Promise<void | Job<Data>> {
		return super
			.processJob(job, token, () => false)
			.finally(() => {
				this.decided(job);
				this.moved();
			});
	}

	override async close(force?: boolean): Promise<void> {
		await super.close(force).finally(() => {
			for (const timer of this.#undecided.values()) clearTimeout(timer);
			this.#undecided.clear();
		});
	}

	#undecidedOne(job: Job<Data>): Job<Data> {
		if (job?.id !== undefined)
			this.#undecided.set(
				job.id,
				setTimeout(() => this.decided(job), UNDECIDED_MS),
			);
		return job;
	}
}
