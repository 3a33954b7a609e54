/** Waiting for a Redis that may be away, or refuse everybody for a while: it loads, a script blocks it, its disk is full. */
import { setTimeout as sleep } from "node:timers/promises";
import { isOutage } from "../../task/errors.ts";

const AGAIN_MS = 250;
/** A look at a Redis that answers takes less; a shorter time limit still gets one look. */
export const ONE_LOOK_MS = 2_000;
/** A limit that ends a look sooner says nothing of Redis. */
const SILENT_MS = 1_500;

/** Whether the looks of a wait are answered, and since when they are not. */
export class Answers {
	#lastAt = performance.now();
	#isRefused = false;

	/** @param looked what came of a look, or "away", or "aborted" where a limit came first */
	saw(looked: unknown): void {
		if (looked === "away") this.#isRefused = true;
		if (looked === "away" || looked === "aborted") return;
		this.#isRefused = false;
		this.#lastAt = performance.now();
	}

	/** ms since the Unix epoch: the last answer, or the beginning; null: Redis is there, as far as is known. */
	get awaySince(): number | null {
		const silentMs = performance.now() - this.#lastAt;
		return this.#isRefused || silentMs >= SILENT_MS ? Date.now() - silentMs : null;
	}
}

/** @returns "aborted" as soon as `signal` is, though the work may still wait for a Redis that is away */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
	return new Promise((resolve, reject) => {
		const stop = () => resolve("aborted");
		signal.addEventListener("abort", stop, { once: true });
		if (signal.aborted) stop();
		work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
	});
}

/** @returns "away" where the server refused: that is waited out like one that does not answer */
export async function unlessAway<T>(looking: Promise<T>): Promise<T | "away"> {
	try {
		return await looking;
	} catch (error) {
		if (isOutage(error)) return "away";
		throw error;
	}
}

/**
 * Looks again until the server takes it.
 * @param look may be called several times: what a refused one has done is done
 * @returns "aborted" as soon as `signal` is
 */
export async function untilTaken<T>(look: () => Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
	for (;;) {
		const looked = await orAborted(unlessAway(look()), signal);
		if (looked !== "away") return looked;
		await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
	}
}
