/**
 * Keys that all tasks of a namespace share. One of them that holds something else (another program wrote there)
 * would stop every task of every host, half-way through a script: it is put aside under `aside:` for a person to
 * look at, an event says so, and it is made anew from the records. What belongs to one task is that task's damage.
 */
import { BATCHES_SEARCHED } from "../../../task/batch.ts";
import { OPEN_QUESTIONS_LIMIT } from "../../../task/question.ts";
import { MOVES, SKIPPED } from "../../../task/states.ts";

const EVENTS_KEPT = 10_000;
/** Of a number that all tasks count on. A record holds two more: whoever gets such a number is no damaged one by that. */
export const COUNTER_DIGITS = 13;
const ASIDE_KEPT_S = 30 * 86_400;
const RECORDS_AT_ONCE = 1_000;

/** Whoever adds names to what a task asks makes nobody wait; the inbox keeps no more of one task than it may ask at once. */
const OPEN_LOOKED_AT = 1_000;
/** Whoever adds names of hosts for nothing makes nobody wait. */
const HOSTS_AT_ONCE = 1_000;

/** Lua, after `p` and `now`. */
export const MENDING = `
local MOVES = cjson.decode('${JSON.stringify(MOVES)}')
local mended, listsLost = {}, false
local function typeOf(key) return redis.call('TYPE', key).ok end
local function isEnded(state) return state == 'completed' or state == 'failed' or state == 'cancelled' end
local function isLive(state) return state == 'running' or state == 'asking' end
local function putAside(key)
  local aside = p .. ':aside:' .. string.sub(key, #p + 2)
  redis.call('RENAME', key, aside)
  redis.call('EXPIRE', aside, ${ASIDE_KEPT_S})
end
-- @param text as it is written. @returns its place in the stream
local function emitText(text)
  local events = p .. ':events'
  local function add(call) return call('XADD', events, 'MAXLEN', '~', ${EVENTS_KEPT}, '*', 'e', text) end
  local place = add(redis.pcall)
  if type(place) ~= 'table' or not place.err then return place end
  -- Nothing comes behind the last id there is. Any other fault (no memory, a replica) is everybody's.
  if string.find(place.err, 'WRONGTYPE') or string.find(place.err, 'exhausted') or string.find(place.err, 'equal or smaller') then putAside(events) end
  return add(redis.call)
end
local function emit(e)
  e.at = now
  return emitText(cjson.encode(e))
end
-- A number with room to count on: a record takes two digits more.
local function isCounter(text) return type(text) == 'string' and #text <= ${COUNTER_DIGITS} and string.match(text, '^%d+$') ~= nil end
local FORMS = {number = '^%d+$', place = '^%d+%-?%d*$', amount = '^%d+%.?%d*[eE]?[+-]?%d*$'}
local function isSound(key, expected)
  local kind = typeOf(key)
  local form = FORMS[expected]
  if kind == 'none' then return true end
  if not form then return kind == expected, kind end
  if kind ~= 'string' then return false, kind end
  local value = redis.call('GET', key)
  return string.match(value, form) ~= nil and (expected ~= 'number' or isCounter(value)), 'value that is no ' .. expected
end
local function mend(name, expected, isList)
  local key = p .. ':' .. name
  local sound, held = isSound(key, expected)
  if sound then return end
  putAside(key)
  mended[#mended + 1] = name
  if isList then listsLost = true end
  emit({task = '', kind = 'repaired', text = name, why = 'its key held a ' .. held .. ', which was put aside'})
end
local function mendShared()
  for _, name in ipairs({'tasks', 'outbox', 'inbox', 'batches'}) do mend(name, 'zset', true) end
  mend('keys', 'hash'); mend('hosts', 'set', true); mend('generation', 'number')
end
local function isHost(name) return string.match(name, '^[a-z0-9][a-z0-9-]*$') ~= nil end
-- Of very many some, others each time: a host puts its name there anew with each beat.
local function someHosts() return redis.call('SRANDMEMBER', p .. ':hosts', ${HOSTS_AT_ONCE}) end
-- Something of it is there: a beat, a task, or what it is to be told. Else it is a name that somebody has put there.
local function isKnownHost(host)
  return redis.call('EXISTS', p .. ':host:' .. host, p .. ':active:' .. host, p .. ':live:' .. host, p .. ':removed:' .. host, p .. ':fenced:' .. host) > 0
end
local function mendHost(host)
  if not isHost(host) then return end
  mend('live:' .. host, 'set', true)
  mend('active:' .. host, 'zset', true)
  mend('removed:' .. host, 'list'); mend('fenced:' .. host, 'set'); mend('host:' .. host, 'hash')
end
-- Who keeps the rest of its batch from starting: a hint, which its record has to bear out.
local function noteStopper(batch, task)
  mend('stops:' .. batch, 'set')
  redis.call('SADD', p .. ':stops:' .. batch, task)
end
-- A batch goes with its last task, whatever its record holds.
local function dropEmptyBatch(batch)
  if redis.call('EXISTS', p .. ':members:' .. batch) > 0 then return end
  redis.call('DEL', p .. ':batch:' .. batch, p .. ':stops:' .. batch)
  redis.call('ZREM', p .. ':batches', batch)
end
-- Of it is only what says so itself, or cannot be asked.
local function dropStrangers(batch)
  local members = p .. ':members:' .. batch
  mend('members:' .. batch, 'zset')
  for _, id in ipairs(redis.call('ZRANGE', members, 0, -1)) do
    local said = redis.pcall('HGET', p .. ':task:' .. id, 'batch')
    if said ~= batch and not (type(said) == 'table' and said.err) then redis.call('ZREM', members, id) end
  end
end
-- So many that nobody who adds names for nothing makes everybody wait.
local function dropEmptyBatches()
  local batches = redis.pcall('ZREVRANGE', p .. ':batches', 0, ${BATCHES_SEARCHED - 1})
  for _, batch in ipairs(batches.err and {} or batches) do
    dropStrangers(batch)
    dropEmptyBatch(batch)
  end
end
-- How many names of each kind of list were missing.
local missing = {}
-- @param at of a list in order; nil: a set
local function putBack(kind, of, at, member)
  local key = p .. ':' .. kind .. of
  local added
  if at then added = redis.pcall('ZADD', key, 'NX', at, member) else added = redis.pcall('SADD', key, member) end
  if added == 1 then missing[kind] = (missing[kind] or 0) + 1 end
end
-- What these records say of the lists. A repeat changes nothing; a list that is broken itself is left to its mending.
-- @param jobs whether each that is queued is to get a run job
local function relistThese(ids, jobs)
  local areLists, areHosts = {}, {}
  for _, id in ipairs(ids) do
    local c = redis.pcall('HMGET', p .. ':task:' .. id, 'state', 'host', 'createdAt', 'generation', 'needs', 'reason', 'batch', 'stop')
    local state, host = c[1], c[2]
    if not c.err and MOVES[state] and host and isHost(host) then
      local made = tonumber(c[3]) or now
      putBack('tasks', '', made, id)
      -- Of one that was taken out of the list a drain may be left.
      if areHosts[host] == nil then areHosts[host] = redis.pcall('HEXISTS', p .. ':host:' .. host, 'beatAt') == 1 end
      if areHosts[host] or not isEnded(state) then putBack('hosts', '', nil, host) end
      if not isEnded(state) then putBack('active:', host, made, id) end
      if isLive(state) then putBack('live:', host, nil, id) end
      local needs = (state == 'waiting' or c[6] == '${SKIPPED}') and decoded(c[5]) or {}
      for task, need in pairs(needs) do
        if type(task) == 'string' and type(need) == 'table' and not need.met then putBack('dependents:', task, made, id) end
      end
      if jobs and state == 'queued' then redis.pcall('ZADD', p .. ':outbox', 'NX', now, id .. ' ' .. (c[4] or '0')) end
      if c[7] and isHost(c[7]) then
        if not areLists[c[7]] then mend('members:' .. c[7], 'zset'); areLists[c[7]] = true end
        putBack('batches', '', made, c[7])
        putBack('members:', c[7], made, id)
        if state == 'failed' and redis.pcall('HGET', p .. ':batch:' .. c[7], 'onFailure') == 'stop' then noteStopper(c[7], id) end
      end
      -- What is to stop asks nobody any more.
      local asked = (isEnded(state) or (c[8] or '') ~= '') and {} or redis.pcall('ZRANGE', p .. ':open:' .. id, 0, ${OPEN_LOOKED_AT - 1})
      local counts = {[true] = 0, [false] = 0}
      for _, f in ipairs(asked.err and {} or asked) do
        local hasText = redis.pcall('HEXISTS', p .. ':questions:' .. id, f) == 1
        counts[hasText] = counts[hasText] + 1
        if counts[hasText] <= ${OPEN_QUESTIONS_LIMIT} then putBack('inbox', '', now, id .. ' ' .. f) end
      end
    end
  end
end
-- So many records that others need not wait. @returns where the next page begins; '0': that was all
local function relistPage(cursor, jobs)
  local head = p .. ':task:'
  local page = redis.call('SCAN', cursor, 'MATCH', head .. '*', 'COUNT', ${RECORDS_AT_ONCE})
  local ids = {}
  for _, key in ipairs(page[2]) do ids[#ids + 1] = string.sub(key, #head + 1) end
  relistThese(ids, jobs)
  if jobs and page[1] == '0' then
    dropEmptyBatches()
    redis.call('PUBLISH', p .. ':wake', 'outbox')
  end
  return page[1]
end
-- All at once, where a script finds that a list was lost, and goes on by what it holds.
local function relist()
  local cursor = '0'
  repeat cursor = relistPage(cursor, true) until cursor == '0'
end
`;
