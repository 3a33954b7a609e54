/**
 * Run jobs: the vehicles that make queued tasks start on a host. A job `<task>.<generation>` can be made
 * again from its record at any time; one of an older generation ends without acting.
 */
import { setMaxListeners } from "node:events";
import { DelayedError, type Job, type Queue, UnrecoverableError, WaitingError } from "bullmq";
import { upMs } from "../../process/identity.ts";
import { isObject } from "../../task/check.ts";
import { cutText } from "../../task/cut-text.ts";
import { agentOf, type TaskRecord, workspaceOf } from "../../task/record.ts";
import { valueWithoutSecrets, withoutSecrets } from "../../task/secrets.ts";
import { Service } from "../../task/service.ts";
import { dropFromStream } from "../records/removed.ts";
import type { Store } from "../records/store.ts";
import {
	closeWorker,
	dropUnreadable,
	openQueue,
	readJob,
	requireOwn,
	runQueueName,
	takeBack,
} from "./bull.ts";
import { takenOutOfLine } from "./damaged-line.ts";
import { type JobPlace, takeOutLost } from "./lost-job.ts";
import { followClock, MOVED_MS } from "./moved-clock.ts";
import type { StartLimits } from "./start-limits.ts";
import { TurnWorker } from "./turn-worker.ts";

/** Agents are detached and adopted at once, so a lock need only outlive an outage of Redis. */
const LOCK_MS = 60_000;
const STALL_CHECK_MS = 15_000;
/** Stalls are ends of daemons, which the record counts; BullMQ must never fail a job for them. */
const STALLS_ALLOWED = 1_000_000;
const KEPT_JOBS = 1_000;
/** A closing worker that is woken at once swallows the marker, and the jobs wait 5 s (measured). */
const CLOSE_HEAD_START_MS = 200;

/** Where a job may be that nobody works on. */
const LISTS = ["completed", "failed", "delayed", "prioritized", "wait", "waiting-children"] as const;

export interface RunJobData {
	task: string;
	generation: number;
	model: string | null;
	backend: string;
	/** whose turn it is with; null: it is interactive */
	batch: string | null;
	cwd: string;
	prompt: string;
}

/** How a run job ends. */
export type RunEnd =
	| { kind: "done"; state: string; message: string }
	| { kind: "failed"; message: string }
	/** not before this time (ms since the Unix epoch) */
	| { kind: "later"; at: number }
	/** this daemon stops; the next one takes the job */
	| { kind: "release" };

export interface RunJob {
	task: string;
	generation: number;
	/** aborted when the daemon stops; the agent is left alone */
	signal: AbortSignal;
	/** aborted when the daemon drains: nothing more is started */
	draining: AbortSignal;
	/** the places know of it from here on: another one may be taken from the line, if they have room */
	placed(): void;
	/** shown by Bull Board */
	progress(value: object): Promise<void>;
}

export function jobIdOf(task: string, generation: number): string {
	return `${task}.${generation}`;
}

/** As dispatch makes them; anybody may have written into it. One that is repeated, or has failed, is handed to nobody. */
function isRunJob({ data, repeatJobKey, deferredFailure }: Job, id: string): boolean {
	return ownIdOf(data) === id && repeatJobKey === undefined && deferredFailure === undefined;
}

/** @returns the id of the job that has such data; null: none of ours has */
function ownIdOf(data: unknown): string | null {
	const { task, generation } = isObject(data) ? (data as Partial<RunJobData>) : {};
	return typeof task === "string" ? jobIdOf(task, Number(generation)) : null;
}

function taskOf(job: string): string {
	return job.slice(0, job.lastIndexOf("."));
}

/** Adds run jobs; one queue object per host, opened when it is first asked for. */
export class RunQueues extends Service {
	#queues = new Map<string, Queue>();
	/** by host: when its machine was started, by the clock that what waits there goes by */
	readonly #clocks = new Map<string, number>();
	readonly #store: Store;

	constructor(store: Store) {
		super();
		this.#store = store;
	}

	/** @throws after `stop` */
	of(host: string): Queue {
		let queue = this.#queues.get(host);
		if (queue === undefined) {
			const opened = openQueue(this.#store, runQueueName(host));
			this.onStop(() => opened.close().catch(() => {}));
			this.#queues.set(host, opened);
			queue = opened;
		}
		return queue;
	}

	/** Makes the run job of a queued record; a job of that id that exists stays as it is. */
	async add(record: TaskRecord, now: number): Promise<void> {
		const { spec, generation, hold } = record;
		const data: RunJobData = {
			task: spec.id,
			generation,
			model: agentOf(record).model,
			backend: agentOf(record).backend,
			batch: record.batch,
			cwd: workspaceOf(record),
			prompt: cutText(withoutSecrets(spec.prompt), 200),
		};
		await this.of(record.host).add(spec.id, data, {
			jobId: jobIdOf(spec.id, generation),
			priority: spec.priority,
			attempts: 1,
			delay: hold?.until ? Math.max(0, hold.until - now) : 0,
			removeOnComplete: { count: KEPT_JOBS },
			removeOnFail: { count: KEPT_JOBS },
		});
	}

	/** Its hold was lifted: a job that waits for a time waits no longer. */
	async hurry({ spec, host, generation }: TaskRecord): Promise<void> {
		const job = await this.of(host).getJob(jobIdOf(spec.id, generation));
		if (await job?.isDelayed()) await job?.promote().catch(() => {});
	}

	/** To be called before what waits for a time is looked at: the host's clock may have been moved since. */
	async followClock(host: string): Promise<void> {
		const clock = this.#store.clock.now() - upMs();
		const known = this.#clocks.get(host);
		if (known !== undefined && Math.abs(clock - known) < MOVED_MS) return;
		await followClock(this.#store, host);
		this.#clocks.set(host, clock);
	}

	/** Where a task's run job is; one that will never start it is taken out: it can be made again. */
	async takeOutLost(host: string, task: string, generation: number): Promise<JobPlace> {
		const [queue, id] = [this.of(host), jobIdOf(task, generation)];
		const job = await readJob(this.#store, queue, id);
		const isDamaged = job !== undefined && (job instanceof Error || !isRunJob(job, id));
		return takeOutLost(this.#store, queue, id, { isDamaged, lockMs: LOCK_MS });
	}

	/**
	 * Removes the jobs of removed tasks, and what BullMQ tells of them: they show prompts, plans and ends. One that
	 * waits for its time would be there until then. The job of a new task of that id stays.
	 */
	async forget(host: string, tasks: ReadonlySet<string>): Promise<void> {
		const queue = this.of(host);
		const isIts = (job: string) => tasks.has(taskOf(job));
		const ids = (await queue.getRanges([...LISTS], 0, -1)).filter(isIts);
		const present = await this.#presentJobs(tasks);
		for (const id of ids) if (!present.has(id)) await queue.remove(id).catch(() => 0);
		const isOne = (fields: string[]) =>
			fields.some((name, at) => at % 2 === 0 && name === "jobId" && isIts(fields[at + 1] ?? ""));
		await dropFromStream(this.#store, queue.toKey("events"), (page) =>
			page.flatMap(([place, fields]) => (isOne(fields) ? [place] : [])),
		);
	}

	/** Of tasks that are there again under these ids. */
	async #presentJobs(tasks: ReadonlySet<string>): Promise<Set<string>> {
		const ids = [...tasks];
		const fields = await this.#store.fieldsOf(ids, "generation");
		return new Set(fields.flatMap(([generation], n) => (generation ? [`${ids[n]}.${generation}`] : [])));
	}
}

/** The worker of a host's run queue. */
export class RunWorker extends Service {
	readonly #store: Store;
	readonly #queues: RunQueues;
	readonly #host: string;
	readonly #room: () => number;
	readonly #limits: () => StartLimits;
	readonly #fault: (error: unknown) => void;
	readonly #process: (job: RunJob) => Promise<RunEnd>;
	readonly #abort = new AbortController();
	#draining = new AbortController();
	#isDraining = false;
	#worker: TurnWorker<RunJobData> | undefined;

	/** @param options.room how many more may start now; `wake` when it has grown */
	constructor(options: {
		store: Store;
		queues: RunQueues;
		host: string;
		room: () => number;
		limits?: () => StartLimits;
		fault?: (error: unknown) => void;
		process: (job: RunJob) => Promise<RunEnd>;
	}) {
		super();
		this.#store = options.store;
		this.#queues = options.queues;
		this.#host = options.host;
		this.#room = options.room;
		this.#limits = options.limits ?? (() => ({}));
		this.#fault = options.fault ?? (() => {});
		this.#process = options.process;
		// Every job listens, and stops listening when it ends: as many as there are agents.
		setMaxListeners(0, this.#abort.signal, this.#draining.signal);
	}

	/** Takes the jobs of the daemon before back at once, then fetches. */
	protected override async open(): Promise<void> {
		const lost = await takeBack(this.#store, this.#queues.of(this.#host));
		if (lost.length > 0) this.#fault(takenOutOfLine({ count: lost.length, names: lost }));
		const worker = new TurnWorker<RunJobData>(
			(job: Job<RunJobData>, token?: string) => this.#run(job, token ?? ""),
			{
				store: this.#store,
				host: this.#host,
				room: this.#room,
				limits: this.#limits,
				followClock: () => this.#queues.followClock(this.#host),
				fault: this.#fault,
				dropUnreadable: () => dropUnreadable(this.#store, this.#queues.of(this.#host)),
				lockDuration: LOCK_MS,
				stalledInterval: STALL_CHECK_MS,
				maxStalledCount: STALLS_ALLOWED,
			},
		);
		worker.on("error", () => {});
		for (const end of ["completed", "failed"] as const)
			worker.on(end, (job?: Job<RunJobData>) => void this.#dropIfRemoved(job).catch(() => {}));
		this.#worker = worker;
		this.onStop(() => this.#handBack(worker));
		await worker.waitUntilReady();
		// Before the first job: it was told so before it began.
		if (this.#isDraining) await worker.pause(true);
		worker.run().catch(() => {});
	}

	/** Its task was removed before the job had ended: then nobody else takes it away. */
	async #dropIfRemoved(job: Job<RunJobData> | undefined): Promise<void> {
		// One that somebody else made says that it is not ours.
		if (job === undefined || job.id !== ownIdOf(job.data)) return;
		const { task } = job.data;
		if (!(await this.#store.exists(task))) await this.#queues.forget(this.#host, new Set([task]));
	}

	/** One more may start than before: it looks for whose turn it is. */
	wake(): void {
		this.#worker?.wake();
	}

	/** A task moved, here or elsewhere. */
	moved(): void {
		this.#worker?.moved();
	}

	/** Starts nothing more; jobs whose agents live go on. */
	async drain(): Promise<void> {
		this.#isDraining = true;
		await this.#worker?.pause(true);
		this.#draining.abort();
	}

	/** Takes jobs again. One that was at work when it began to drain ends with its start, as any does. */
	async resume(): Promise<void> {
		if (!this.#isDraining) return;
		this.#isDraining = false;
		this.#draining = new AbortController();
		setMaxListeners(0, this.#draining.signal);
		await this.#worker?.resume();
	}

	/** Stops fetching and hands the jobs back; agents go on. Never waits longer than a second for Redis. */
	async #handBack(worker: TurnWorker<RunJobData>): Promise<void> {
		const closed = closeWorker(worker);
		await new Promise((resolve) => setTimeout(resolve, CLOSE_HEAD_START_MS));
		this.#abort.abort();
		await closed;
	}

	async #run(job: Job<RunJobData>, token: string): Promise<object> {
		// Made by hand, one task's many jobs would take all places while it lives.
		requireOwn(job, ownIdOf(job.data));
		const end = await this.#process({
			task: job.data.task,
			generation: job.data.generation,
			signal: this.#abort.signal,
			draining: this.#draining.signal,
			placed: () => this.#worker?.placed(job),
			progress: (value) => job.updateProgress(valueWithoutSecrets(value)).catch(() => {}),
		});
		if (end.kind === "release") {
			await job.moveToWait(token);
			throw new WaitingError();
		}
		if (end.kind === "later") {
			await job.moveToDelayed(end.at, token);
			throw new DelayedError();
		}
		if (end.kind === "failed") throw new UnrecoverableError(withoutSecrets(end.message));
		return { state: end.state, message: end.message };
	}
}
