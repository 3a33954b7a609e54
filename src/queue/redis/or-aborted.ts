/** Waiting for a Redis that may be away, or refuse everybody for a while: it loads, a script blocks it, its disk is full. */
import { setTimeout as sleep } from "node:timers/promises";
import { isOutage } from "../../task/errors.ts";

const AGAIN_MS = 250;

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
