/** The newest tasks and those that ask, read as seldom as possible: all after an event, else only the live ones. */

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

const TASKS_SHOWN = 500;

export class TaskReader {
	readonly #store: Store;
	readonly #refusedOf: (records: readonly TaskRecord[]) => ReadonlyMap<string, Told>;
	#event = "";
	#views = new Map<string, TaskView>();
	/** whether the last look found an event, or was the first */
	hasNews = true;
	/** those that this host will not start, or not again */
	refused: ReadonlyMap<string, Told> = new Map();
	/** of the newest, those whose record cannot be read */
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
		const areAll = Object.keys(this.unread).length === 0;
		return withWaits(this.#store, views, here, { areAll, refused: this.refused });
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
		const { records: newest, damaged } = await store.newest(TASKS_SHOWN);
		const shown = new Set(newest.map(({ spec }) => spec.id));
		const asking = (await store.openQuestions()).map(({ task }) => task).filter((id) => !shown.has(id));
		const others = await store.getMany([...new Set(asking)]);
		this.#views = new Map((await viewTasks(store, [...newest, ...others])).map((view) => [view.id, view]));
		this.refused = this.#refusedOf(newest);
		this.damaged = damaged;
		const unread = newest.length + damaged.length < TASKS_SHOWN ? [] : await this.#statesOfUnread();
		const cancelled = unread.filter(([, state]) => state === "cancelled").map(([id]) => id);
		this.unread = totalsOf(unread.map(([, state]) => state));
		this.unreadSkipped = (await store.skippedOf(cancelled)).length;
		this.#event = event;
		return [...this.#views.values()];
	}

	async #statesOfUnread(): Promise<[string, State | null][]> {
		return [...(await this.#store.states())].filter(([id]) => !this.#views.has(id));
	}
}
