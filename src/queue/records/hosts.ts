/** Hosts: a claim on the id, and a heartbeat that says how full it is. */
import { DispatchError } from "../../task/errors.ts";
import type { Store } from "./store.ts";

/** A host whose heartbeat is older is gone. */
const HOST_GONE_MS = 45_000;

const CLAIM = `
local held = redis.call('HMGET', KEYS[1], 'homeId', 'beatAt')
if held[1] and held[1] ~= ARGV[1] and held[2] and tonumber(ARGV[2]) - tonumber(held[2]) < tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'homeId', ARGV[1], 'beatAt', ARGV[2])
return 1
`;

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
	const now = String(store.clock.now());
	const won = await store.guard((client) =>
		client.eval(CLAIM, 1, store.keys.host(host), homeId, now, String(HOST_GONE_MS)),
	);
	if (won === 1) return;
	throw new DispatchError(
		"DISPATCH_ALREADY_RUNNING",
		`Another state directory runs as host "${host}" in namespace "${store.namespace}".`,
		{
			hint: "Give this one its own id: DISPATCH_HOST_ID, or the file host-id in the state directory.",
		},
	);
}

export async function beat(store: Store, host: string, state: HostState): Promise<void> {
	const fields = { ...state, beatAt: store.clock.now() };
	await store.guard((client) =>
		client.pipeline().hset(store.keys.host(host), fields).sadd(store.keys.hosts, host).exec(),
	);
}

/** Marks the host as stopped at once, so that nobody waits for its heartbeat to grow old. */
export async function leave(store: Store, host: string): Promise<void> {
	await store.guard((client) => client.hset(store.keys.host(host), "beatAt", 0));
}
