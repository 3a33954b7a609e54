/** A queue as Bull Board reads it: what somebody wrote into Redis harms that one job, not the list it stands in. */
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { damagedJob, type openQueue, type ReadJobs, readJob, readJobs } from "../queue/jobs/bull.ts";
import type { Store } from "../queue/records/store.ts";

type Queue = ReturnType<typeof openQueue>;
type Job = ReadJobs["jobs"][number];
type States = Parameters<BullMQAdapter["getJobs"]>[0];
type Options = ConstructorParameters<typeof BullMQAdapter>[1];

export class SoundQueue extends BullMQAdapter {
	readonly #store: Store;
	readonly #jobs: Queue;

	constructor(store: Store, queue: Queue, options: Options) {
		super(queue, options);
		this.#store = store;
		this.#jobs = queue;
	}

	override async getJobs(states: States, start = 0, end = -1): Promise<Job[]> {
		// BullMQ has no paused jobs any more: they wait.
		const known = states.filter((state) => state !== "paused");
		const { jobs, damaged } = await readJobs(this.#store, this.#jobs, known, { start, end });
		return [...jobs, ...damaged.map((each) => damagedJob(this.#jobs, each))];
	}

	override async getJob(id: string): Promise<Job | undefined> {
		const job = await readJob(this.#store, this.#jobs, id);
		return job instanceof Error ? damagedJob(this.#jobs, { id, why: job.message }) : job;
	}

	// The store puts right what stands in the place of a queue's own keys.
	override getJobCounts() {
		return this.#store.guard(() => super.getJobCounts());
	}

	override isPaused() {
		return this.#store.guard(() => super.isPaused());
	}

	override getGlobalConcurrency() {
		return this.#store.guard(() => super.getGlobalConcurrency());
	}

	override getJobSchedulersCount() {
		return this.#store.guard(() => super.getJobSchedulersCount());
	}
}
