/**
 * What fails again and again, for the log: told at once, then with pauses that grow, and told once it is over. Who tries
 * says only what failed: what was not said for a while is over.
 */
import type { Logger } from "pino";

const FIRST_PAUSE_MS = 60_000;
const LAST_PAUSE_MS = 3_600_000;
/** Longer than the longest pause between two tries of anything. */
const OVER_MS = 3 * 60_000;
/** Another error is another fault; more than these differ only in what they name. */
const ERRORS_AT_ONCE = 5;

interface Told {
	facts: object;
	message: string;
	/** how often it failed, all in all and since it was told last */
	times: number;
	untold: number;
	/** monotonic ms */
	lastAt: number;
	nextAt: number;
	pauseMs: number;
	/** errors that were told of it, their numbers left out */
	errors: Set<string>;
}

export class ToldFaults {
	readonly #log: Pick<Logger, "warn" | "info">;
	readonly #monotonic: () => number;
	readonly #told = new Map<string, Told>();

	constructor(log: Pick<Logger, "warn" | "info">, monotonic: () => number = () => performance.now()) {
		this.#log = log;
		this.#monotonic = monotonic;
	}

	get size(): number {
		return this.#told.size;
	}

	/** @param facts the same ones with the same message are the same fault; an error that is new to it is told at once */
	tell(facts: object, error: unknown, message: string): void {
		const now = this.#monotonic();
		const key = JSON.stringify([message, facts]);
		const told = this.#told.get(key) ?? {
			...{ facts, message, times: 0, untold: 0, lastAt: now, nextAt: now, pauseMs: FIRST_PAUSE_MS },
			errors: new Set(),
		};
		this.#told.set(key, told);
		told.times++;
		told.lastAt = now;
		const kind = String(error).replace(/\d+/g, "#");
		const isNew = told.errors.size < ERRORS_AT_ONCE && !told.errors.has(kind);
		if (isNew) told.errors.add(kind);
		const isDue = now >= told.nextAt;
		if (isDue || !isNew) told.untold++;
		if (!isDue && !isNew) return;
		const times = isDue && told.untold > 1 ? { times: told.untold } : {};
		this.#log.warn({ ...facts, error: String(error), ...times }, message);
		if (!isDue) return;
		told.untold = 0;
		told.nextAt = now + told.pauseMs;
		told.pauseMs = Math.min(LAST_PAUSE_MS, told.pauseMs * 2);
	}

	/** To be called from time to time. */
	tellOver(): void {
		const now = this.#monotonic();
		for (const [key, { facts, message, times, lastAt }] of this.#told) {
			if (now - lastAt < OVER_MS) continue;
			this.#told.delete(key);
			// What failed once was told as that.
			if (times > 1) this.#log.info({ ...facts, times, was: message }, "it fails no longer");
		}
	}
}
