/**
 * What went wrong in the looks at one run. Each step of a look stands in a guard of its own: one that throws is
 * told once and tried again at the next look, and the other steps go on.
 */

import { isDiskFull, isShortage } from "../process/read-file.ts";
import { isKeyFault, isOutage } from "../task/errors.ts";

/** Failures in a row after which a step is not waited for any more. */
const TRIES = 5;
const FIRST_AGAIN_MS = 200;
const LAST_AGAIN_MS = 60_000;

export class Guard {
	readonly epoch: number;
	readonly #tell: (step: string, error: unknown, times: number) => Promise<void>;
	readonly #failures = new Map<string, number>();
	readonly #errors = new Map<string, unknown>();
	readonly #told = new Set<string>();
	/** steps that failed since the look began: one that this look has no need of holds nothing up */
	readonly #failedNow = new Set<string>();

	/** @param tell may fail: it is called again with the next failure of that step */
	constructor(epoch: number, tell: (step: string, error: unknown, times: number) => Promise<void>) {
		this.epoch = epoch;
		this.#tell = tell;
	}

	beginLook(): void {
		this.#failedNow.clear();
	}

	/** @returns what `work` returns; undefined when it threw */
	async step<T>(name: string, work: () => T | Promise<T>): Promise<T | undefined> {
		try {
			const done = await work();
			this.#failures.delete(name);
			this.#errors.delete(name);
			this.#failedNow.delete(name);
			return done;
		} catch (error) {
			await this.failed(name, error);
			return undefined;
		}
	}

	async failed(name: string, error: unknown): Promise<void> {
		const tries = (this.#failures.get(name) ?? 0) + 1;
		// What is everybody's passes, however long it lasts: it makes nothing hopeless.
		const passes = isOutage(error) || isShortage(error) || isDiskFull(error) || isKeyFault(error);
		const times = passes ? Math.min(tries, TRIES - 1) : tries;
		this.#failures.set(name, times);
		this.#errors.set(name, error);
		this.#failedNow.add(name);
		if (this.#told.has(name)) return;
		await this.#tell(name, error, times).then(
			() => this.#told.add(name),
			() => {},
		);
	}

	/** Some step failed in this look. */
	get isFaulty(): boolean {
		return this.#failedNow.size > 0;
	}

	/** What fails and is tried again, the first of it. An end goes on beside the looks. */
	get trouble(): { step: string; error: unknown } | null {
		const [step] = [...this.#failedNow, ...(this.hasFailed("end") ? ["end"] : [])];
		return step === undefined ? null : { step, error: this.errorOf(step) };
	}

	/** Some other step failed in this look, and may still succeed: `step`, which depends on all of them, waits. */
	isUndecidedBefore(step: string): boolean {
		return [...this.#failedNow].some((name) => name !== step && !this.isHopeless(name));
	}

	/** The step failed so often that nothing more is expected of it. */
	isHopeless(name: string): boolean {
		return (this.#failures.get(name) ?? 0) >= TRIES;
	}

	hasFailed(name: string): boolean {
		return this.#failures.has(name);
	}

	errorOf(name: string): unknown {
		return this.#errors.get(name);
	}

	/** ms until the next look is worth it */
	get againMs(): number {
		const times = Math.max(0, ...this.#failures.values());
		return Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** Math.min(times - 1, 20));
	}
}
