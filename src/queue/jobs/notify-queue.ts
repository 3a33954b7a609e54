/**
 * Notifications of a host: a cursor in the stream of events, so that a crash loses none, and a queue of
 * deliveries, so that retries survive the daemon. A job names its target; addresses and secrets stay in the
 * host's own config.
 */
import { createHash } from "node:crypto";
import { type Job, type Queue, UnrecoverableError, Worker } from "bullmq";
import { isObject } from "../../task/check.ts";
import { isOutage } from "../../task/errors.ts";
import type { NotificationPayload } from "../../task/notification.ts";
import { withoutSecrets } from "../../task/secrets.ts";
import { Service } from "../../task/service.ts";
import { lostEnds } from "../records/ends.ts";
import { eventsFrom, isBefore, lastEventId, placeBefore, type TaskEvent } from "../records/events.ts";
import type { Store } from "../records/store.ts";
import {
	closeWorker,
	dropDamaged,
	notifyQueueName,
	openQueue,
	readJobs,
	takeBack,
	workerOptions,
} from "./bull.ts";

const ATTEMPTS = 8;
const FIRST_BACKOFF_MS = 2_000;
const MAX_BACKOFF_MS = 10 * 60_000;
const LOCK_MS = 60_000;
const CONCURRENT = 4;
const KEPT_JOBS = 200;
const PAGE = 500;

interface Delivery {
	target: string;
	payload: NotificationPayload;
}

/** Anybody may have written it. */
function deliveryIn(data: unknown): Partial<Delivery> {
	return isObject(data) ? data : {};
}

export interface NotifierOptions {
	store: Store;
	host: string;
	/** names of targets for an event of one of this host's tasks */
	prepare(event: TaskEvent): Promise<{ payload: NotificationPayload; targets: string[] } | null>;
	/** @throws with `final` set where another try would not help, and `retryAfterMs` where the receiver said so */
	deliver(target: string, payload: NotificationPayload): Promise<void>;
	/** for the log: an event that cannot be told */
	fault(event: TaskEvent, error: unknown): void;
	/** cuts the waits between two tries; ms */
	maxBackoffMs: number;
}

/** BullMQ refuses a colon in a job's id, and a target may be named as one likes. */
function jobIdOf(delivery: string, target: string): string {
	const name = /^[\w-]{1,64}$/.test(target) ? target : createHash("sha256").update(target).digest("hex");
	return `${delivery}.${name}`;
}

export class Notifier extends Service {
	readonly #options: NotifierOptions;
	#queue: Queue | undefined;
	#pumping: Promise<void> | null = null;
	#again = false;

	constructor(options: NotifierOptions) {
		super();
		this.#options = options;
	}

	protected override async open(): Promise<void> {
		const { store, host } = this.#options;
		const queue = openQueue(store, notifyQueueName(host));
		this.onStop(() => queue.close().catch(() => {}));
		this.#queue = queue;
		await takeBack(store, queue);
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
		for (const end of ["completed", "failed"] as const)
			worker.on(end, (job?: Job<Delivery>) => void this.#dropIfRemoved(job).catch(() => {}));
		this.onStop(() => closeWorker(worker));
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
		const { store, host } = this.#options;
		const cursor = store.keys.notified(host);
		for (;;) {
			const from = (await store.guard((client) => client.get(cursor))) ?? "0";
			const { events, firstId } = await eventsFrom(store, from, PAGE);
			if (firstId !== null && from !== "0" && isBefore(from, placeBefore(firstId)))
				await this.#tellLost(from, firstId);
			for (const event of events) await this.#tell(event);
			const last = events.at(-1)?.id;
			// After the jobs: a crash in between adds them again under the same ids, which changes nothing.
			if (last !== undefined) await store.guard((client) => client.set(cursor, last));
			if (events.length < PAGE) return;
		}
	}

	/** The stream was cut before it was read: ends stand in the records. Questions are those that are still open. */
	async #tellLost(from: string, firstId: string): Promise<void> {
		const { store } = this.#options;
		for (const { task, state, at, event } of await lostEnds(store, from, firstId))
			await this.#tell({ id: event ?? `${at}-0`, task, kind: state, state, at });
		for (const { task, seq, text, askedAt } of await store.openQuestions())
			if (isBefore(`${askedAt}-0`, firstId) && !isBefore(`${askedAt}-0`, from))
				await this.#tell({ id: `${askedAt}-${Number(seq)}`, task, kind: "asked", seq, text, at: askedAt });
	}

	/** One event that cannot be told holds none of the others up; an outage of Redis holds all of them. */
	async #tell(event: TaskEvent): Promise<void> {
		try {
			const news = await this.#options.prepare(event);
			for (const target of news?.targets ?? []) await this.#add(target, news?.payload as NotificationPayload);
		} catch (error) {
			if (isOutage(error)) throw error;
			this.#options.fault(event, error);
		}
	}

	async #add(target: string, payload: NotificationPayload): Promise<void> {
		const options = {
			jobId: jobIdOf(payload.id, target),
			attempts: ATTEMPTS,
			backoff: { type: "custom" },
			removeOnComplete: { count: KEPT_JOBS },
			removeOnFail: { count: KEPT_JOBS },
		};
		const name = `${payload.event} ${payload.task.id}`;
		// Guarded: what Redis refuses for a moment is no fault of the event, which would be passed over.
		await this.#options.store.guard(async () => this.#queue?.add(name, { target, payload }, options));
	}

	async #deliver({ data, attemptsMade }: Job<Delivery>): Promise<object> {
		try {
			await this.#options.deliver(data.target, data.payload);
			return { target: data.target };
		} catch (error) {
			// BullMQ keeps the message: an address with a password may stand in it.
			(error as Error).message = withoutSecrets((error as Error).message);
			// How often it is tried stands in the job, where anybody may have written it.
			if ((error as { final?: boolean }).final === true || attemptsMade + 1 >= ATTEMPTS)
				throw new UnrecoverableError((error as Error).message);
			throw error;
		}
	}

	/** Told is told, also of a task that was removed meanwhile; then nobody else takes the text away. */
	async #dropIfRemoved(job: Job<Delivery> | undefined): Promise<void> {
		const { store, host } = this.#options;
		// Anybody may have written it.
		const task = (job?.data as Partial<Delivery> | undefined)?.payload?.task?.id;
		if (typeof task === "string" && !(await store.exists(task)))
			await forgetDeliveries(store, host, new Set([task]));
	}

	/** Doubles, with jitter, unless the receiver named a time. */
	#backoffMs(made: number, error: Error | undefined): number {
		const wished = (error as { retryAfterMs?: number | null } | undefined)?.retryAfterMs ?? null;
		const usual = FIRST_BACKOFF_MS * 2 ** (made - 1) * (0.75 + Math.random() / 2);
		return Math.min(wished ?? usual, MAX_BACKOFF_MS, this.#options.maxBackoffMs);
	}
}

/** Without targets nothing is remembered: a target that is added later is told what happens from then on. */
export async function forgetNotifications(store: Store, host: string): Promise<void> {
	await store.guard((client) => client.del(store.keys.notified(host)));
}

/** What was told of tasks that were removed: it quotes their questions and ends. */
export async function forgetDeliveries(
	store: Store,
	host: string,
	tasks: ReadonlySet<string>,
): Promise<void> {
	const queue = openQueue(store, notifyQueueName(host));
	try {
		// Anybody may have written it.
		const { jobs, damaged } = await readJobs(store, queue, ["completed", "failed"]);
		for (const job of jobs)
			if (tasks.has(deliveryIn(job.data).payload?.task?.id ?? "")) await job.remove().catch(() => {});
		// Whose it was is not known any more.
		for (const { id } of damaged) await dropDamaged(store, queue, id);
	} finally {
		await queue.close().catch(() => {});
	}
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
		const { jobs } = await readJobs(store, queue, ["failed"], { end: KEPT_JOBS });
		return jobs.map(({ name, data, failedReason }) => ({
			target: deliveryIn(data).target ?? "?",
			event: name,
			why: failedReason,
		}));
	} finally {
		await queue.close().catch(() => {});
	}
}
