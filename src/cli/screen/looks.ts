/** The looks of a screen that stays: one a second, fewer while nothing happens, one at once where a key asks for it. */
import { once } from "node:events";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { timeLimit } from "../../task/time-limit.ts";

const LOOK_MS = 1_000;
/** A screen that is left open all day costs next to nothing. */
const QUIET_LOOK_MS = 2_500;
const SLOWER = 1.1;
/** A look that takes longer may be an outage: Redis is asked for a word that costs nothing. */
const AWAY_AFTER_MS = 2_000;
/** It says that one, and nothing else comes of it: as good as away. */
const UNREAD_MS = 30_000;
/** A timer that comes so late tells that it is this process that had no turn. */
const LATE_MS = 500;

/** A Redis, which answers to this where it answers to anything. */
interface Asked {
	client: { ping(): Promise<unknown> };
}

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

	/** Until the signal aborts. @param store where it looks. @param look says whether something is new */
	async run(store: Asked, look: () => Promise<boolean>): Promise<void> {
		while (!this.#signal.aborted) {
			const isNew = await this.#orAway(store, look);
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

	/** Keeps the picture alive while Redis does not answer. A process that is only slow says nothing of Redis. */
	async #orAway(store: Asked, look: () => Promise<boolean>): Promise<boolean> {
		const begun = performance.now();
		let heardAt = begun;
		let tickedAt = begun;
		let isAsked = false;
		const ask = async () => {
			isAsked = true;
			try {
				await store.client.ping();
				heardAt = performance.now();
			} catch {
				// It refuses, or was cut.
			} finally {
				isAsked = false;
			}
		};
		const timer = setInterval(() => {
			const now = performance.now();
			const isLate = now - tickedAt > LOOK_MS + LATE_MS;
			tickedAt = now;
			if (isLate && this.#awaySince === null) heardAt = Math.max(heardAt, now - LOOK_MS);
			const isUnread = now - begun >= UNREAD_MS;
			if (!isAsked) void ask();
			if (now - heardAt < AWAY_AFTER_MS && !isUnread) {
				this.#awaySince = null;
				return;
			}
			this.#awaySince ??= Date.now() - (now - (isUnread ? begun : heardAt));
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
