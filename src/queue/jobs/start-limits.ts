/**
 * What holds a start back beside places: limits of a host's backends, and of a batch on all hosts. Lua for the script that
 * takes turns, which leaves the reasons in Redis (`src/queue/records/limited.ts`).
 *
 * Counted anew each time, from the records: whoever works, and whoever was taken from the line and is queued yet. So
 * nothing has to be given back, whatever is killed; of an answered agent over the limit nobody is in the way. What a
 * host had taken that is gone by now starts nowhere and does not count; an agent that works there may live, and does.
 */
import { HOST_GONE_MS, LEFT_MS } from "../../task/host.ts";
import { IS_FRESH } from "../records/scripts/is-fresh.ts";

/** By backend, as the host's config says. */
export type StartLimits = Readonly<
	Record<string, { concurrency?: number | undefined; startsPerMinute?: number | undefined }>
>;

const MINUTE_MS = 60_000;

/** @returns of a host's backends those that have a limit, and nothing else of them */
export function startLimitsOf(backends: StartLimits): StartLimits {
	const limited = Object.entries(backends).filter(
		([, { concurrency, startsPerMinute }]) => concurrency || startsPerMinute,
	);
	return Object.fromEntries(
		limited.map(([name, { concurrency, startsPerMinute }]) => [name, { concurrency, startsPerMinute }]),
	);
}

/** Lua, after `lanes`, `backendOf` and `hashOf`. Defines `limitOf(flow, backend)`, and `minuteOver`: when a start more is allowed, by the host's clock. */
export const START_LIMITS = `${IS_FRESH}
local startsKey = p .. ':starts:' .. req.host
mend('starts:' .. req.host, 'zset')
local function flowAndBackend(name) return string.match(name, '^([^ ]*) (.*)$') end
local mostOf, areBatchesLimited = {}, false
for name in pairs(lanes) do
  local flow = flowAndBackend(name)
  if flow ~= '' and not mostOf[flow] then
    local most = redis.pcall('HGET', p .. ':batch:' .. flow, 'maxParallel')
    mostOf[flow] = isCounter(most) and tonumber(most) or 0
    if mostOf[flow] > 0 then areBatchesLimited = true end
  end
end
local ofBackend, ofBatch, takenOf, awayOf = {}, {}, {}, {}
-- One that lives beats again within seconds, also where what it says of itself was lost.
local function isAway(host)
  if host == req.host then return false end
  local held = redis.pcall('HMGET', p .. ':host:' .. host, 'beatAt', 'leftAt')
  return held.err ~= nil or not held[1] or isGone(held[1], held[2], ${HOST_GONE_MS}, ${LEFT_MS})
end
local function countBusy()
  local seen = {}
  local function each(list, act) if not list.err then for _, one in ipairs(list) do act(one) end end end
  local function count(host, task, generation)
    local c = redis.pcall('HMGET', p .. ':task:' .. task, 'state', 'batch', 'startedWith', 'generation')
    if c.err or seen[task] or not (c[1] == 'running' or (c[1] == 'queued' and c[4] == generation)) then return end
    seen[task] = true
    if c[2] then ofBatch[c[2]] = (ofBatch[c[2]] or 0) + 1 end
    if host ~= req.host then return c[2] end
    local backend = c[1] == 'running' and c[3] or backendOf(task)
    if not backend then return end
    if c[1] == 'queued' then takenOf[backend] = (takenOf[backend] or 0) + 1 end
    ofBackend[backend] = (ofBackend[backend] or 0) + 1
  end
  local hosts = areBatchesLimited and redis.pcall('SMEMBERS', p .. ':hosts') or {}
  if not hosts.err then hosts[#hosts + 1] = req.host end
  each(hosts, function(host)
    local away = isAway(host)
    for _, list in ipairs(away and {} or {'active', 'wait'}) do
      each(redis.pcall('LRANGE', p .. ':bull:run-' .. host .. ':' .. list, 0, -1), function(job)
        local task, generation = string.match(job, '^(.*)%.(%d+)$')
        if task then count(host, task, generation) end
      end)
    end
    each(redis.pcall('SMEMBERS', p .. ':live:' .. host), function(task)
      local batch = count(host, task)
      if away and batch then awayOf[batch] = {task = task, host = host} end
    end)
  end)
end
if next(req.limits) or areBatchesLimited then countBusy() end
-- Of starts within a minute (the move to running notes them), by backend: ms since the machine's start, which no change
-- of a clock changes; a time to come is of a start before that.
redis.call('ZREMRANGEBYSCORE', startsKey, '-inf', req.upMs - ${MINUTE_MS})
redis.call('ZREMRANGEBYSCORE', startsKey, '(' .. req.upMs, '+inf')
local startsOf, minuteOver = {}, nil
do
  local starts = redis.call('ZRANGE', startsKey, 0, -1, 'WITHSCORES')
  for at = 1, #starts, 2 do
    local backend = string.match(starts[at], ' (.*)$')
    if backend then
      startsOf[backend] = startsOf[backend] or {}
      table.insert(startsOf[backend], tonumber(starts[at + 1]))
    end
  end
end
-- Who was taken and has not started yet is about to: its minute begins now. One that is sent back has used nothing.
for backend, taken in pairs(takenOf) do
  startsOf[backend] = startsOf[backend] or {}
  for _ = 1, taken do table.insert(startsOf[backend], req.upMs) end
end
-- @returns why none of a lane may start, or nil
local function limitOf(flow, backend)
  local most = mostOf[flow] or 0
  if most > 0 and (ofBatch[flow] or 0) >= most then return {kind = 'batch', used = ofBatch[flow], all = most, away = awayOf[flow]} end
  local limit = req.limits[backend]
  if not limit then return nil end
  local busy, starts = ofBackend[backend] or 0, startsOf[backend] or {}
  if limit.concurrency and busy >= limit.concurrency then return {kind = 'backend', used = busy, all = limit.concurrency} end
  if limit.startsPerMinute and #starts >= limit.startsPerMinute then
    local over = req.date + starts[#starts - limit.startsPerMinute + 1] + ${MINUTE_MS} - req.upMs
    minuteOver = math.min(minuteOver or over, over)
    return {kind = 'starts', used = #starts, all = limit.startsPerMinute, ['until'] = over}
  end
end
`;
