/** All hosts of a namespace: what each said last, what of it is damaged, and what it has to do. */
import type { HostState } from "../../task/host.ts";
import { HOST_FORM } from "../../task/spec.ts";
import { closedGates, type Gate } from "./gates.ts";
import { HOST_FIELDS, type HostRecord, hostState, readHost } from "./host-record.ts";
import type { Store } from "./store.ts";

/** As the scripts take what is no time: so long ago that the host is gone. */
const LONG_AGO = 1;

export interface ListedHost {
	host: string;
	state: HostState;
	/** ms since the Unix epoch: since when it is as it is; null: not known */
	since: number | null;
	record: HostRecord;
	/** what of it cannot be read; none of it stops the host, which writes all of it anew */
	damage: string[];
	/** backends that are held there */
	gates: Gate[];
	/** tasks that have not ended */
	open: number;
	/** those of them that an agent works on, or waits in for an answer */
	live: number;
}

/** Ids of the hosts that have shown themselves here, by name. */
export async function hostNames(store: Store): Promise<string[]> {
	const names = await store.guard((client) => client.smembers(store.keys.hosts));
	return names.filter((name) => HOST_FORM.test(name)).sort();
}

/** @param hosts of which; left out: of all */
export async function listHosts(store: Store, hosts?: readonly string[]): Promise<ListedHost[]> {
	const names = hosts ?? (await hostNames(store));
	const pipeline = store.client.pipeline();
	for (const host of names)
		pipeline
			.hmget(store.keys.host(host), ...HOST_FIELDS)
			.zcard(store.keys.active(host))
			.scard(store.keys.live(host));
	const [now, replies, gates] = await Promise.all([
		store.now(),
		store.replies(pipeline),
		Promise.all(names.map((host) => closedGates(store, host))),
	]);
	return names.map((host, n) => {
		const values = (replies[3 * n] ?? []) as (string | null)[];
		const { record, damage } = readHost(values);
		const beatAt = record.beatAt ?? (values[HOST_FIELDS.indexOf("beatAt")] ? LONG_AGO : null);
		return {
			host,
			...hostState({ ...record, beatAt }, now),
			record,
			damage,
			gates: gates[n] ?? [],
			open: Number(replies[3 * n + 1]) || 0,
			live: Number(replies[3 * n + 2]) || 0,
		};
	});
}
