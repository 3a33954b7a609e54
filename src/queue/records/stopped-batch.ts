/** `on_failure: stop` of a batch: what of it has not begun when one of its tasks fails is not started. */
import type { TaskRecord } from "../../task/record.ts";
import type { Script } from "./scripts/index.ts";
import { TASK } from "./scripts/prelude.ts";
import type { Store } from "./store.ts";

const LUA = `${TASK}
local cur = redis.call('HMGET', rec, 'state', 'generation', 'startedAt')
if cur[1] ~= 'queued' or tonumber(cur[2]) ~= req.generation or (cur[3] or '') ~= '' or onFailure() ~= 'stop' then return reply({isStopped = false}) end
local batch = get('batch')
mend('stops:' .. batch, 'set')
-- One of it that has failed, and was not started again since. @returns its name, and which creation of it that is
local function stopperOf()
  for _, task in ipairs(redis.call('SMEMBERS', p .. ':stops:' .. batch)) do
    local c = redis.pcall('HMGET', p .. ':task:' .. task, 'nonce', 'state', 'batch')
    if not c.err and c[1] and c[2] == 'failed' and c[3] == batch then return task, c[1] end
    redis.call('SREM', p .. ':stops:' .. batch, task)
  end
end
local task, nonce = stopperOf()
if not task then return reply({isStopped = false}) end
-- From here on it is as if it had needed that one: it waits again once that is started again.
local needs = needsOf()
needs[task] = {nonce = nonce, met = false, stops = true}
keepNeeds(needs)
skip(task, 'failed')
return reply({isStopped = true})
`;
const SCRIPT: Script = { name: "skipIfStopped", lua: LUA, once: false, grows: false, said: false };

/**
 * Skips a task that is in line, where its batch was stopped. One that has begun before goes on.
 * @returns whether it was skipped. @throws what Redis throws
 */
export async function skipIfStopped(
	store: Store,
	{ spec, batch, startedAt, generation }: TaskRecord,
): Promise<boolean> {
	if (batch === null || startedAt !== null) return false;
	return (await store.run<{ isStopped: boolean }>(SCRIPT, { id: spec.id, generation })).isStopped;
}

/** @returns those of the records' batches that were stopped, as far as their marks say. @throws what Redis throws */
export async function stoppedBatches(store: Store, records: readonly TaskRecord[]): Promise<Set<string>> {
	const stopped = new Set<string>();
	for (const batch of new Set(records.flatMap((record) => record.batch ?? []))) {
		const key = store.keys.stops(batch);
		if ((await store.guard((client) => client.exists(key))) > 0) stopped.add(batch);
	}
	return stopped;
}
