import { TASK } from "./prelude.ts";

/** The first answer wins. */
export const ANSWER = `${TASK}
local cur = redis.call('HMGET', rec, 'state', 'ipcGeneration', 'stop')
local state = cur[1]
if not state then return reply({result = 'none'}) end
-- A number may be spelled with more zeros than people type.
local function fieldOf(gen, seq)
  local field = gen .. '.' .. seq
  if redis.call('HEXISTS', qs, field) == 1 then return field end
  for _, other in ipairs(redis.call('HKEYS', qs)) do
    local g, s = string.match(other, '^(%d+)%.(%d+)$')
    if g == gen and tonumber(s) == tonumber(seq) then return other end
  end
  return field
end
local f
if req.seq then f = fieldOf(cur[2], req.seq) else f = redis.call('ZRANGE', open, 0, 0)[1] end
local text = f and redis.call('HGET', qs, f)
if text then
  local q = decoded(text)
  if not q then return reply({result = 'damaged', damage = 'question ' .. f .. ' is no sound JSON'}) end
  if q.answer ~= cjson.null then
    return reply({result = 'already', seq = q.seq, by = q.answeredBy, answer = q.answer, at = q.answeredAt})
  end
end
if isEnded(state) or cur[3] == '1' then return reply({result = 'ended', state = state}) end
if not text then
  -- It waits all the same: who is told that there is none would look for it in the list that names it.
  if f and redis.call('ZSCORE', open, f) then return reply({result = 'damaged', damage = 'the text of question ' .. f .. ' is not there'}) end
  return reply({result = 'no_question'})
end
local q = decoded(text)
-- An agent may put another text in the place of its open question: what was shown is what is answered.
if req.shown and (q.hash ~= req.shown or (req.shownAt and q.askedAt ~= req.shownAt)) then return reply({result = 'other', seq = q.seq, anew = q.hash == req.shown}) end
q.answer = req.text; q.answeredAt = now; q.answeredBy = req.by
redis.call('HSET', qs, f, cjson.encode(q))
redis.call('ZREM', open, f)
redis.call('ZREM', p .. ':inbox', id .. ' ' .. f)
redis.call('SADD', undelivered, f)
redis.call('HINCRBY', rec, 'revision', 1)
event('answered', {seq = q.seq, by = req.by, text = cut(req.told, 2000)})
if redis.call('ZCARD', open) == 0 then
  if state == 'asking' then state = 'running'; setState('asking', 'running')
  elseif state == 'parked' then
    state = 'queued'
    redis.call('HSET', rec, 'hold', '', 'charge', '0', 'startMode', 'resume')
    setState('parked', 'queued')
    event('queued', {state = 'queued', why = 'answered'})
  end
end
wake()
return reply({result = 'answered', seq = q.seq, question = q.text, state = state})
`;
