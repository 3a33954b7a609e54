/** One timer for each name; a later call of an earlier moment counts. None keeps the process alive. */
export class Timers {
	readonly #timers = new Map<string, { timer: NodeJS.Timeout; at: number }>();

	get size(): number {
		return this.#timers.size;
	}

	set(name: string, ms: number, work: () => void): void {
		const at = performance.now() + ms;
		const known = this.#timers.get(name);
		if (known !== undefined && known.at <= at) return;
		clearTimeout(known?.timer);
		const timer = setTimeout(() => {
			this.#timers.delete(name);
			work();
		}, ms);
		this.#timers.set(name, { timer: timer.unref(), at });
	}

	cancel(name: string): void {
		clearTimeout(this.#timers.get(name)?.timer);
		this.#timers.delete(name);
	}

	clear(): void {
		for (const name of [...this.#timers.keys()]) this.cancel(name);
	}
}
