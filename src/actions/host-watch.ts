/**
 * Whether waiting still makes sense. A host that is gone may come back (a machine wakes up, Redis was away for a
 * minute, and with it every heartbeat), so it is believed only after it stayed away while we looked.
 */
import { lostHosts } from "../queue/records/lost-hosts.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";

const LOOK_MS = 2_000;
/** A daemon beats every 10 s: this long after an outage of Redis all living hosts have beaten. */
export const BELIEVED_MS = 15_000;

export class HostWatch {
	readonly #store: Store;
	#lookedAt = Number.NEGATIVE_INFINITY;
	#goneSince: number | null = null;

	constructor(store: Store) {
		this.#store = store;
	}

	/** Whether the last look found none of them; not yet believed. */
	get seemGone(): boolean {
		return this.#goneSince !== null;
	}

	/** @param records what is waited for; @returns whether all of their hosts have been gone for long enough */
	async areGone(records: readonly TaskRecord[]): Promise<boolean> {
		const now = performance.now();
		if (records.length > 0 && now - this.#lookedAt >= LOOK_MS) {
			this.#lookedAt = now;
			const lost = await lostHosts(this.#store, records);
			this.#goneSince = records.every(({ host }) => lost.has(host)) ? (this.#goneSince ?? now) : null;
		}
		return this.#goneSince !== null && now - this.#goneSince >= BELIEVED_MS;
	}
}
