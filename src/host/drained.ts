/** Whether this host starts anything new: what people want of it stands in Redis, and outlives its worker. */
import type { Logger } from "pino";
import type { RunWorker } from "../queue/jobs/run-queue.ts";
import { drainOf } from "../queue/records/hosts.ts";
import type { Store } from "../queue/records/store.ts";

export interface DrainedOptions {
	store: Store;
	host: string;
	worker: Pick<RunWorker, "drain" | "resume">;
	log: Logger;
}

export class Drained {
	readonly #options: DrainedOptions;
	#isOn = false;
	#isLeaving = false;
	#following: Promise<void> = Promise.resolve();

	constructor(options: DrainedOptions) {
		this.#options = options;
	}

	/** As it was followed last. */
	get isOn(): boolean {
		return this.#isOn;
	}

	/** The worker is to be stopped: it starts nothing more, whatever anybody wants. */
	async leave(): Promise<void> {
		this.#isLeaving = true;
		await this.#options.worker.drain();
	}

	/** Does as Redis says now; one after the other. @throws an outage of Redis */
	follow(): Promise<void> {
		const look = () => this.#look();
		this.#following = this.#following.then(look, look);
		return this.#following;
	}

	async #look(): Promise<void> {
		const { store, host, worker, log } = this.#options;
		const drain = await drainOf(store, host);
		if ((drain !== null) === this.#isOn) return;
		this.#isOn = drain !== null;
		if (drain !== null) await worker.drain();
		else if (!this.#isLeaving) await worker.resume();
		const over = this.#isLeaving
			? "the drain of this host is over; its worker leaves"
			: "this host takes tasks again";
		log.info({ by: drain?.by }, drain === null ? over : "this host is drained");
	}
}
