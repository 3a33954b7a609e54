/**
 * Starts are limited, not lives: by how many work, and by how many live. A place to work is taken by a start that is
 * under way and by a working agent; an asking one only lives. An answered agent takes its place back even over the
 * limit, and no new start happens until that recovers.
 *
 * The record's state is the truth. News of states is a hint: what a lost one left behind, or never told, `keep` mends.
 */

/** What a record's state says of its agent. */
export type Life = "works" | "asks" | "ended";

export interface Limits {
	/** how many may work at once */
	work: number;
	/** how many may live at once, those that ask included */
	live: number;
}

export class Places {
	#limits: Limits;
	/** starts under way: each has an owner that releases it, whatever is thrown */
	readonly #starting = new Set<string>();
	/** with the moment (a count of changes) of the last news; who has ended until `keep` has seen it, too */
	readonly #agents = new Map<string, { life: Life; since: number }>();
	readonly #line: { task: string; priority: number; order: number; go: () => void }[] = [];
	readonly #changed: () => void;
	#order = 0;
	#moment = 0;

	/** @param changed there may be room again */
	constructor(limits: Limits, changed: () => void = () => {}) {
		this.#limits = limits;
		this.#changed = changed;
	}

	/** How many may work: no more than may live. */
	get limit(): number {
		return Math.min(this.#limits.work, this.#limits.live);
	}

	/** Higher ones let the line move on at once; lower ones end nothing. */
	setLimits(limits: Limits): void {
		this.#limits = limits;
		this.#grant();
	}

	get taken(): number {
		return this.#count("works");
	}

	/** How many live, and may live soon. */
	get living(): number {
		return this.#count("works", "asks");
	}

	#count(...lives: Life[]): number {
		const counted = new Set(this.#starting);
		for (const [task, { life }] of this.#agents) if (lives.includes(life)) counted.add(task);
		return counted.size;
	}

	/** How many more may start now; below 0: so many wait already. */
	get room(): number {
		const { work, live } = this.#limits;
		return Math.min(work - this.taken, live - this.living) - this.waiting;
	}

	/** How many wait for a place. */
	get waiting(): number {
		return this.#line.length;
	}

	/** More work or live, starts under way included, than may. */
	get isOver(): boolean {
		return this.taken > this.#limits.work || this.living > this.#limits.live;
	}

	/**
	 * Waits for a place, the lowest priority number first, then in order of arrival, and does `work` in it. The
	 * place of the start ends with `work`; an agent that works by then has one of its own.
	 * @returns false when `signal` was aborted before: nothing was done
	 */
	async during(
		task: string,
		priority: number,
		signal: AbortSignal,
		work: () => Promise<void>,
	): Promise<boolean> {
		if (!(await this.#turn(task, priority, signal))) return false;
		try {
			await work();
			return true;
		} finally {
			this.#starting.delete(task);
			this.#grant();
		}
	}

	/** News of an agent: whoever works, or lives, does whether or not there is room. */
	tell(task: string, life: Life): void {
		this.#agents.set(task, { life, since: ++this.#moment });
		this.#grant();
	}

	/** To be taken before the states are read that `keep` is told. */
	get moment(): number {
		return this.#moment;
	}

	/** By the records, all that live are `lives`; news after `moment` is newer than this. */
	keep(lives: ReadonlyMap<string, Life>, moment: number): void {
		for (const [task, { since }] of this.#agents)
			if (since <= moment && !lives.has(task)) this.#agents.delete(task);
		for (const [task, life] of lives)
			if ((this.#agents.get(task)?.since ?? 0) <= moment) this.#agents.set(task, { life, since: moment });
		this.#grant();
	}

	#turn(task: string, priority: number, signal: AbortSignal): Promise<boolean> {
		if (signal.aborted) return Promise.resolve(false);
		return new Promise((resolve) => {
			const leave = () => {
				this.#line.splice(this.#line.indexOf(waiter), 1);
				resolve(false);
			};
			const go = () => {
				signal.removeEventListener("abort", leave);
				resolve(true);
			};
			const waiter = { task, priority, order: this.#order++, go };
			signal.addEventListener("abort", leave, { once: true });
			this.#line.push(waiter);
			this.#line.sort((a, b) => a.priority - b.priority || a.order - b.order);
			this.#grant();
		});
	}

	#grant(): void {
		const { work, live } = this.#limits;
		while (this.#line.length > 0 && this.taken < work && this.living < live) {
			const next = this.#line.shift();
			if (next === undefined) return;
			this.#starting.add(next.task);
			next.go();
		}
		if (this.room > 0) this.#changed();
	}
}
