/** What a parser remembers of what an agent said: so much and no more, however long it goes on. */

const LONGEST_NAME = 200;

/** Whether it is short enough to be remembered: ids and names of messages and tools are. */
export function isName(text: string): boolean {
	return text.length <= LONGEST_NAME;
}

/** A map of the newest entries. */
export class Bounded<T> {
	readonly #entries = new Map<string, T>();
	readonly #most: number;

	constructor(most: number) {
		this.#most = most;
	}

	get size(): number {
		return this.#entries.size;
	}

	get(name: string): T | undefined {
		return this.#entries.get(name);
	}

	has(name: string): boolean {
		return this.#entries.has(name);
	}

	set(name: string, value: T): void {
		this.#entries.delete(name);
		this.#entries.set(name, value);
		const [oldest] = this.#entries.keys();
		if (this.#entries.size > this.#most && oldest !== undefined) this.#entries.delete(oldest);
	}

	clear(): void {
		this.#entries.clear();
	}
}
