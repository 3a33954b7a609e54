/**
 * Starts are limited, not lives. A place is taken by a start that is under way and by a working agent; an
 * asking or ended agent has none. An answered agent takes its place back even over the limit, and no new start
 * happens until that recovers.
 *
 * The record's state is the truth. News of states is a hint: what a lost one left behind, `keep` releases.
 */
export class Places {
	#limit: number;
	/** starts under way: each has an owner that releases it, whatever is thrown */
	readonly #starting = new Set<string>();
	/** working agents, with the moment (a count of changes) of the last news */
	readonly #working = new Map<string, number>();
	readonly #line: { task: string; priority: number; order: number; go: () => void }[] = [];
	#order = 0;
	#moment = 0;

	constructor(limit: number) {
		this.#limit = limit;
	}

	get limit(): number {
		return this.#limit;
	}

	/** A higher one lets the line move on at once; a lower one ends nothing. */
	setLimit(limit: number): void {
		this.#limit = limit;
		this.#grant();
	}

	get taken(): number {
		let starting = 0;
		for (const task of this.#starting) if (!this.#working.has(task)) starting++;
		return this.#working.size + starting;
	}

	/** How many wait for a place. */
	get waiting(): number {
		return this.#line.length;
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

	/** A live agent works: its place is taken whether or not there is room. */
	occupy(task: string): void {
		this.#working.set(task, ++this.#moment);
	}

	free(task: string): void {
		if (this.#working.delete(task)) this.#grant();
	}

	/** To be taken before the states are read that `keep` is told. */
	get moment(): number {
		return this.#moment;
	}

	/** Releases every agent's place but those of `working`; news after `moment` is newer than this. */
	keep(working: ReadonlySet<string>, moment: number): void {
		for (const [task, since] of this.#working)
			if (since <= moment && !working.has(task)) this.#working.delete(task);
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
		while (this.#line.length > 0 && this.taken < this.#limit) {
			const next = this.#line.shift();
			if (next === undefined) return;
			this.#starting.add(next.task);
			next.go();
		}
	}
}
