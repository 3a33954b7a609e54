/**
 * The newest tasks, and of the older ones those that matter: read as seldom as possible, all of them after an event,
 * else only the live ones.
 */

import type { Told } from "../../actions/unsigned.ts";
import { viewTasks } from "../../actions/views.ts";
import { type Here, withWaits } from "../../actions/waits.ts";
import { lastEventId } from "../../queue/records/events.ts";
import type { Store } from "../../queue/records/store.ts";
import type { DamagedTask } from "../../task/damaged.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isLive, type State } from "../../task/states.ts";
import { type Totals, totalsOf } from "../../task/totals.ts";
import type { TaskView } from "../../task/view.ts";

const NEWEST_SHOWN = 500;
/** Of the older ones, beside those that live. */
const OLDER_SHOWN = 500;

export class TaskReader {
	readonly #store: Store;
	readonly #refusedOf: (records: readonly TaskRecord[]) => ReadonlyMap<string, Told>;
	#event = "";
	#views = new Map<string, TaskView>();
	/** who lived at a look: how it ended is told here, however old it is */
	readonly #lived = new Set<string>();
	/** whether the last look found an event, or was the first */
	hasNews = true;
	/** those that this host will not start, or not again */
	refused: ReadonlyMap<string, Told> = new Map();
	/** of those that are read, those whose record cannot be */
	damaged: readonly DamagedTask[] = [];
	/** how many more there are than are read */
	unread: Totals = {};
	/** how many of those that are cancelled were skipped */
	unreadSkipped = 0;

	/**
	 * @param store role `service`: it waits out an outage
	 * @param refusedOf what of these this host will not start
	 */
	constructor(
		store: Store,
		refusedOf: (records: readonly TaskRecord[]) => ReadonlyMap<string, Told> = () => new Map(),
	) {
		this.#store = store;
		this.#refusedOf = refusedOf;
	}

	/** With why each waits: a worker that goes makes no event, and is seen at each look. One short question to Redis. */
	async readWithWaits(here: () => Here): Promise<TaskView[]> {
		const views = await this.read();
		return withWaits(this.#store, views, here, { areAll: true, refused: this.refused });
	}

	async read(): Promise<TaskView[]> {
		const store = this.#store;
		const event = await lastEventId(store);
		this.hasNews = event !== this.#event;
		if (!this.hasNews) {
			const live = [...this.#views.values()].filter(({ state }) => isLive(state)).map(({ id }) => id);
			const { records } = await store.read(live);
			// One that was damaged meanwhile makes no event: it must not stand there as it was.
			if (records.length === live.length) {
				for (const view of await viewTasks(store, records)) this.#views.set(view.id, view);
				return [...this.#views.values()];
			}
		}
		const ids = await store.ids();
		const older = await this.#olderOf(ids.slice(NEWEST_SHOWN));
		const { records, damaged } = await store.read([...ids.slice(0, NEWEST_SHOWN), ...older.read]);
		this.#views = new Map((await viewTasks(store, records)).map((view) => [view.id, view]));
		this.#keepLived();
		this.refused = this.#refusedOf(records);
		this.damaged = damaged;
		this.unread = totalsOf(older.unread.map(([, state]) => state));
		const cancelled = older.unread.filter(([, state]) => state === "cancelled").map(([id]) => id);
		this.unreadSkipped = (await store.skippedOf(cancelled)).length;
		this.#event = event;
		return [...this.#views.values()];
	}

	/** Of the older ones all that live, and as many as there is room for of those that need somebody first. */
	async #olderOf(ids: readonly string[]): Promise<{ read: string[]; unread: [string, State | null][] }> {
		if (ids.length === 0) return { read: [], unread: [] };
		const states = [...(await this.#store.states(ids))];
		const queued = states.filter(([, state]) => state === "queued").map(([id]) => id);
		const held = new Set(await this.#store.heldOf(queued));
		const needs: ((id: string, state: State | null) => boolean)[] = [
			// One that does not say how it is can only be removed.
			(_, state) => state === "parked" || state === null,
			(id) => this.#lived.has(id),
			(_, state) => state === "failed",
			(id) => held.has(id),
		];
		const live = states.filter(([, state]) => state !== null && isLive(state));
		const others = new Set(needs.flatMap((isOne) => states.filter((each) => isOne(...each))));
		const read = new Set([...live, ...[...others].slice(0, OLDER_SHOWN)].map(([id]) => id));
		return { read: [...read], unread: states.filter(([id]) => !read.has(id)) };
	}

	#keepLived(): void {
		for (const { id, state } of this.#views.values()) if (isLive(state)) this.#lived.add(id);
		for (const id of this.#lived) {
			if (this.#lived.size <= OLDER_SHOWN) break;
			this.#lived.delete(id);
		}
	}
}
