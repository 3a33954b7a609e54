/**
 * Whose turn it is to start on a host. Interactive tasks, and each batch, are a flow; flows are taken in turn, so that a
 * batch of thousands delays another task by one start. Within a flow the lower priority number comes first, then who
 * came first.
 *
 * Redis alone is authoritative: BullMQ's line of the host holds the order itself, a band of scores for each lane (a
 * flow's jobs of one backend). A job that BullMQ puts in line (added, promoted, handed back) is in the first band, which
 * is nobody's, and is sorted from there; so a lost lane, or one that another flow has by now, is only sorted anew. Lanes
 * for which no band is left share one, and are a flow. The job whose turn it is goes to `wait`, from where BullMQ takes it first: a worker that dies on the way loses no turn.
 */

import { upMs } from "../../process/identity.ts";
import type { Script } from "../records/scripts/index.ts";
import { PRELUDE } from "../records/scripts/prelude.ts";
import type { Store } from "../records/store.ts";
import { runQueueName } from "./bull.ts";
import { DAMAGED_LINE, type TakenOut } from "./damaged-line.ts";
import { START_LIMITS, type StartLimits } from "./start-limits.ts";

/** Of a job's score: BullMQ's own counter has the lower 32 bits, the priority (1–1000) these. */
const PRIORITY_BITS = 10;
/** Scores are whole up to 2^53, so there are so many bands. */
const LANES = 2 ** (53 - 32 - PRIORITY_BITS);
const SORTED_AT_ONCE = 1_000;

const LUA = `${PRELUDE}
local bull = p .. ':bull:' .. req.queue .. ':'
local line, wait, delayed, lanesKey, turnsKey = bull .. 'prioritized', bull .. 'wait', bull .. 'delayed', p .. ':lanes:' .. req.host, p .. ':turns:' .. req.host
mendHost(req.host)
mend('lanes:' .. req.host, 'hash'); mend('turns:' .. req.host, 'hash')
for name, kind in pairs({prioritized = 'zset', delayed = 'zset', wait = 'list', pc = 'number'}) do mend('bull:' .. req.queue .. ':' .. name, kind) end
if listsLost then relist() end
local COUNTS, BAND = 2^32, 2^${32 + PRIORITY_BITS}
local SHARED = ${LANES - 1}
local function whole(n) return string.format('%.0f', n) end
local function hashOf(key)
  local pairs, found = redis.call('HGETALL', key), {}
  for at = 1, #pairs, 2 do found[pairs[at]] = pairs[at + 1] end
  return found
end
local function word(v) return type(v) == 'string' and string.match(v, '^[^ ]+$') or '' end
local function dataOf(job)
  local text = redis.pcall('HGET', bull .. job, 'data')
  return type(text) == 'string' and decoded(text) or {}
end
-- By what the job says of itself: a hint, which decides about its place in line only.
local function laneNameOf(job)
  local data = dataOf(job)
  return word(data.batch) .. ' ' .. word(data.backend)
end
-- Whose backend the record says: the agent that was chosen since, else the one that was asked for. nil: it says none
local function backendOf(task)
  local c = redis.pcall('HMGET', p .. ':task:' .. task, 'chosen', 'spec')
  for _, text in ipairs(c.err and {} or {c[1] or '', c[2] or ''}) do
    local agent = decoded(text)
    if agent and type(agent.backend) == 'string' then return agent.backend end
  end
end
-- By the record, which decides; nil: there is none that this job would start.
local function laneByRecord(job)
  local task, generation = string.match(job, '^(.*)%.(%d+)$')
  if not task then return nil end
  local c = redis.pcall('HMGET', p .. ':task:' .. task, 'generation', 'batch')
  local backend = not c.err and c[1] == generation and backendOf(task)
  return backend and word(c[2]) .. ' ' .. word(backend)
end
local lanes, used = {}, {}
for name, n in pairs(hashOf(lanesKey)) do
  n = tonumber(n)
  if string.find(name, ' ', 1, true) and n and n >= 1 and n <= SHARED and n == math.floor(n) and (n == SHARED or not used[n]) then
    lanes[name] = n; used[n] = true
  else redis.call('HDEL', lanesKey, name) end
end
local nextFree = 1
local function laneOf(name)
  if lanes[name] then return lanes[name] end
  -- What stands in a band that is nobody's is not its own.
  local function isEmpty(n) return redis.call('ZCOUNT', line, whole(n * BAND), '(' .. whole((n + 1) * BAND)) == 0 end
  -- Where there are too many the last ones share a band.
  while nextFree < SHARED and (used[nextFree] or not isEmpty(nextFree)) do nextFree = nextFree + 1 end
  lanes[name] = nextFree; used[nextFree] = true
  redis.call('HSET', lanesKey, name, nextFree)
  return lanes[name]
end
${DAMAGED_LINE}-- Delayed ones whose time has come, as BullMQ does before it takes one.
local due = redis.call('ZRANGEBYSCORE', delayed, 0, whole((req.date + 1) * 4096 - 1), 'LIMIT', 0, ${SORTED_AT_ONCE})
for _, job in ipairs(due) do
  redis.call('ZREM', delayed, job)
  local priority = redis.pcall('HGET', bull .. job, 'priority')
  priority = type(priority) == 'string' and tonumber(priority) or 0
  if isBroken(job) then noteOut(job)
  elseif priority > 0 then redis.call('ZADD', line, whole(priority * COUNTS + redis.call('INCR', bull .. 'pc') % COUNTS), job)
  else redis.call('LPUSH', wait, job) end
  redis.pcall('HSET', bull .. job, 'delay', 0)
end
-- In a band that is nobody's: its lane was lost. A page of all that is to be sorted; others wait meanwhile.
local left = ${SORTED_AT_ONCE}
local function sort(from, to)
  if left <= 0 then return end
  local some = redis.call('ZRANGEBYSCORE', line, from, to, 'WITHSCORES', 'LIMIT', 0, left)
  left = left - #some / 2
  for at = 1, #some, 2 do
    local job, score = some[at], tonumber(some[at + 1])
    local task = string.match(job, '^(.*)%.%d+$')
    if isBroken(job) then
      redis.call('ZREM', line, job); noteOut(job)
    -- Its agent lives: it needs no turn, only somebody who waits for its end.
    elseif task and redis.call('SISMEMBER', p .. ':live:' .. req.host, task) == 1 then
      redis.call('ZREM', line, job)
      redis.call('LPUSH', wait, job)
    else
      score = score >= 0 and score < 2^53 and score % BAND or 0
      redis.call('ZADD', line, whole(laneOf(laneNameOf(job)) * BAND + score), job)
    end
  end
end
sort('-inf', '(' .. whole(BAND))
local inBands, bands = redis.call('ZCOUNT', line, '-inf', '(' .. whole(BAND)), {}
for n in pairs(used) do
  inBands = inBands + redis.call('ZCOUNT', line, whole(n * BAND), '(' .. whole((n + 1) * BAND))
  bands[#bands + 1] = n
end
if inBands < redis.call('ZCARD', line) then
  table.sort(bands)
  local from = BAND
  for _, n in ipairs(bands) do
    if n * BAND > from then sort(whole(from), '(' .. whole(n * BAND)) end
    from = (n + 1) * BAND
  end
  sort(whole(from), '+inf')
end
if #due == ${SORTED_AT_ONCE} or left <= 0 or not clearWait() then return reply(MORE) end
${START_LIMITS}
-- Who stands in front of each flow and may start, and when it had its turn last.
local waits, limited = {}, {}
local turns, heads = hashOf(turnsKey), {}
local function turnOf(flow) return isCounter(turns[flow]) and tonumber(turns[flow]) or nil end
local turn = 0
for flow in pairs(turns) do turn = math.max(turn, turnOf(flow) or 0) end
local function bandOf(n, offset, count)
  return redis.call('ZRANGEBYSCORE', line, whole(n * BAND), '(' .. whole((n + 1) * BAND), 'WITHSCORES', 'LIMIT', offset, count)
end
local mayShare, isShared = {}, #bandOf(SHARED, 0, 1) > 0
for name, n in pairs(lanes) do
  local head = n == SHARED and {} or bandOf(n, 0, 1)
  if head[1] or (n == SHARED and isShared) then
    local flow, backend = flowAndBackend(name)
    local limit = limitOf(flow, backend)
    if limit then limited[name] = cjson.encode(limit) end
    if n == SHARED then
      if not limit then mayShare[name] = true end
    else
      local rank = tonumber(head[2]) - n * BAND
      waits[flow] = true
      if not limit and not (heads[flow] and heads[flow].rank <= rank) then heads[flow] = {job = head[1], name = name, rank = rank} end
    end
  else redis.call('HDEL', lanesKey, name) end
end
-- Those of one band are a flow, each within its own limits: the first that may start. It is looked for only where one may.
if isShared then waits['*'] = true end
if next(mayShare) then
  local met, offset = {}, 0
  repeat
    local some = bandOf(SHARED, offset, ${SORTED_AT_ONCE})
    for at = 1, #some, 2 do
      local name = laneNameOf(some[at])
      met[name] = true
      if mayShare[name] then heads['*'] = {job = some[at], name = name}; break end
    end
    offset = offset + ${SORTED_AT_ONCE}
  until heads['*'] or not some[1]
  if not heads['*'] then
    for name in pairs(mayShare) do if not met[name] then redis.call('HDEL', lanesKey, name) end end
  end
end
-- Who had the newest turn is kept, too: turns would be counted from less, and it would stand beside those that it has passed.
for flow in pairs(turns) do
  if flow ~= '' and not waits[flow] and (turnOf(flow) or 0) < turn then redis.call('HDEL', turnsKey, flow) end
end
local first, since
redis.call('DEL', p .. ':limited:' .. req.host)
-- Those that are full say so also where nobody waits for them yet.
for backend in pairs(req.limits) do
  local limit = limitOf('', backend)
  if limit then limited[' ' .. backend] = cjson.encode(limit) end
end
for name, limit in pairs(limited) do redis.call('HSET', p .. ':limited:' .. req.host, name, limit) end
for flow in pairs(waits) do
  -- A new batch stands behind those that wait; the interactive ones are no newcomers.
  local last = turnOf(flow)
  if not last then
    last = flow == '' and 0 or turn
    redis.call('HSET', turnsKey, flow, whole(last))
  end
  if heads[flow] and (not since or last < since or (last == since and flow < first)) then first, since = flow, last end
end
local isNext, taken = redis.call('LLEN', wait) > 0, cjson.null
if not isNext and req.hasRoom and first and clearFrom(heads[first].job) then return reply(MORE) end
local said = not isNext and req.hasRoom and first and laneByRecord(heads[first].job)
if said and said ~= heads[first].name then
  -- It stands among others, whose limits are not its own: it says what its record says, and is sorted anew.
  local job, flow, backend = heads[first].job, flowAndBackend(said)
  local data = dataOf(job)
  local task, generation = string.match(job, '^(.*)%.(%d+)$')
  data.task, data.generation, data.batch, data.backend = task, tonumber(generation), flow ~= '' and flow or cjson.null, backend
  redis.call('HSET', bull .. job, 'data', cjson.encode(data))
  redis.call('ZADD', line, whole(tonumber(redis.call('ZSCORE', line, job)) % BAND), job)
  return reply(MORE)
end
if not isNext and req.hasRoom and first then
  isNext = true
  redis.call('HSET', turnsKey, first, whole(turn + 1))
  redis.call('ZREM', line, heads[first].job)
  redis.call('RPUSH', wait, heads[first].job)
  taken = {job = heads[first].job, flow = first, last = since, turn = turn + 1}
end
local later = redis.call('ZRANGEBYSCORE', delayed, whole((req.date + 1) * 4096), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
later = later[2] and tonumber(later[2]) < 2^53 and math.floor(tonumber(later[2]) / 4096)
if minuteOver then later = math.min(later or math.huge, math.ceil(minuteOver)) end
return reply({isNext = isNext, isMore = false, isLimited = next(limited) ~= nil, later = later or cjson.null, taken = taken})
`;
const SCRIPT: Script = { name: "takeTurn", lua: LUA, once: false, grows: false, said: true };

/** Nobody else had a turn of that flow since, and it stands where it stood. */
const GIVE_BACK: Script = {
	name: "giveTurnBack",
	lua: `${PRELUDE}
local turns = p .. ':turns:' .. req.host
mend('turns:' .. req.host, 'hash')
if redis.call('HGET', turns, req.flow) == string.format('%.0f', req.turn) then redis.call('HSET', turns, req.flow, string.format('%.0f', req.last)) end
return reply({})
`,
	once: false,
	grows: false,
	said: true,
};

/** A flow's turn, which is that of a job. */
export interface Taken {
	job: string;
	/** "": that of the interactive tasks; else a batch */
	flow: string;
	/** the number of the turn */
	turn: number;
	/** that of its turn before */
	last: number;
}

export interface Turn {
	/** a job is to be taken now: whose turn it is, or one that needs none */
	isNext: boolean;
	/** nothing was taken, since more is to be sorted first: to be called again at once */
	isMore: boolean;
	/** whose turn it is; null: it needs none */
	taken?: Taken | null;
	/** what no worker could have worked on; left out: nothing */
	takenOut?: TakenOut;
	/** a limit other than places is reached */
	isLimited: boolean;
	/** when the next delayed job is due, or a minute's starts are over, ms since the Unix epoch; null: there is none */
	later: number | null;
}

/**
 * Puts the job whose turn it is where BullMQ takes it next.
 * @param hasRoom whether one more may start; without it only jobs are taken that need no turn
 * @param limits of this host's backends
 * @throws what Redis throws
 */
export function takeTurn(
	store: Store,
	host: string,
	{ hasRoom, limits = {} }: { hasRoom: boolean; limits?: StartLimits },
): Promise<Turn> {
	const now = { date: Date.now(), upMs: upMs() };
	return store.run<Turn>(SCRIPT, { host, queue: runQueueName(host), hasRoom, limits, ...now });
}

/** The job whose turn it was starts nothing: the next of its flow stands where it stood. @throws what Redis throws */
export async function giveTurnBack(store: Store, host: string, { flow, turn, last }: Taken): Promise<void> {
	await store.run(GIVE_BACK, { host, flow, turn, last });
}
