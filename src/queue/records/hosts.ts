/** Hosts: a claim on the id, and a heartbeat that says how full it is. */
import { DispatchError } from "../../task/errors.ts";
import type { Store } from "./store.ts";

/** A host whose heartbeat is older is gone. */
export const HOST_GONE_MS = 45_000;

export interface HostState {
	homeId: string;
	home: string;
	pid: number;
	running: number;
	concurrency: number;
}

/**
 * Claims the host id for this state directory: two directories with one id would run each other's tasks.
 * @throws DISPATCH_ALREADY_RUNNING when a live host of another directory has the id
 */
export async function claimHost(store: Store, host: string, homeId: string): Promise<void> {
	const { won } = await store.run<{ won: boolean }>("claimHost", { host, homeId, goneMs: HOST_GONE_MS });
	if (won) return;
	throw new DispatchError(
		"DISPATCH_ALREADY_RUNNING",
		`Another state directory runs as host "${host}" in namespace "${store.namespace}".`,
		{
			hint: "Give this one its own id: DISPATCH_HOST_ID, or the file host-id in the state directory.",
		},
	);
}

export async function beat(store: Store, host: string, state: HostState): Promise<void> {
	const fields = { ...state, beatAt: await store.now() };
	await store.guard((client) =>
		client.pipeline().hset(store.keys.host(host), fields).sadd(store.keys.hosts, host).exec(),
	);
}

/** Marks the host as stopped at once, so that nobody waits for its heartbeat to grow old. */
export async function leave(store: Store, host: string): Promise<void> {
	const leftAt = await store.now();
	await store.guard((client) => client.hset(store.keys.host(host), { beatAt: 0, leftAt }));
}
