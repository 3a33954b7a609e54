import { TASK } from "./prelude.ts";

/** A note to a task that has not ended. */
export const NOTE = `${TASK}
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if isEnded(state) then return reply({result = 'ended', state = state}) end
if redis.call('HLEN', notes) >= req.most then return reply({result = 'too_many'}) end
local n = redis.call('HLEN', notes) + 1
redis.call('HSET', notes, n, cjson.encode({text = req.text, by = req.by, at = now, seenAt = cjson.null}))
redis.call('HINCRBY', rec, 'pendingNotes', 1)
redis.call('HINCRBY', rec, 'revision', 1)
event('noted', {text = cut(req.told, 2000), by = req.by})
wake()
return reply({result = 'noted', state = state})
`;
