import { type Drain, hostWords } from "../../queue/records/hosts.ts";
import type { Store } from "../../queue/records/store.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { drainedLine } from "./host-lines.ts";

const LOOK_MS = 2_000;

/**
 * Tells whoever waits for tasks that a host of theirs starts nothing new, since a person wants it so, and that it does
 * again; each once. On stderr, and with `--json` too: nobody else tells why nothing happens.
 */
export class DrainTeller {
	readonly #context: Context;
	readonly #store: Store;
	/** by host: the drain that was told */
	readonly #told = new Map<string, Drain>();
	readonly #isTold: boolean;
	#lookedAt = Number.NEGATIVE_INFINITY;
	/** those that would start, but for their host, as seen last */
	#due: readonly TaskRecord[] = [];

	/** @param isTold somebody else tells it: this one only knows */
	constructor(context: Context, store: Store, { isTold = false } = {}) {
		this.#isTold = isTold;
		this.#context = context;
		this.#store = store;
	}

	/** Every two seconds; Redis is asked only where one of them is queued. @param read gives them as they are then */
	async tell(read: () => readonly TaskRecord[] | Promise<readonly TaskRecord[]>): Promise<void> {
		const now = performance.now();
		if (now - this.#lookedAt < LOOK_MS) return;
		this.#lookedAt = now;
		this.#due = (await read()).filter((record) => isDue(record, this.#store.clock.now()));
		const hosts = [...new Set([...this.#due.map(({ host }) => host), ...this.#told.keys()])];
		if (hosts.length === 0) return;
		const words = await hostWords(this.#store, hosts);
		for (const [n, host] of hosts.entries()) this.#tellOne(host, words[n]?.drain ?? null);
	}

	#tellOne(host: string, drain: Drain | null): void {
		const told = this.#told.get(host);
		if (drain === null) {
			if (this.#told.delete(host)) this.#note(`${host} takes tasks again.`);
		} else if (told?.at !== drain.at || told.by !== drain.by) {
			this.#told.set(host, drain);
			this.#note(drainedLine(host, drain.by));
		}
	}

	#note(line: string): void {
		if (!this.#isTold) this.#context.output.note(line);
	}

	/** What keeps one of them from starting, as seen last; null: no drain does. */
	get line(): string | null {
		for (const { host } of this.#due) {
			const drain = this.#told.get(host);
			if (drain !== undefined) return drainedLine(host, drain.by);
		}
		return null;
	}
}

/** It would start, but for its host. */
function isDue({ state, hold }: TaskRecord, now: number): boolean {
	if (state !== "queued") return false;
	return hold === null || hold.kind === "answered" || (hold.until !== null && hold.until <= now);
}
