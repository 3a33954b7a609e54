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
	#lookedAt = Number.NEGATIVE_INFINITY;

	constructor(context: Context, store: Store) {
		this.#context = context;
		this.#store = store;
	}

	/** Asks Redis only where one of them is queued, every two seconds. @param records as they are now */
	async tell(records: readonly TaskRecord[]): Promise<void> {
		const now = performance.now();
		if (now - this.#lookedAt < LOOK_MS) return;
		const queued = records.filter((record) => isDue(record, this.#store.clock.now()));
		const hosts = [...new Set([...queued.map(({ host }) => host), ...this.#told.keys()])];
		if (hosts.length === 0) return;
		this.#lookedAt = now;
		const words = await hostWords(this.#store, hosts);
		for (const [n, host] of hosts.entries()) this.#tellOne(host, words[n]?.drain ?? null);
	}

	#tellOne(host: string, drain: Drain | null): void {
		const { output } = this.#context;
		const told = this.#told.get(host);
		if (drain === null) {
			if (this.#told.delete(host)) output.note(`${host} takes tasks again.`);
		} else if (told?.at !== drain.at || told.by !== drain.by) {
			this.#told.set(host, drain);
			output.note(drainedLine(host, drain.by));
		}
	}

	/** What keeps one of them from starting, as seen last; null: no drain does. */
	lineFor(records: readonly TaskRecord[]): string | null {
		for (const record of records) {
			const drain = isDue(record, this.#store.clock.now()) && this.#told.get(record.host);
			if (drain) return drainedLine(record.host, drain.by);
		}
		return null;
	}
}

/** It would start, but for its host. */
function isDue({ state, hold }: TaskRecord, now: number): boolean {
	if (state !== "queued") return false;
	return hold === null || hold.kind === "answered" || (hold.until !== null && hold.until <= now);
}
