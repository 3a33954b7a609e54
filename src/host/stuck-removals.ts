/** Removed tasks that their host could not clear so far: how long it is tried, and what was told of it. */
import type { RemovedTask } from "../queue/records/removed-task.ts";

/** Who locked a directory, or unlocks it, may come the next day. Then the files stay, and the notice goes. */
const TRIED_MS = 24 * 60 * 60_000;

interface Stuck {
	/** ms of this process's own clock */
	since: number;
	/** the last fault: the same one is told once */
	told: string;
}

/** In memory: who starts anew tries as long again. */
export class StuckRemovals {
	readonly #now: () => number;
	#known = new Map<string, Stuck>();
	#met = new Map<string, Stuck>();

	/** @param now ms of a clock that nobody sets */
	constructor(now: () => number = () => performance.now()) {
		this.#now = now;
	}

	/** Of a task that is being cleared once more: what was told of it still holds. */
	keep(task: RemovedTask): void {
		const name = nameOf(task);
		const before = this.#known.get(name);
		if (before !== undefined) this.#met.set(name, before);
	}

	/** Of a task that could not be cleared. @returns whether it was tried for long enough, and whether that is new */
	note(task: RemovedTask, fault: string): { isOver: boolean; isNew: boolean } {
		const name = nameOf(task);
		const before = this.#known.get(name);
		const since = before?.since ?? this.#now();
		this.#met.set(name, { since, told: fault });
		return { isOver: this.#now() - since >= TRIED_MS, isNew: before?.told !== fault };
	}

	/** All notices were looked at: what was not met again is not stuck any more. */
	turn(): void {
		[this.#known, this.#met] = [this.#met, new Map()];
	}
}

function nameOf({ id, nonce }: RemovedTask): string {
	return `${id} ${nonce}`;
}
