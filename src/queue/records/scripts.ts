/**
 * The Lua scripts: the only writers of task records. Each takes the keys' prefix as KEYS[1] and one JSON
 * request as ARGV[1]; each answers with a JSON document. An empty string in a record's field means null.
 */
import { MOVES } from "../../task/states.ts";

const EVENTS_KEPT = 10_000;

export const PRELUDE = `
local p = KEYS[1]
local req = cjson.decode(ARGV[1])
local id = req.id
local rec = p .. ':task:' .. id
local qs = p .. ':questions:' .. id
local open = p .. ':open:' .. id
local function event(kind, more)
  local e = more or {}
  e.task = id; e.kind = kind; e.at = req.now
  redis.call('XADD', p .. ':events', 'MAXLEN', '~', ${EVENTS_KEPT}, '*', 'e', cjson.encode(e))
end
local function get(f) local v = redis.call('HGET', rec, f); return v or '' end
local function reply(r) return cjson.encode(r) end
local function stopClock()
  local since = get('workingSince')
  if since ~= '' then
    redis.call('HINCRBY', rec, 'workedMs', math.max(0, math.floor(req.now - tonumber(since))))
    redis.call('HSET', rec, 'workingSince', '')
  end
end
local function toQueued()
  local gen = redis.call('INCR', p .. ':generation')
  redis.call('HSET', rec, 'generation', gen, 'queuedAt', req.now, 'endedAt', '', 'stop', '')
  redis.call('ZADD', p .. ':outbox', req.now, id .. ' ' .. gen)
  redis.call('PUBLISH', p .. ':wake', 'outbox')
end
local function dropOpen()
  for _, f in ipairs(redis.call('ZRANGE', open, 0, -1)) do redis.call('ZREM', p .. ':inbox', id .. ' ' .. f) end
  redis.call('DEL', open)
end
local function setState(from, to)
  local host = get('host')
  redis.call('HSET', rec, 'state', to)
  redis.call('HINCRBY', rec, 'revision', 1)
  if from == 'running' then stopClock() end
  if to == 'running' then redis.call('HSET', rec, 'workingSince', req.now) end
  if to == 'running' or to == 'asking' then redis.call('SADD', p .. ':live:' .. host, id)
  else redis.call('SREM', p .. ':live:' .. host, id) end
  if to == 'completed' or to == 'failed' or to == 'cancelled' then
    redis.call('HSET', rec, 'endedAt', req.now, 'hold', '', 'stop', '')
    redis.call('ZREM', p .. ':active:' .. host, id)
    dropOpen()
  else
    redis.call('ZADD', p .. ':active:' .. host, req.now, id)
  end
  if to == 'queued' then toQueued() end
end
`;

/** Makes a task; the same nonce again is the same call again (a reply that was lost). */
export const CREATE = `${PRELUDE}
if req.key then
  local held = redis.call('HGET', p .. ':keys', req.key)
  if held then
    local k = cjson.decode(held)
    if k.nonce ~= req.nonce then
      if k.hash ~= req.keyHash then return reply({result = 'key_conflict', id = k.id}) end
      return reply({result = 'repeated', id = k.id})
    end
  end
end
local nonce = redis.call('HGET', rec, 'nonce')
if nonce then
  if nonce == req.nonce then return reply({result = 'created', id = id}) end
  return reply({result = 'exists', id = id})
end
redis.call('HSET', rec, 'spec', req.spec, 'nonce', req.nonce, 'host', req.host, 'state', 'queued', 'revision', 1,
  'epoch', 0, 'runNonce', '', 'attempt', 0, 'charge', '1', 'startMode', 'fresh', 'generation', 0, 'hold', req.hold, 'reason', '',
  'sessionId', '', 'ipcGeneration', 1, 'outcome', '', 'progress', req.progress, 'stop', '', 'takenDown', 0, 'rateLimits', 0, 'workedMs', 0,
  'workingSince', '', 'createdAt', req.now, 'queuedAt', req.now, 'startedAt', '', 'endedAt', '', 'hasReport', '')
redis.call('ZADD', p .. ':tasks', req.now, id)
redis.call('ZADD', p .. ':active:' .. req.host, req.now, id)
if req.key then
  redis.call('HSET', p .. ':keys', req.key, cjson.encode({id = id, hash = req.keyHash, nonce = req.nonce}))
  redis.call('HSET', rec, 'key', req.key)
end
toQueued()
event('created', {state = 'queued'})
return reply({result = 'created', id = id})
`;

/**
 * One move. Refused as stale unless the state (and, where named, revision, epoch and generation) is the
 * expected one. Special: to \`parked\` without an open question becomes \`queued\`, so that an answer that
 * comes while the agent gives up is never lost.
 */
export const MOVE = `${PRELUDE}
local MOVES = cjson.decode('${JSON.stringify(MOVES)}')
local cur = redis.call('HMGET', rec, 'state', 'revision', 'epoch', 'generation', 'stop')
local from = cur[1]
if not from then return reply({result = 'none'}) end
local function stale() return reply({result = 'stale', state = from, revision = tonumber(cur[2]), epoch = tonumber(cur[3])}) end
local expected = false
for _, s in ipairs(req.from) do if s == from then expected = true end end
if not expected then return stale() end
if req.revision and req.revision ~= tonumber(cur[2]) then return stale() end
if req.epoch and req.epoch ~= tonumber(cur[3]) then return stale() end
if req.generation and req.generation ~= tonumber(cur[4]) then return stale() end
local to = req.to
local allowed = false
for _, s in ipairs(MOVES[from]) do if s == to then allowed = true end end
if not allowed then return stale() end
if (from == 'running' or from == 'asking') and to == 'queued' and cur[5] == '1' then to = 'cancelled' end
if to == 'parked' and redis.call('ZCARD', open) == 0 then
  to = 'queued'
  req.set.hold = cjson.encode({kind = 'answered', ['until'] = cjson.null})
  req.set.charge = '0'
end
for f, v in pairs(req.set) do redis.call('HSET', rec, f, v) end
if to == 'running' and from == 'queued' then
  redis.call('HINCRBY', rec, 'epoch', 1)
  redis.call('HSET', rec, 'runNonce', req.runNonce, 'hold', '', 'outcome', '', 'reason', '')
  if get('charge') == '1' then redis.call('HINCRBY', rec, 'attempt', 1) end
  if get('startedAt') == '' then redis.call('HSET', rec, 'startedAt', req.now) end
end
setState(from, to)
event(to == 'running' and 'started' or to, {state = to, epoch = tonumber(get('epoch')), reason = req.set.reason, why = req.why})
redis.call('PUBLISH', p .. ':wake', 'task ' .. id)
return reply({result = 'moved', state = to, revision = tonumber(get('revision')), epoch = tonumber(get('epoch')), attempt = tonumber(get('attempt'))})
`;

/** Records the questions of a live agent; a text that was recorded already changes nothing. */
export const ASK = `${PRELUDE}
local cur = redis.call('HMGET', rec, 'state', 'epoch', 'ipcGeneration')
local state = cur[1]
if not state or tonumber(cur[2]) ~= req.epoch or (state ~= 'running' and state ~= 'asking') then return reply({result = 'stale', asked = {}, again = {}}) end
local gen = cur[3]
local asked, again = {}, {}
for _, q in ipairs(req.questions) do
  local f = gen .. '.' .. q.seq
  local old = redis.call('HGET', qs, f)
  local isNew = true
  if old then
    local o = cjson.decode(old)
    if o.hash == q.hash then isNew = false
    elseif o.answer ~= cjson.null then
      redis.call('HSET', qs, f .. '~' .. string.sub(o.hash, 1, 12), old)
      redis.call('SREM', p .. ':undelivered:' .. id, f)
      again[#again + 1] = q.seq
    end
  end
  if isNew then
    redis.call('HSET', qs, f, cjson.encode({ipcGeneration = tonumber(gen), seq = q.seq, text = q.text, hash = q.hash, askedAt = req.now,
      answer = cjson.null, answeredAt = cjson.null, answeredBy = cjson.null, deliveredAt = cjson.null}))
    redis.call('ZADD', open, tonumber(gen) * 10000000 + tonumber(q.seq), f)
    redis.call('ZADD', p .. ':inbox', req.now, id .. ' ' .. f)
    asked[#asked + 1] = q.seq
    event('asked', {seq = q.seq, text = string.sub(q.text, 1, 2000)})
  end
end
if redis.call('ZCARD', open) > 0 and state == 'running' then setState('running', 'asking') end
return reply({result = 'ok', asked = asked, again = again})
`;

/** The first answer wins. The same token again is the same call again (a reply that was lost). */
export const ANSWER = `${PRELUDE}
local cur = redis.call('HMGET', rec, 'state', 'ipcGeneration', 'stop')
local state = cur[1]
if not state then return reply({result = 'none'}) end
local f
if req.seq then f = cur[2] .. '.' .. req.seq else f = redis.call('ZRANGE', open, 0, 0)[1] end
if req.token then
  local mine = redis.call('HGET', rec, 'answerToken:' .. req.token)
  if mine then f = mine end
end
local text = f and redis.call('HGET', qs, f)
if text then
  local q = cjson.decode(text)
  if q.answer ~= cjson.null then
    if req.token and redis.call('HGET', rec, 'answerToken:' .. req.token) == f then return reply({result = 'answered', seq = q.seq, question = q.text, state = state}) end
    return reply({result = 'already', seq = q.seq, by = q.answeredBy, answer = q.answer, at = q.answeredAt})
  end
end
if state == 'completed' or state == 'failed' or state == 'cancelled' or cur[3] == '1' then return reply({result = 'ended', state = state}) end
if not text then return reply({result = 'no_question'}) end
local q = cjson.decode(text)
q.answer = req.text; q.answeredAt = req.now; q.answeredBy = req.by
redis.call('HSET', qs, f, cjson.encode(q))
redis.call('ZREM', open, f)
redis.call('ZREM', p .. ':inbox', id .. ' ' .. f)
redis.call('SADD', p .. ':undelivered:' .. id, f)
if req.token then redis.call('HSET', rec, 'answerToken:' .. req.token, f) end
redis.call('HINCRBY', rec, 'revision', 1)
event('answered', {seq = q.seq, by = req.by})
if redis.call('ZCARD', open) == 0 then
  if state == 'asking' then state = 'running'; setState('asking', 'running')
  elseif state == 'parked' then
    state = 'queued'
    redis.call('HSET', rec, 'hold', '', 'charge', '0', 'startMode', 'resume')
    setState('parked', 'queued')
    event('queued', {state = 'queued', why = 'answered'})
  end
end
redis.call('PUBLISH', p .. ':wake', 'task ' .. id)
return reply({result = 'answered', seq = q.seq, question = q.text, state = state})
`;

/** Marks answers as delivered; each at most once. */
export const DELIVERED = `${PRELUDE}
for _, f in ipairs(req.fields) do
  local text = redis.call('HGET', qs, f)
  if text then
    local q = cjson.decode(text)
    if q.answer ~= cjson.null and q.deliveredAt == cjson.null then
      q.deliveredAt = req.now
      redis.call('HSET', qs, f, cjson.encode(q))
      event('delivered', {seq = q.seq})
    end
    redis.call('SREM', p .. ':undelivered:' .. id, f)
  end
end
return reply({result = 'ok'})
`;

/** Fields that follow an agent (progress, session, report), refused from a superseded epoch. */
export const FOLLOW = `${PRELUDE}
local cur = redis.call('HMGET', rec, 'state', 'epoch')
if not cur[1] or tonumber(cur[2]) ~= req.epoch then return reply({result = 'stale'}) end
for f, v in pairs(req.set) do redis.call('HSET', rec, f, v) end
if req.report then redis.call('SET', p .. ':report:' .. id, req.report) end
return reply({result = 'ok'})
`;

/** A fresh session: the old \`ipc/\` was moved aside, its open questions go with it. */
export const NEW_IPC = `${PRELUDE}
if tonumber(get('epoch')) ~= req.epoch then return reply({result = 'stale'}) end
dropOpen()
local gen = redis.call('HINCRBY', rec, 'ipcGeneration', 1)
return reply({result = 'ok', ipcGeneration = gen})
`;

/** Cancels at once what has no process; else asks the host to end it. */
export const CANCEL = `${PRELUDE}
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if state == 'completed' or state == 'failed' or state == 'cancelled' then return reply({result = 'ended', state = state}) end
if state == 'running' or state == 'asking' then
  if get('stop') ~= '1' then
    redis.call('HSET', rec, 'stop', '1', 'stopBy', req.by)
    redis.call('HINCRBY', rec, 'revision', 1)
    event('cancelling', {by = req.by})
  end
  redis.call('PUBLISH', p .. ':wake', 'task ' .. id)
  return reply({result = 'cancelling', state = state})
end
redis.call('HSET', rec, 'outcome', req.outcome)
setState(state, 'cancelled')
event('cancelled', {state = 'cancelled', by = req.by})
redis.call('PUBLISH', p .. ':wake', 'task ' .. id)
return reply({result = 'cancelled', state = 'cancelled'})
`;

/** Says why a queued task waits. */
export const HOLD = `${PRELUDE}
local cur = redis.call('HMGET', rec, 'state', 'generation')
if cur[1] ~= 'queued' or tonumber(cur[2]) ~= req.generation then return reply({result = 'stale'}) end
redis.call('HSET', rec, 'hold', req.hold)
return reply({result = 'ok'})
`;

/** Deletes an ended task with everything that belongs to it. */
export const REMOVE = `${PRELUDE}
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if state ~= 'completed' and state ~= 'failed' and state ~= 'cancelled' then return reply({result = 'not_ended', state = state}) end
local key = get('key')
if key ~= '' then redis.call('HDEL', p .. ':keys', key) end
dropOpen()
redis.call('DEL', rec, qs, p .. ':log:' .. id, p .. ':report:' .. id, p .. ':undelivered:' .. id, p .. ':cost:' .. id, p .. ':notes:' .. id)
redis.call('ZREM', p .. ':tasks', id)
event('removed', {})
return reply({result = 'removed', generation = 0})
`;
