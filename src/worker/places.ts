/**
 * Starts are limited, not lives. A place is taken by a working agent and freed when it asks or ends; an
 * answered agent takes its place back even over the limit, and no new start happens until that recovers.
 */
export class Places {
	readonly #limit: number;
	readonly #taken = new Set<string>();
	readonly #line: { task: string; priority: number; order: number; go: (granted: boolean) => void }[] = [];
	#order = 0;

	constructor(limit: number) {
		this.#limit = limit;
	}

	get taken(): number {
		return this.#taken.size;
	}

	/** Waits for a place, the lowest priority number first, then in order of arrival; false when aborted. */
	acquire(task: string, priority: number, signal: AbortSignal): Promise<boolean> {
		return new Promise((resolve) => {
			const waiter = { task, priority, order: this.#order++, go: resolve };
			signal.addEventListener("abort", () => {
				const at = this.#line.indexOf(waiter);
				if (at < 0) return;
				this.#line.splice(at, 1);
				resolve(false);
			});
			if (signal.aborted) return resolve(false);
			this.#line.push(waiter);
			this.#line.sort((a, b) => a.priority - b.priority || a.order - b.order);
			this.#grant();
		});
	}

	/** A live agent works: its place is taken whether or not there is room. */
	occupy(task: string): void {
		this.#taken.add(task);
	}

	free(task: string): void {
		this.#taken.delete(task);
		this.#grant();
	}

	#grant(): void {
		while (this.#line.length > 0 && this.#taken.size < this.#limit) {
			const next = this.#line.shift();
			if (next === undefined) return;
			this.#taken.add(next.task);
			next.go(true);
		}
	}
}
