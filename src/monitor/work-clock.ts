/**
 * The clocks of one live agent, in monotonic ms, so that a wall clock that jumps ends nobody: time at
 * work (for `--deadline`) and time without a sign of life (for `stuck`). Both stand while it asks.
 */
import type { TaskRecord } from "../task/record.ts";

/**
 * A tree that uses less than this share of a core shows no sign of life. A CLI that only waits is not idle: claude
 * 2.1.330 takes 1 to 1.5 % of a core while a tool hangs, and 4.8 % in one look of ten.
 */
const BUSY_SHARE = 0.06;
const TICKS_PER_SECOND = 100;
/** Reading CPU time means a walk over all processes: only for agents that are silent, and not often. */
const CPU_LOOK_MS = 10_000;
const CPU_LOOKS = 8;
/** Two looks tell what was used between them: both have to come before the limit does. */
const SHARE_BEFORE_LOOK = 1 / 3;

/** Looks come far more often; what is longer was no silence that anybody heard. */
const UNSEEN_MS = 60_000;
/** Nor is all of a short limit one silence: what was said in it is read after the look at the clock. */
const SHARE_OF_LIMIT = 0.5;

export interface Times {
	/** monotonic ms */
	now: number;
	/** ms since the Unix epoch, by the clock that the record's times are of */
	redisNow: number;
	/** ms since the agent was started; null where that cannot be told */
	ageMs: number | null;
	/** ms without a sign of life that were heard before */
	silentMs?: number;
}

export class WorkClock {
	#workedMs: number;
	#last: number;
	#signAt: number;
	#cpu: { at: number; ticks: number } | null = null;
	/** ms of silence before the first look at the CPU, and between two of them */
	readonly #cpuLookMs: number;
	/** ms between two looks that count as silence at most */
	readonly #heardMs: number;

	constructor(record: TaskRecord, { now, redisNow, ageMs, silentMs = 0 }: Times) {
		const since = record.workingSince;
		const elapsed = since === null ? 0 : Math.max(0, redisNow - since);
		// A clock that was moved makes nobody older than its process.
		this.#workedMs = record.workedMs + Math.min(elapsed, ageMs ?? Number.POSITIVE_INFINITY);
		this.#last = now;
		this.#signAt = now - silentMs;
		this.#heardMs = Math.min(UNSEEN_MS, record.spec.inactivityMs * SHARE_OF_LIMIT);
		const { inactivityMs } = record.spec;
		this.#cpuLookMs = Math.max(
			Math.min(CPU_LOOK_MS, inactivityMs * SHARE_BEFORE_LOOK),
			inactivityMs / CPU_LOOKS,
		);
	}

	get workedMs(): number {
		return this.#workedMs;
	}

	/** To be called at every look; @returns ms since the last sign of life */
	tick(now: number, state: { asking: boolean; sign: boolean }, cpuTicks: () => number): number {
		// While nobody looked (this process was stopped, or had no turn) there may have been many signs.
		this.#signAt += Math.max(0, now - this.#last - this.#heardMs);
		if (state.asking) {
			this.#signAt = now;
			this.#cpu = null;
		} else this.#workedMs += now - this.#last;
		this.#last = now;
		if (state.sign) {
			this.#signAt = now;
			this.#cpu = null;
		} else if (now - this.#signAt >= this.#cpuLookMs) this.#lookAtCpu(now, cpuTicks);
		return now - this.#signAt;
	}

	#lookAtCpu(now: number, cpuTicks: () => number): void {
		const before = this.#cpu;
		if (before !== null && now - before.at < this.#cpuLookMs) return;
		const ticks = ticksOf(cpuTicks);
		if (ticks === null) {
			// Where nobody could look, nobody was silent.
			this.#signAt = now;
			return;
		}
		this.#cpu = { at: now, ticks };
		if (before === null) return;
		const share = (ticks - before.ticks) / TICKS_PER_SECOND / ((now - before.at) / 1_000);
		if (share >= BUSY_SHARE) this.#signAt = now;
	}
}

/** null: it cannot be told now. The other limits count all the same. */
function ticksOf(cpuTicks: () => number): number | null {
	try {
		return cpuTicks();
	} catch {
		return null;
	}
}
