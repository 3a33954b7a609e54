/**
 * What every Lua script begins with. All scripts work alike: KEYS[1] is the prefix of the namespace's keys,
 * ARGV[1] one JSON request, the reply one JSON document. The time is that of Redis, so that hosts whose
 * clocks differ agree; only a test names another one (`req.now`).
 */
import { NO_RECORD } from "../../../task/damaged.ts";
import { FIELDS } from "../../../task/record.ts";
import { SKIPPED } from "../../../task/states.ts";
import { COUNTER_DIGITS, MENDING } from "./mending.ts";
import { NEEDS } from "./needs.ts";

const CALLS_KEPT_S = 600;

const COUNTED = Object.entries(FIELDS).flatMap(([name, field]) => ("counts" in field ? [name] : []));

/** What an agent can bring about as often as it likes must not push the others' events out of the stream. */
const CHATTER_LIMIT = 200;
const CHATTER_WINDOW_MS = 10 * 60 * 1000;

export const PRELUDE = `
local p = KEYS[1]
local req = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = req.now or (tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
-- A call whose reply was lost is made again by the connection: it is the same call, with the same reply.
local said = req.call and redis.call('GET', p .. ':call:' .. req.call)
if said then return said end
local function reply(r)
  local text = cjson.encode(r)
  if req.call then redis.call('SET', p .. ':call:' .. req.call, text, 'EX', ${CALLS_KEPT_S}) end
  return text
end
-- Redis that is full lets a script go on that has written: what ends, answers or counts must work then, too.
if not req.grows then redis.call('DEL', p .. ':room') end
-- A document of ours, or nil for what is damaged; also for what cjson reads and cannot write again, alone or within
-- a reply (nan, 1e400, nested too deeply): a script that ends by it half-way leaves half of its work.
local function decoded(text)
  if not text then return nil end
  local ok, value = pcall(cjson.decode, text)
  if ok and type(value) == 'table' and pcall(cjson.encode, {{{value}}}) then return value end
  return nil
end
-- At most n bytes of UTF-8 and a mark; never through a character, which cjson and the reader would refuse.
local function cut(s, n)
  if #s <= n then return s end
  while n > 0 and math.floor(string.byte(s, n + 1) / 64) == 2 do n = n - 1 end
  return string.sub(s, 1, n) .. '…'
end
${MENDING}`;

/** For scripts about one task: its keys, and the acts that several of them share. "" in a field means null. */
export const TASK = `${PRELUDE}
local COUNTED = cjson.decode('${JSON.stringify(COUNTED)}')
local id, rec, qs, open, undelivered, notes
-- The acts below are about this task from here on.
local function about(task)
  id = task
  rec = p .. ':task:' .. id
  qs = p .. ':questions:' .. id
  open = p .. ':open:' .. id
  undelivered = p .. ':undelivered:' .. id
  notes = p .. ':notes:' .. id
end
about(req.id)
-- What happened to a task for which others may wait: it ended, was started again, or removed.
local changes = {}
local endedOutcome, setState, wake, damage, event
local function get(f) local v = redis.call('HGET', rec, f); return v or '' end
function event(kind, more)
  local e = more or {}
  e.task = id; e.kind = kind
  local place = emit(e)
  -- Who reads the stream too late finds the end in the record, with its place in the order.
  if isEnded(kind) or kind == 'parked' then redis.call('HSET', rec, 'endEvent', place) end
end
-- An event that an agent can cause at will. Over the limit it is left out, which is told once.
local function chatter(kind, more)
  if redis.call('TYPE', rec).ok == 'hash' then
    local since = tonumber(redis.call('HGET', rec, 'chatterSince') or '') or 0
    local told = tonumber(redis.call('HGET', rec, 'chatter') or '') or 0
    if now - since >= ${CHATTER_WINDOW_MS} or since > now then since = now; told = 0 end
    if told > ${CHATTER_LIMIT} then return end
    redis.call('HSET', rec, 'chatterSince', since, 'chatter', told + 1)
    if told == ${CHATTER_LIMIT} then
      return event('events_left_out', {why = 'it caused over ${CHATTER_LIMIT} events in ${CHATTER_WINDOW_MS / 60_000} minutes: until these are over, its questions and refused files are told no more'})
    end
  end
  event(kind, more)
end
${NEEDS}-- What the scripts rely on: types of keys, the state, the numbers they count with. nil: all of it is sound.
function damage()
  local kind = typeOf(rec)
  if kind == 'none' then return nil end
  if kind ~= 'hash' then return '${NO_RECORD}' end
  local keys = {[qs] = 'hash', [open] = 'zset', [undelivered] = 'set', [notes] = 'hash', [p .. ':report:' .. id] = 'string'}
  for key, expected in pairs(keys) do
    kind = typeOf(key)
    if kind ~= 'none' and kind ~= expected then return 'one of its keys holds something else' end
  end
  if not MOVES[get('state')] then return 'state is unknown' end
  if not isHost(get('host')) then return "host is not a host's id" end
  for i, v in ipairs(redis.call('HMGET', rec, unpack(COUNTED))) do
    if not (v and string.match(v, '^%d+$') and #v <= 15) then return COUNTED[i] .. ' is not a whole number' end
  end
  local since = get('workingSince')
  -- Lua takes "inf", "nan" and "0x10" for numbers.
  if since ~= '' and not string.match(since, '^%d+%.?%d*$') then return 'workingSince is not a time' end
  if not areNeedsSound() then return 'needs are damaged' end
  return nil
end
local function allHosts()
  local hosts, seen = {}, {}
  local function add(host)
    if seen[host] or not isHost(host) then return end
    seen[host] = true
    mendHost(host)
    hosts[#hosts + 1] = host
  end
  for _, host in ipairs(someHosts()) do if isKnownHost(host) then add(host) end end
  if typeOf(rec) == 'hash' then add(get('host')) end
  return hosts
end
-- Before anything is written: a script that fails half-way leaves half a move.
mendShared()
if typeOf(rec) == 'hash' then mendHost(get('host')) end
if req.host then mendHost(req.host) end
if listsLost then relist(); listsLost = false end
local damaged = damage()
-- Whoever agreed to it was shown this creation of the task, this start of it, in one of these states.
local function isAsAgreed()
  if not req.agreed then return true end
  if typeOf(rec) ~= 'hash' or tonumber(get('generation')) ~= req.agreed.generation then return false end
  -- What cjson refuses and the reader takes no create wrote: then the start alone, whose number is used once, tells.
  local spec = decoded(get('spec'))
  if spec and spec.nonce ~= req.agreed.nonce then return false end
  for _, s in ipairs(req.agreed.states) do if s == get('state') then return true end end
  return false
end
if damaged and not (req.evenDamaged and isAsAgreed()) then return reply({result = 'damaged', damage = damaged}) end
if typeOf(rec) ~= 'none' and not isAsAgreed() then return reply({result = 'changed', state = get('state')}) end
function wake() redis.call('PUBLISH', p .. ':wake', 'task ' .. id) end
local function stopClock()
  local since = get('workingSince')
  if since ~= '' then
    redis.call('HINCRBY', rec, 'workedMs', math.max(0, math.floor(now - tonumber(since))))
    redis.call('HSET', rec, 'workingSince', '')
  end
end
local function toQueued()
  local gen = redis.call('INCR', p .. ':generation')
  -- The counter may have been lost: a job's name is never used twice all the same.
  local used = tonumber(get('generation')) or 0
  if gen <= used then
    gen = used + 1
    -- What one record says must leave all others room to count on.
    if gen < ${10 ** COUNTER_DIGITS} then redis.call('SET', p .. ':generation', gen) end
  end
  redis.call('HSET', rec, 'generation', gen, 'queuedAt', now, 'endedAt', '', 'stop', '')
  redis.call('ZADD', p .. ':outbox', now, id .. ' ' .. string.format('%.0f', gen))
  redis.call('PUBLISH', p .. ':wake', 'outbox')
end
-- By either list of its questions: the other may be damaged.
local function dropFromInbox()
  local function drop(fields) for _, f in ipairs(fields) do redis.call('ZREM', p .. ':inbox', id .. ' ' .. f) end end
  if typeOf(open) == 'zset' then drop(redis.call('ZRANGE', open, 0, -1)) end
  if typeOf(qs) == 'hash' then drop(redis.call('HKEYS', qs)) end
end
local function dropOpen() dropFromInbox(); redis.call('DEL', open) end
-- By hand: cjson writes an empty list as {}.
function endedOutcome(kind, message)
  return '{"kind":"' .. kind .. '","message":' .. cjson.encode(message) .. ',"exitCode":null,"signal":null,"logTail":[],"warnings":[]}'
end
local function cancelledBy(by) return endedOutcome('cancelled', 'Cancelled by ' .. by .. '.') end
function setState(from, to)
  local host = get('host')
  redis.call('HSET', rec, 'state', to)
  redis.call('HINCRBY', rec, 'revision', 1)
  if from == 'running' then stopClock() end
  if to == 'running' then redis.call('HSET', rec, 'workingSince', now) end
  if isLive(to) then redis.call('SADD', p .. ':live:' .. host, id)
  else redis.call('SREM', p .. ':live:' .. host, id) end
  if isEnded(to) then
    redis.call('HSET', rec, 'endedAt', now, 'hold', '', 'stop', '')
    redis.call('ZREM', p .. ':active:' .. host, id)
    dropOpen()
  else
    redis.call('ZADD', p .. ':active:' .. host, now, id)
    redis.call('HSET', rec, 'endedAt', '')
  end
  if to == 'queued' then toQueued() end
  if to == 'failed' and onFailure() == 'stop' then noteStopper(get('batch'), id) end
  if isEnded(to) ~= isEnded(from) then changes[#changes + 1] = {task = id, nonce = get('nonce')} end
  if isEnded(to) and get('reason') ~= '${SKIPPED}' then forgetNeeds() end
end
local replyAlone = reply
local function reply(r)
  tellDependents()
  return replyAlone(r)
end
`;
