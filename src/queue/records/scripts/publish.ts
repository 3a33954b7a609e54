import { BATCHES_SEARCHED, ON_FAILURE } from "../../../task/batch.ts";
import { MAX_GIVEN_CHARS } from "../../../task/id.ts";
import { MOST_USD } from "../../../task/spec.ts";
import { TASK } from "./prelude.ts";

/** Lua gives a command about 8,000 words at most. */
const AT_ONCE = 1_000;
/** Names with a number behind them that are looked at for a new batch; then it gets one that nobody has. */
const NAMES_TRIED = 1_000;
/** The last moment that a record holds: the end of the year 9999. */
const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * Publishes the staged tasks of a batch, all of them or none: what could stand in the way of one, and every key that is
 * written, is looked at before anything is. `req.names` are their ids, by place; beside them lie their `nonces`, their
 * `keys`, and what is kept under these ("" for no key).
 * `req.earlier` are tasks that the same submission made before: they are of the batch, too.
 *
 * Replies beside `published`: `lost` (a staged record is gone, or is not as it was staged), `taken` (an id), `repeated` (a key was used meanwhile)
 * and `no_need`, each with the place of the first that it is about.
 */
export const PUBLISH = `${TASK}
local host, size = req.host, #req.names
-- @param act gets the places of a part
local function inParts(count, act)
  for first = 1, count, ${AT_ONCE} do
    local found = act(first, math.min(count, first + ${AT_ONCE - 1}))
    if found then return found end
  end
end
local function keysOf(head, names, first, last)
  local list = {}
  for n = first, last do list[#list + 1] = p .. head .. names[n] end
  return list
end
local places, placeOf = {}, {}
for n = 1, size do places[n] = req.staged .. ':' .. n; placeOf[req.names[n]] = n end
local function firstThere(list, first)
  for n, key in ipairs(list) do if redis.call('EXISTS', key) > 0 then return first + n - 1 end end
end
-- Whoever writes to Redis may have found it, and what a script meets half-way leaves half of a batch.
local function isAsStaged(n)
  local c = redis.pcall('HMGET', p .. ':staged:' .. places[n], 'nonce', 'host', 'state', unpack(COUNTED))
  if c.err or c[1] ~= req.nonces[n] or c[2] ~= host or c[3] ~= 'queued' then return false end
  for i = 4, #c do if not isCounter(c[i]) then return false end end
  return true
end
local function obstacle()
  return inParts(size, function(first, last)
    for n = first, last do if not isAsStaged(n) then return {result = 'lost', place = n} end end
    local named = keysOf(':task:', req.names, first, last)
    if redis.call('EXISTS', unpack(named)) > 0 then return {result = 'taken', place = firstThere(named, first)} end
    for n, held in ipairs(redis.call('HMGET', p .. ':keys', unpack(req.keys, first, last))) do
      local k = req.keys[first + n - 1] ~= '' and decoded(held)
      if k and type(k.id) == 'string' and typeOf(p .. ':task:' .. k.id) ~= 'none' then return {result = 'repeated', place = first + n - 1} end
    end
  end)
end
-- Of this submission, or sound.
local function lackedNeed()
  for n, list in pairs(req.after) do
    for _, task in ipairs(list) do
      local key = p .. ':task:' .. task
      local held = not placeOf[task] and typeOf(key) == 'hash' and redis.call('HMGET', key, 'nonce', 'state')
      if not placeOf[task] and not (held and held[1] and MOVES[held[2]]) then return {result = 'no_need', place = tonumber(n), need = task} end
    end
  end
end
local ON_FAILURE = cjson.decode('${JSON.stringify(Object.fromEntries(ON_FAILURE.map((word) => [word, true])))}')
local function isWord(text, form, most) return text and #text <= most and string.match(text, form) ~= nil end
local function isAmount(text)
  if not text or text == '' then return true end
  local isOne = string.match(text, '^%d+%.?%d*$') or string.match(text, '^%d+%.?%d*[eE][+-]?%d+$')
  return isOne and tonumber(text) <= ${MOST_USD}
end
-- As the reader takes it: of a batch that is damaged nobody's new tasks are.
local function isSoundBatch(each)
  if not isWord(each, '^[a-z0-9][a-z0-9-]*$', ${MAX_GIVEN_CHARS}) or string.find(each .. '-', '--', 1, true) then return false end
  local c = redis.pcall('HMGET', p .. ':batch:' .. each, 'nonce', 'host', 'createdAt', 'size', 'file', 'createdBy', 'maxParallel', 'onFailure', 'budgetUsd', 'spentUsd')
  return not c.err and isWord(c[1], '^[%w_-]+$', 64) and isWord(c[2], '^[a-z0-9][a-z0-9-]*$', 63)
    and isWord(c[3], '^%d+%.?%d*$', 40) and tonumber(c[3]) <= ${LAST_TIME} and isCounter(c[4])
    and isWord(c[5], '.', 65536) and isWord(c[6], '.', 65536) and (not c[7] or isCounter(c[7])) and (not c[8] or ON_FAILURE[c[8]])
    and isAmount(c[9]) and isAmount(c[10])
end
-- The batch of the same key, or a new one under a free name.
local function batchOf()
  if req.batch.key ~= '' then
    for _, each in ipairs(redis.call('ZREVRANGE', p .. ':batches', 0, ${BATCHES_SEARCHED - 1})) do
      if redis.pcall('HGET', p .. ':batch:' .. each, 'key') == req.batch.key and isSoundBatch(each) then return each end
    end
  end
  local name, n = req.name, 1
  while redis.call('EXISTS', p .. ':batch:' .. name, p .. ':members:' .. name) > 0 do
    n = n + 1
    local tail = '-' .. (n <= ${NAMES_TRIED} and n or req.batch.nonce)
    name = string.gsub(string.sub(req.name, 1, ${MAX_GIVEN_CHARS} - #tail), '%-+$', '') .. tail
  end
  return name
end
local stands = obstacle() or lackedNeed()
if stands then return reply(stands) end
local joining = {}
for _, task in ipairs(req.earlier) do
  local key = p .. ':task:' .. task
  if typeOf(key) == 'hash' and (redis.call('HGET', key, 'batch') or '') == '' then joining[#joining + 1] = task end
end
if size == 0 and #joining == 0 then return reply({result = 'published', batch = ''}) end
local batch = batchOf()
mend('members:' .. batch, 'zset', true)
for n in pairs(req.after) do mend('open:' .. req.names[tonumber(n)], 'zset') end
if listsLost then relist(); listsLost = false end
local ofIt, members = p .. ':batch:' .. batch, p .. ':members:' .. batch
-- The first write of all: a Redis that is full refuses it, and goes on with a script that has written.
if redis.call('EXISTS', ofIt) == 0 then
  redis.call('HSET', ofIt, 'createdAt', now)
  for field, value in pairs(req.batch) do redis.call('HSET', ofIt, field, value) end
end
redis.call('HSET', ofIt, 'size', (tonumber(redis.call('HGET', ofIt, 'size') or '') or 0) + size + #joining)
redis.call('ZADD', p .. ':batches', 'NX', now, batch)
local place = redis.call('ZCARD', members)
for n, task in ipairs(joining) do
  redis.call('HSET', p .. ':task:' .. task, 'batch', batch)
  redis.call('ZADD', members, 'NX', place + n, task)
end
place = place + #joining
local generation = tonumber(redis.call('GET', p .. ':generation') or '') or 0
redis.call('SET', p .. ':generation', generation + size)
-- Who came first is told by its score, which has the exactness of 1/4096 ms.
local function cameAt(n) return string.format('%.4f', now - (size - n) / 4096) end
local at = string.format('%.0f', now)
local stamps = {}
for _, f in ipairs(req.times) do stamps[#stamps + 1] = f; stamps[#stamps + 1] = at end
local function tell(n, state) emitText('{"task":"' .. req.names[n] .. '","kind":"created","state":"' .. state .. '","at":' .. at .. '}') end
local call = redis.call
inParts(size, function(first, last)
  local epochs = call('MGET', unpack(keysOf(':epoch:', req.names, first, last)))
  local listed, queued, ofBatch, keyed = {}, {}, {}, {}
  for n = first, last do
    local task = req.names[n]
    local key, waits, came = p .. ':task:' .. task, req.after[tostring(n)], cameAt(n)
    local used = epochs[n - first + 1]
    call('RENAME', p .. ':staged:' .. places[n], key)
    call('PERSIST', key)
    if isCounter(used) then call('HSET', key, 'epoch', used) end
    listed[#listed + 1] = came; listed[#listed + 1] = task
    ofBatch[#ofBatch + 1] = place + n; ofBatch[#ofBatch + 1] = task
    if waits then
      call('HSET', key, 'state', 'waiting', 'batch', batch, unpack(stamps))
    else
      local number = string.format('%d', generation + n)
      call('HSET', key, 'batch', batch, 'generation', number, unpack(stamps))
      queued[#queued + 1] = came; queued[#queued + 1] = task .. ' ' .. number
    end
    tell(n, waits and 'waiting' or 'queued')
    if req.keys[n] ~= '' then keyed[#keyed + 1] = req.keys[n]; keyed[#keyed + 1] = req.made[n] end
  end
  call('ZADD', p .. ':tasks', unpack(listed))
  call('ZADD', p .. ':active:' .. host, unpack(listed))
  call('ZADD', members, unpack(ofBatch))
  if #queued > 0 then call('ZADD', p .. ':outbox', unpack(queued)) end
  if #keyed > 0 then call('HSET', p .. ':keys', unpack(keyed)) end
end)
for n = 1, size do
  local list = req.after[tostring(n)]
  if list then
    about(req.names[n])
    local needs = {}
    for _, task in ipairs(list) do needs[task] = {nonce = redis.call('HGET', p .. ':task:' .. task, 'nonce'), met = false} end
    settleNeeds(needs)
  end
end
redis.call('PUBLISH', p .. ':wake', 'outbox')
return reply({result = 'published', batch = batch})
`;
