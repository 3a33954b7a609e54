import { viewTasks } from "../../actions/views.ts";
import { withWaits } from "../../actions/waits.ts";
import { type Drain, hostWords } from "../../queue/records/hosts.ts";
import type { Store } from "../../queue/records/store.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isLive } from "../../task/states.ts";
import type { Wait } from "../../task/wait.ts";
import type { Context } from "../context.ts";
import { hereOf } from "./here.ts";
import { drainedLine } from "./host-lines.ts";

const LOOK_MS = 2_000;

/** Waits that others tell of: who has the host drained, starts that fail, what was asked for; and those that soon end. */
const UNTOLD: ReadonlySet<Wait["kind"]> = new Set([
	...(["worker", "host", "trouble", "order", "tasks", "time", "start"] as const),
]);

/**
 * Tells whoever waits for tasks why nothing happens: that a host of theirs starts nothing new, since a person wants it
 * so, and that it does again; and where none of them is at work, what the first of each host waits for. Each once. On
 * stderr, and with `--json` too: nobody else tells it.
 */
export class StallTeller {
	readonly #context: Context;
	readonly #store: Store;
	/** by host: the drain that was told */
	readonly #told = new Map<string, Drain>();
	readonly #isTold: boolean;
	/** of these, and of the look before: `<host> <kind of wait>` */
	readonly #toldWaits = new Set<string>();
	#seenWaits: ReadonlySet<string> = new Set();
	#wait: string | null = null;
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
		const records = await read();
		this.#due = records.filter((record) => isDue(record, this.#store.clock.now()));
		await this.#lookAtDrains();
		await this.#lookAtWaits(records);
	}

	async #lookAtDrains(): Promise<void> {
		const hosts = [...new Set([...this.#due.map(({ host }) => host), ...this.#told.keys()])];
		if (hosts.length === 0) return;
		const words = await hostWords(this.#store, hosts);
		for (const [n, host] of hosts.entries()) this.#tellOne(host, words[n]?.drain ?? null);
	}

	/** What is so at two looks is told: places come and go. */
	async #lookAtWaits(records: readonly TaskRecord[]): Promise<void> {
		this.#wait = null;
		const before = this.#seenWaits;
		const seen = new Set<string>();
		this.#seenWaits = seen;
		if (records.some(({ state }) => isLive(state))) return;
		const first = new Map([...records.filter(isUntold)].reverse().map((record) => [record.host, record]));
		for (const host of this.#told.keys()) first.delete(host);
		if (first.size === 0) return;
		const url = await this.#context.redisUrl();
		const views = await viewTasks(this.#store, [...first.values()]);
		for (const { id, host, waits } of await withWaits(this.#store, views, () => hereOf(this.#context, url))) {
			if (waits === null || waits === undefined || UNTOLD.has(waits.kind)) continue;
			this.#wait ??= waits.text;
			const name = `${host} ${waits.kind}`;
			seen.add(name);
			if (!before.has(name) || this.#toldWaits.has(name)) continue;
			this.#toldWaits.add(name);
			this.#note(`\`${id}\`: ${waits.text}`);
		}
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

	/** What keeps one of them from starting, as seen last; null: nothing that is known. */
	get line(): string | null {
		for (const { host } of this.#due) {
			const drain = this.#told.get(host);
			if (drain !== undefined) return drainedLine(host, drain.by);
		}
		return this.#wait;
	}
}

/** Why it waits was not told with the start that failed. */
function isUntold({ state, hold, outcome }: TaskRecord): boolean {
	return state === "queued" && (hold === null || outcome?.kind !== "queued");
}

/** It would start, but for its host. */
function isDue({ state, hold }: TaskRecord, now: number): boolean {
	if (state !== "queued") return false;
	return hold === null || hold.kind === "answered" || (hold.until !== null && hold.until <= now);
}
