/**
 * The clock of a machine that is moved while something waits until a time by it: gates, delays, backoffs and the jobs
 * that wait for them move along, so that each waits as long as it was to wait, whichever way the clock went. Each says
 * by which clock it was made (`MadeAt`), and the time since the machine's start, which nobody moves, tells the
 * difference. Where the machine was started anew in between nothing tells it: what was made in the future by the new
 * clock waits its own length from now. So nothing ever waits longer than that.
 */
import { bootId, upMs } from "../../process/identity.ts";
import { LAST_TIME } from "../../task/check.ts";
import type { Script } from "../records/scripts/index.ts";
import { PRELUDE } from "../records/scripts/prelude.ts";
import type { Store } from "../records/store.ts";
import { runQueueName } from "./bull.ts";

/** What a clock that is set right slowly, or read twice, differs by. */
export const MOVED_MS = 2_000;
/** Who waits for one gate comes back within half a second after its end. */
const SPREAD_MS = 1_000;
/** Nobody who waits for no time of his own sleeps longer. */
const LONGEST_SLEEP_MS = 3_600_000;

const LUA = `${PRELUDE}
mendHost(req.host)
mend('gates:' .. req.host, 'hash')
local delayed = p .. ':bull:' .. req.queue .. ':delayed'
mend('bull:' .. req.queue .. ':delayed', 'zset')
if listsLost then relist() end
local function whole(n) return string.format('%.0f', n) end
-- @returns whether anything of it was changed
local function follow(held)
  local made = held.made
  if type(held['until']) ~= 'number' or type(made) ~= 'table' then return false end
  if type(made.at) ~= 'number' or type(made.clock) ~= 'number' then return false end
  local by = made.boot == req.boot and req.clock - made.clock or 0
  if math.abs(by) < ${MOVED_MS} then by = 0 end
  local at = math.min(made.at + by, req.date)
  if by == 0 and at == made.at and made.boot == req.boot then return false end
  local function moved(time) return math.min(math.max(time + at - made.at, 0), ${LAST_TIME}) end
  held['until'] = moved(held['until'])
  if type(held.since) == 'number' then held.since = moved(held.since) end
  held.made = {at = at, clock = req.clock, boot = req.boot}
  return true
end
local gates = redis.call('HGETALL', p .. ':gates:' .. req.host)
for n = 1, #gates, 2 do
  local gate = decoded(gates[n + 1])
  if gate and follow(gate) then redis.call('HSET', p .. ':gates:' .. req.host, gates[n], cjson.encode(gate)) end
end
-- By its name in BullMQ: until when a job's task waits.
local waits = {}
for _, id in ipairs(redis.call('ZRANGE', p .. ':active:' .. req.host, 0, -1)) do
  local rec = p .. ':task:' .. id
  local cur = typeOf(rec) == 'hash' and redis.call('HMGET', rec, 'state', 'generation', 'hold') or {}
  local hold = cur[1] == 'queued' and decoded(cur[3])
  if hold then
    if follow(hold) then redis.call('HSET', rec, 'hold', cjson.encode(hold)) end
    if type(hold['until']) == 'number' then waits[id .. '.' .. (cur[2] or '')] = hold['until'] end
  end
end
local jobs = redis.call('ZRANGE', delayed, 0, -1, 'WITHSCORES')
for n = 1, #jobs, 2 do
  local job, due = jobs[n], tonumber(jobs[n + 1]) / 4096
  local wanted = waits[job]
  if wanted and math.abs(due - wanted) > ${SPREAD_MS} then redis.call('ZADD', delayed, whole(wanted * 4096), job)
  elseif not wanted and due > req.date + ${LONGEST_SLEEP_MS} then redis.call('ZADD', delayed, whole(req.date * 4096), job) end
end
return reply({})
`;
const SCRIPT: Script = { name: "followClock", lua: LUA, once: false, grows: false, said: true };

/** Of a host whose clock may be another one by now; a repeat does no harm. @throws what Redis throws */
export async function followClock(store: Store, host: string): Promise<void> {
	const date = store.clock.now();
	const clock = date - upMs();
	await store.run(SCRIPT, { host, queue: runQueueName(host), date, clock, boot: bootId() });
}
