/**
 * Clearings of removed tasks, each beside all others: one may take long, since git works in a worktree that an agent had,
 * or since a start of a new task of its id is under way. Whoever looks again begins none anew that goes on.
 */
import type { RemovedTask } from "../queue/records/removed-task.ts";
import { endsWithin } from "../task/service.ts";

export type Cleared = { kind: "underWay" } | { kind: "done" } | { kind: "failed"; error: unknown };

export interface Clearing {
	/** null: it is to be begun, also once more */
	end: Promise<void> | null;
	outcome: Cleared;
	/** its worktree stays for good, which was told: nobody looks at it again */
	keepsWorktree: boolean;
	/** null: git was never too slow over its worktree */
	slow: Slow | null;
}

/** A slow machine, or disk, may be a faster one later: git is tried again, each time later and for longer. */
interface Slow {
	/** ms of the clearings' clock */
	again: number;
	tries: number;
	error: Error;
}

const FIRST_PAUSE_MS = 60_000;
/** As long as any git of ours may take. */
const MOST_GIT_MS = 10 * 60_000;

const PATIENCE_MS = 2_000;

/** For how long one pass over all notices waits for clearings, however many times it asks: what is over by then is told. */
export class Patience {
	#leftMs = PATIENCE_MS;

	async wait(ends: Promise<unknown>): Promise<void> {
		const begun = performance.now();
		await endsWithin(this.#leftMs, ends);
		this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - begun));
	}
}

/** In memory: who starts anew begins anew. */
export class Clearings {
	#known = new Map<string, Clearing>();
	#met = new Map<string, Clearing>();
	/** Directories take descriptors, and git, which may hang, processes. */
	readonly files = new AtOnce(8);
	readonly gits = new AtOnce(4);
	readonly #now: () => number;

	/** @param now ms of a clock that nobody sets */
	constructor(now: () => number = () => performance.now()) {
		this.#now = now;
	}

	/** @param firstMs of the first try. @returns how long git may take over its worktree now. @throws why it is not time yet */
	gitLimit({ slow }: Clearing, firstMs: number): number {
		if (slow === null) return firstMs;
		if (this.#now() < slow.again) throw slow.error;
		return Math.min(firstMs * 2 ** slow.tries, MOST_GIT_MS);
	}

	/** @returns what to throw, the same one each time */
	tooSlow(clearing: Clearing, why: string): Error {
		const { tries, error } = clearing.slow ?? { tries: 0, error: new Error(why) };
		clearing.slow = { again: this.#now() + FIRST_PAUSE_MS * 2 ** tries, tries: tries + 1, error };
		return error;
	}

	/** @param clear begins one. @returns how it is with each; what has ended is begun anew the next time */
	async of<T extends RemovedTask>(
		tasks: readonly T[],
		patience: Patience,
		clear: (task: T, clearing: Clearing) => Promise<void>,
	): Promise<Map<T, Cleared>> {
		const asked = tasks.map((task) => ({ task, clearing: this.#begun(task, clear) }));
		await patience.wait(Promise.all(asked.map(({ clearing }) => clearing.end)));
		const found = new Map(asked.map(({ task, clearing }) => [task, clearing.outcome]));
		for (const { clearing } of asked) if (clearing.outcome.kind !== "underWay") clearing.end = null;
		return found;
	}

	#begun<T extends RemovedTask>(task: T, clear: (task: T, clearing: Clearing) => Promise<void>): Clearing {
		const name = `${task.id} ${task.nonce}`;
		const before = this.#met.get(name) ?? this.#known.get(name);
		const clearing: Clearing = before ?? {
			end: null,
			outcome: { kind: "underWay" },
			...{ keepsWorktree: false, slow: null },
		};
		this.#met.set(name, clearing);
		if (clearing.end !== null) return clearing;
		clearing.outcome = { kind: "underWay" };
		clearing.end = clear(task, clearing).then(
			() => {
				clearing.outcome = { kind: "done" };
			},
			(error: unknown) => {
				clearing.outcome = { kind: "failed", error };
			},
		);
		return clearing;
	}

	/** All notices were looked at: what was not met again is nobody's any more. */
	turn(): void {
		[this.#known, this.#met] = [this.#met, new Map()];
	}

	/** Resolves when none is under way. */
	async ended(): Promise<void> {
		await Promise.all([...this.#known.values(), ...this.#met.values()].map(({ end }) => end));
	}
}

/** Does so many things at a time, in their order. */
class AtOnce {
	#free: number;
	readonly #waiting: (() => void)[] = [];

	constructor(most: number) {
		this.#free = most;
	}

	async run<T>(work: () => Promise<T>): Promise<T> {
		if (this.#free > 0) this.#free--;
		else await new Promise<void>((turn) => this.#waiting.push(turn));
		try {
			return await work();
		} finally {
			const next = this.#waiting.shift();
			if (next === undefined) this.#free++;
			else next();
		}
	}
}
