/** The looks of a screen that stays: one a second, fewer while nothing happens, one at once where a key asks for it. */
import { once } from "node:events";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { timeLimit } from "../../task/time-limit.ts";

const LOOK_MS = 1_000;
/** A screen that is left open all day costs next to nothing. */
const QUIET_LOOK_MS = 2_500;
const SLOWER = 1.1;
/** An answer of Redis that takes longer is an outage. */
const AWAY_AFTER_MS = 2_000;

export class Looks {
	readonly #signal: AbortSignal;
	readonly #draw: () => void;
	#wake = new AbortController();
	#pauseMs = LOOK_MS;
	#awaySince: number | null = null;

	/** @param draw called after each look, and while Redis does not answer */
	constructor(signal: AbortSignal, draw: () => void) {
		this.#signal = signal;
		this.#draw = draw;
	}

	/** Since when Redis does not answer, ms since the Unix epoch. */
	get awaySince(): number | null {
		return this.#awaySince;
	}

	/** Until the signal aborts. @param look says whether something is new */
	async run(look: () => Promise<boolean>): Promise<void> {
		while (!this.#signal.aborted) {
			const isNew = await this.#orAway(look);
			this.#draw();
			this.#pauseMs = isNew ? LOOK_MS : Math.min(this.#pauseMs * SLOWER, QUIET_LOOK_MS);
			await this.#pause();
		}
	}

	/** The next look comes at once. */
	soon(): void {
		this.#pauseMs = LOOK_MS;
		this.#wake.abort();
	}

	async #pause(): Promise<void> {
		this.#wake = new AbortController();
		const pause = timeLimit(this.#pauseMs, this.#signal, this.#wake.signal);
		if (!pause.signal.aborted) await once(pause.signal, "abort");
		pause.release();
	}

	/** Keeps the picture alive while Redis does not answer. */
	async #orAway(look: () => Promise<boolean>): Promise<boolean> {
		const begun = performance.now();
		const timer = setInterval(() => {
			const awayMs = performance.now() - begun;
			if (awayMs < AWAY_AFTER_MS) return;
			this.#awaySince ??= Date.now() - awayMs;
			this.#draw();
		}, LOOK_MS);
		try {
			return (await untilTaken(look, this.#signal)) === true;
		} finally {
			clearInterval(timer);
			this.#awaySince = null;
		}
	}
}
