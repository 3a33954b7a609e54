import { OPEN_QUESTIONS_LIMIT } from "../../../task/question.ts";
import { TASK } from "./prelude.ts";

/**
 * Records the questions of a live agent. A text that is open or answered already changes nothing; one that
 * was dropped unanswered (its task ended, and goes on in the same session) is open again.
 */
export const ASK = `${TASK}
local cur = redis.call('HMGET', rec, 'state', 'epoch', 'ipcGeneration', 'stop')
local state = cur[1]
if not state or tonumber(cur[2]) ~= req.epoch or not isLive(state) or cur[4] == '1' then return reply({result = 'stale', asked = {}, again = {}, waiting = {}}) end
local gen = cur[3]
local asked, again, waiting = {}, {}, {}
for _, q in ipairs(req.questions) do
  local f = gen .. '.' .. q.seq
  local old = redis.call('HGET', qs, f)
  local isNew, answered = true, false
  if old then
    local o = decoded(old)
    if not o then isNew = true
    elseif o.hash == q.hash then isNew = o.answer == cjson.null and not redis.call('ZSCORE', open, f)
    else answered = o.answer ~= cjson.null end
  end
  if isNew and not redis.call('ZSCORE', open, f) and redis.call('ZCARD', open) >= ${OPEN_QUESTIONS_LIMIT} then
    waiting[#waiting + 1] = q.seq
  elseif isNew then
    if answered then
      redis.call('HSET', qs, f .. '~' .. redis.call('HLEN', qs), old)
      redis.call('SREM', undelivered, f)
      again[#again + 1] = q.seq
    end
    redis.call('HSET', qs, f, cjson.encode({ipcGeneration = tonumber(gen), seq = q.seq, text = q.text, hash = q.hash, askedAt = now,
      answer = cjson.null, answeredAt = cjson.null, answeredBy = cjson.null, deliveredAt = cjson.null}))
    redis.call('ZADD', open, tonumber(gen) * 10000000 + tonumber(q.seq), f)
    redis.call('ZADD', p .. ':inbox', now, id .. ' ' .. f)
    asked[#asked + 1] = q.seq
    chatter('asked', {seq = q.seq, text = cut(q.text, 2000)})
  end
end
if redis.call('ZCARD', open) > 0 and state == 'running' then setState('running', 'asking') end
return reply({result = 'ok', asked = asked, again = again, waiting = waiting})
`;
