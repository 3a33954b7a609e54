/**
 * The one manner in which everything that runs is started and stopped. A service is used once:
 *
 * - `start` twice is one start, `stop` twice is one stop.
 * - `stop` without a start is no fault.
 * - A `start` that fails has closed what it had opened, before it throws.
 * - `stop` during a start ends it: the start throws, and what it still opens is closed at once.
 * - `stop` is final, also one that came before the start: a later `start` throws. Make a new service.
 *
 * What was opened is closed in the reverse order. `test/house/lifecycle.test.ts` tries every service.
 */
type Close = () => unknown;

export abstract class Service {
	#starting: Promise<void> | undefined;
	#stopping: Promise<void> | undefined;
	readonly #closes: Close[] = [];
	readonly #ended = new AbortController();

	/** Resolves when the service works. */
	start(): Promise<void> {
		if (this.isStopped) return Promise.reject(this.#wasStopped());
		this.#starting ??= this.#start();
		return this.#starting;
	}

	/** Resolves when nothing is left open; throws the first fault of a close, after all were tried. */
	stop(): Promise<void> {
		this.#stopping ??= this.#stop();
		return this.#stopping;
	}

	/** Whether `stop` was called: what is still under way should open nothing more. */
	protected get isStopped(): boolean {
		return this.#ended.signal.aborted;
	}

	/** The steps of the start; none where things are opened as they are used. Each calls `onStop` for what it opened. */
	protected async open(): Promise<void> {}

	/** @throws when the service was stopped meanwhile; then it is closed at once */
	protected onStop(close: Close): void {
		if (!this.isStopped) {
			this.#closes.push(close);
			return;
		}
		void tryAll([close]);
		throw this.#wasStopped();
	}

	async #start(): Promise<void> {
		const ended = new Promise<never>((_, reject) => {
			this.#ended.signal.addEventListener("abort", () => reject(this.#wasStopped()), { once: true });
		});
		try {
			await Promise.race([this.open(), ended]);
		} catch (error) {
			await this.stop().catch(() => {});
			throw error;
		}
	}

	async #stop(): Promise<void> {
		this.#ended.abort();
		const faults = await tryAll(this.#closes.splice(0).reverse());
		if (faults.length > 0) throw faults[0];
	}

	#wasStopped(): Error {
		return new Error(`${this.constructor.name} was stopped`);
	}
}

/** One after the other, all of them. @returns what they threw */
async function tryAll(closes: readonly Close[]): Promise<unknown[]> {
	const faults: unknown[] = [];
	for (const close of closes) {
		try {
			await close();
		} catch (error) {
			faults.push(error);
		}
	}
	return faults;
}

/** Waits for a close no longer than `limitMs`; its fault counts as its end. @returns whether it ended */
export async function endsWithin(limitMs: number, closing: Promise<unknown>): Promise<boolean> {
	let timer: NodeJS.Timeout | undefined;
	const limit = new Promise<boolean>((resolve) => {
		timer = setTimeout(() => resolve(false), limitMs);
	});
	const ended = closing.then(
		() => true,
		() => true,
	);
	return Promise.race([ended, limit]).finally(() => clearTimeout(timer));
}
