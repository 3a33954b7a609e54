import { TASK } from "./prelude.ts";

/** Makes a task; the same nonce again is the same call again (a reply that was lost). */
export const CREATE = `${TASK}
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
  'workingSince', '', 'createdAt', now, 'queuedAt', now, 'startedAt', '', 'endedAt', '', 'hasReport', '')
redis.call('ZADD', p .. ':tasks', now, id)
redis.call('ZADD', p .. ':active:' .. req.host, now, id)
if req.key then
  redis.call('HSET', p .. ':keys', req.key, cjson.encode({id = id, hash = req.keyHash, nonce = req.nonce}))
  redis.call('HSET', rec, 'key', req.key)
end
toQueued()
event('created', {state = 'queued'})
return reply({result = 'created', id = id})
`;
