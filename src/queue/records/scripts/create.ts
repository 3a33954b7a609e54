import { TASK } from "./prelude.ts";

/** Makes a task, which waits until what it needs has completed; the same nonce again is the same call again (a reply that was lost). */
export const CREATE = `${TASK}
if req.key then
  local held = redis.call('HGET', p .. ':keys', req.key)
  if held then
    local k = decoded(held)
    -- Of a task that is gone (removed while its record was damaged) it holds nobody up.
    local isThere = k and type(k.id) == 'string' and typeOf(p .. ':task:' .. k.id) ~= 'none'
    if isThere and k.nonce ~= req.nonce then
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
local needs = {}
for _, task in ipairs(req.after) do
  local key = p .. ':task:' .. task
  local held = typeOf(key) == 'hash' and redis.call('HMGET', key, 'nonce', 'state')
  if not (held and held[1] and MOVES[held[2]]) then return reply({result = 'no_need', id = id, need = task}) end
  needs[task] = {nonce = held[1], met = false}
end
-- Left by nobody of this name: a script that fails half-way leaves half a task.
mend('open:' .. id, 'zset')
redis.call('HSET', rec, 'nonce', req.nonce)
for f, v in pairs(req.fields) do redis.call('HSET', rec, f, v) end
local used = redis.call('MGET', p .. ':epoch:' .. id)[1]
if isCounter(used) then redis.call('HSET', rec, 'epoch', used) end
for _, f in ipairs(req.times) do redis.call('HSET', rec, f, now) end
redis.call('ZADD', p .. ':tasks', now, id)
redis.call('ZADD', p .. ':active:' .. req.host, now, id)
if req.key then
  redis.call('HSET', p .. ':keys', req.key, cjson.encode({id = id, hash = req.keyHash, nonce = req.nonce}))
  redis.call('HSET', rec, 'key', req.key)
end
if next(needs) then
  redis.call('HSET', rec, 'state', 'waiting')
  event('created', {state = 'waiting'})
  settleNeeds(needs)
else
  toQueued()
  event('created', {state = 'queued'})
end
return reply({result = 'created', id = id})
`;
