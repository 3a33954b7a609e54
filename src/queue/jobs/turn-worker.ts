/**
 * BullMQ's worker, which takes a job only when one more may start, and then the one whose turn it is. Locks, renewals,
 * ends and outages stay BullMQ's: what differs is what stands before each fetch, and that an end fetches nothing itself.
 */
import { type Job, type Processor, Worker } from "bullmq";
import { isOutage } from "../../task/errors.ts";
import type { Store } from "../records/store.ts";
import { runQueueName, workerOptions } from "./bull.ts";
import { takenOutOfLine } from "./damaged-line.ts";
import { type StartLimits, startLimitsOf } from "./start-limits.ts";
import { giveTurnBack, type Taken, type Turn, takeTurn } from "./turns.ts";

/** There is a limit of our own: a place to start. */
const NO_LIMIT = 1_000_000;
/** Whoever takes longer to say whether it starts holds up no other start. */
const UNDECIDED_MS = 2_000;
/** So many of a flow in a row may start nothing before its turn is over: the others wait for each of them. */
const GIVEN_BACK_MAX = 100;

export interface TurnWorkerOptions {
	store: Store;
	host: string;
	/** how many more may start now */
	room: () => number;
	limits: () => StartLimits;
	/** before each look: delays go by the host's clock */
	followClock: () => Promise<void>;
	/** takes out the job that was taken last, which cannot be read. @returns its name, if there was one */
	dropUnreadable: () => Promise<string[]>;
	/** for the log: what is wrong with the line, or keeps the order of starts from being looked at, and passes by no outage's end */
	fault: (error: unknown) => void;
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
	/** by job: the turn that it has and has not used yet */
	readonly #turns = new Map<string, Taken>();
	/** by flow: how many in a row have started nothing */
	readonly #givenBack = new Map<string, number>();

	constructor(process: Processor<Data>, options: TurnWorkerOptions) {
		const { store, host, lockDuration, stalledInterval, maxStalledCount } = options;
		const limits = { lockDuration, stalledInterval, maxStalledCount, concurrency: NO_LIMIT };
		super(runQueueName(host), process, workerOptions(store, limits));
		this.#options = options;
	}

	/** Its task starts, or lives: the turn is used. It is counted by whoever tells the room. */
	placed(job: Job<Data>): void {
		const { id = "" } = job;
		const turn = this.#turns.get(id);
		if (turn !== undefined) this.#givenBack.delete(turn.flow);
		this.#turns.delete(id);
		this.#decided(id);
	}

	#decided(id: string): void {
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
		const hasRoom = this.#options.room() > this.#undecided.size;
		let isNext = false;
		try {
			isNext = await this.#isNext(hasRoom);
		} catch (error) {
			this.emit("error", error as Error);
			// Starts in another order are better than none.
			isNext = hasRoom && !isOutage(error);
			if (!isOutage(error)) this.#options.fault(error);
		}
		// As if the queue were empty: it waits until it is woken.
		if (!isNext) return this.nextJobFromJobData();
		return this.#undecidedOne(await this.#take(token, name));
	}

	async #take(token: string, name?: string): Promise<Job<Data>> {
		try {
			return await super.moveToActive(token, name);
		} catch (error) {
			// Where Redis is away nobody can look: the fault is that one.
			const names = await this.#options.dropUnreadable().catch(() => []);
			if (names.length > 0) this.#options.fault(takenOutOfLine({ count: names.length, names }));
			throw error;
		}
	}

	async #isNext(hasRoom: boolean): Promise<boolean> {
		const { store, host, limits, followClock } = this.#options;
		// Of a look that fails nothing is known: a time that is over would be waited for without a rest.
		this.#later = 0;
		await followClock();
		let turn: Turn;
		do {
			turn = await takeTurn(store, host, { hasRoom, limits: startLimitsOf(limits()) });
			if (turn.takenOut) this.#options.fault(takenOutOfLine(turn.takenOut));
		} while (turn.isMore && this.closing === undefined);
		this.#isLimited = turn.isLimited;
		this.#later = turn.later ?? 0;
		if (turn.taken) this.#turns.set(turn.taken.job, turn.taken);
		return turn.isNext;
	}

	protected override getBlockTimeout(blockUntil: number): number {
		const ofQueue = super.getBlockTimeout(blockUntil);
		return this.#later === 0 ? ofQueue : Math.min(ofQueue, super.getBlockTimeout(this.#later));
	}

	/** An end would fetch the first of the line, whosever turn it is. */
	override processJob(job: Job<Data>, token: string): Promise<void | Job<Data>> {
		return super
			.processJob(job, token, () => false)
			.finally(async () => {
				await this.#giveBack(job).catch(() => {});
				this.#decided(job.id ?? "");
				this.moved();
			});
	}

	async #giveBack({ id = "" }: Job<Data>): Promise<void> {
		const turn = this.#turns.get(id);
		if (turn === undefined) return;
		this.#turns.delete(id);
		const before = this.#givenBack.get(turn.flow) ?? 0;
		this.#givenBack.set(turn.flow, (before + 1) % GIVEN_BACK_MAX);
		const { store, host } = this.#options;
		if (before + 1 < GIVEN_BACK_MAX) await giveTurnBack(store, host, turn);
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
				setTimeout(() => this.#decided(job.id ?? ""), UNDECIDED_MS),
			);
		return job;
	}
}
