/**
 * Takes a host that is gone, and has nothing left to do, out of the list. Once a worker runs there again, or goes on, it
 * is back; what a person wants of it holds then as before.
 */
import { HOST_GONE_MS, LEFT_MS } from "../../task/host.ts";
import type { Script } from "./scripts/index.ts";
import { IS_FRESH } from "./scripts/is-fresh.ts";
import { PRELUDE } from "./scripts/prelude.ts";
import type { Store } from "./store.ts";

/** What it has still to end or to clear when it comes back (`fenced`, `removed`) stays. */
const LUA = `${PRELUDE}${IS_FRESH}
mendHost(req.host)
local host = p .. ':host:' .. req.host
local held = redis.call('HMGET', host, 'beatAt', 'leftAt')
if held[1] and held[1] ~= '' and not isGone(held[1], held[2], ${HOST_GONE_MS}, ${LEFT_MS}) then return reply({result = 'alive'}) end
local open = redis.call('ZCARD', p .. ':active:' .. req.host)
if open > 0 then return reply({result = 'open', open = open}) end
redis.call('SREM', p .. ':hosts', req.host)
local drain = redis.call('HGET', host, 'drain')
redis.call('DEL', host)
if drain then redis.call('HSET', host, 'drain', drain) end
for _, name in ipairs({'active', 'live', 'gates', 'lanes', 'limited', 'starts', 'turns', 'notified', 'sweep'}) do
  redis.call('DEL', p .. ':' .. name .. ':' .. req.host)
end
return reply({result = 'removed'})
`;
const SCRIPT: Script = { name: "removeHost", lua: LUA, once: false, grows: false, said: false };

const KEYS_AT_ONCE = 1_000;

export type HostRemoval =
	| { result: "removed" }
	/** a worker runs there, or did a moment ago */
	| { result: "alive" }
	/** so many of its tasks have not ended */
	| { result: "open"; open: number };

/** @param host one of the list's. @throws what Redis throws */
export async function removeHost(store: Store, host: string): Promise<HostRemoval> {
	const reply = await store.run<HostRemoval>(SCRIPT, { host });
	if (reply.result === "removed") await dropQueues(store, host);
	return reply;
}

/** Jobs are vehicles: whatever is there belongs to tasks that have ended, or is made anew. */
async function dropQueues(store: Store, host: string): Promise<void> {
	for (const queue of ["run", "monitor", "notify"]) {
		const pattern = `${store.keys.bull}:${queue}-${host}:*`;
		let cursor = "0";
		do {
			const [next, keys] = await store.guard((client) =>
				client.scan(cursor, "MATCH", pattern, "COUNT", KEYS_AT_ONCE),
			);
			if (keys.length > 0) await store.guard((client) => client.unlink(...keys));
			cursor = next;
		} while (cursor !== "0");
	}
}
