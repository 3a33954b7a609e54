/**
 * Notifications of a host: a cursor in the stream of events, so that a crash loses none, and a queue of
 * deliveries, so that retries survive the daemon. A job names its target; addresses and secrets stay in the
 * host's own config.
 */
import { type Job, type Queue, UnrecoverableError, Worker } from "bullmq";
import type { NotificationPayload } from "../../task/notification.ts";
import { eventsAfter, lastEventId, type TaskEvent } from "../records/events.ts";
import type { Store } from "../records/store.ts";
import { notifyQueueName, openQueue, takeBack, workerOptions } from "./bull.ts";

const ATTEMPTS = 8;
const FIRST_BACKOFF_MS = 2_000;
const MAX_BACKOFF_MS = 10 * 60_000;
const LOCK_MS = 60_000;
const CONCURRENT = 4;
const KEPT_JOBS = 200;
const PAGE = 500;
const CLOSE_LIMIT_MS = 1_000;

interface Delivery {
	target: string;
	payload: NotificationPayload;
}

export interface NotifierOptions {
	store: Store;
	host: string;
	/** names of targets for an event of one of this host's tasks */
	prepare(event: TaskEvent): Promise<{ payload: NotificationPayload; targets: string[] } | null>;
	/** @throws with `final` set where another try would not help, and `retryAfterMs` where the receiver said so */
	deliver(target: string, payload: NotificationPayload): Promise<void>;
	/** cuts the waits between two tries; ms */
	maxBackoffMs: number;
}

export class Notifier {
	readonly #options: NotifierOptions;
	#queue: Queue | undefined;
	#worker: Worker<Delivery> | undefined;
	#pumping: Promise<void> | null = null;
	#again = false;

	constructor(options: NotifierOptions) {
		this.#options = options;
	}

	async start(): Promise<void> {
		const { store, host } = this.#options;
		this.#queue = openQueue(store, notifyQueueName(host));
		await takeBack(this.#queue, store.client);
		const options = workerOptions(store, {
			concurrency: CONCURRENT,
			lockDuration: LOCK_MS,
			maxStalledCount: 1_000,
		});
		const worker = new Worker<Delivery>(notifyQueueName(host), (job: Job<Delivery>) => this.#deliver(job), {
			...options,
			settings: { backoffStrategy: (made, _type, error) => this.#backoffMs(made, error) },
		});
		worker.on("error", () => {});
		this.#worker = worker;
		const first = await lastEventId(store);
		await store.guard((client) => client.set(store.keys.notified(host), first, "NX"));
		await worker.waitUntilReady();
		worker.run().catch(() => {});
		await this.pump();
	}

	/** Makes deliveries of what happened since the last call. One at a time; a call during one is not lost. */
	pump(): Promise<void> {
		this.#again = this.#pumping !== null;
		this.#pumping ??= this.#pumpAll().finally(() => {
			this.#pumping = null;
			if (this.#again) void this.pump().catch(() => {});
		});
		return this.#pumping;
	}

	async #pumpAll(): Promise<void> {
		const { store, host, prepare } = this.#options;
		const cursor = store.keys.notified(host);
		for (;;) {
			const from = (await store.guard((client) => client.get(cursor))) ?? "0";
			const events = await eventsAfter(store, from, PAGE);
			for (const event of events) {
				const news = await prepare(event);
				for (const target of news?.targets ?? [])
					await this.#add(target, news?.payload as NotificationPayload);
			}
			const last = events.at(-1)?.id;
			// After the jobs: a crash in between adds them again under the same ids, which changes nothing.
			if (last !== undefined) await store.guard((client) => client.set(cursor, last));
			if (events.length < PAGE) return;
		}
	}

	async #add(target: string, payload: NotificationPayload): Promise<void> {
		await this.#queue?.add(`${payload.event} ${payload.task.id}`, { target, payload } satisfies Delivery, {
			jobId: `${payload.id}.${target}`,
			attempts: ATTEMPTS,
			backoff: { type: "custom" },
			removeOnComplete: { count: KEPT_JOBS },
			removeOnFail: { count: KEPT_JOBS },
		});
	}

	async #deliver({ data }: Job<Delivery>): Promise<object> {
		try {
			await this.#options.deliver(data.target, data.payload);
			return { target: data.target };
		} catch (error) {
			if ((error as { final?: boolean }).final === true)
				throw new UnrecoverableError((error as Error).message);
			throw error;
		}
	}

	/** Doubles, with jitter, unless the receiver named a time. */
	#backoffMs(made: number, error: Error | undefined): number {
		const wished = (error as { retryAfterMs?: number | null } | undefined)?.retryAfterMs ?? null;
		const usual = FIRST_BACKOFF_MS * 2 ** (made - 1) * (0.75 + Math.random() / 2);
		return Math.min(wished ?? usual, MAX_BACKOFF_MS, this.#options.maxBackoffMs);
	}

	async stop(): Promise<void> {
		const closed = this.#worker?.close() ?? Promise.resolve();
		closed.catch(() => {});
		await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS).unref())]).catch(
			() => {},
		);
		await this.#queue?.close().catch(() => {});
	}
}

/** Without targets nothing is remembered: a target that is added later is told what happens from then on. */
export async function forgetNotifications(store: Store, host: string): Promise<void> {
	await store.guard((client) => client.del(store.keys.notified(host)));
}

export interface FailedDelivery {
	target: string;
	event: string;
	why: string;
}

/** Deliveries that were given up, the newest first. */
export async function failedDeliveries(store: Store, host: string): Promise<FailedDelivery[]> {
	const queue = openQueue(store, notifyQueueName(host));
	try {
		const jobs = (await queue.getFailed(0, KEPT_JOBS)) as Job<Delivery>[];
		return jobs.map(({ name, data, failedReason }) => ({
			target: data.target,
			event: name,
			why: failedReason,
		}));
	} finally {
		await queue.close().catch(() => {});
	}
}
