/** Runs work of the same name one after the other, and work of different names side by side. */
export class Serial {
	readonly #tails = new Map<string, Promise<unknown>>();

	/** Names with work under way. */
	get size(): number {
		return this.#tails.size;
	}

	run<T>(name: string, work: () => Promise<T>): Promise<T> {
		const before = this.#tails.get(name) ?? Promise.resolve();
		const mine = before.then(work, work);
		const tail = mine.catch(() => {});
		this.#tails.set(name, tail);
		void tail.then(() => {
			if (this.#tails.get(name) === tail) this.#tails.delete(name);
		});
		return mine;
	}
}
