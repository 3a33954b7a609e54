import { TASK } from "./prelude.ts";

/** Deletes an ended task with everything that belongs to it. */
export const REMOVE = `${TASK}
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if not isEnded(state) then return reply({result = 'not_ended', state = state}) end
local key = get('key')
if key ~= '' then redis.call('HDEL', p .. ':keys', key) end
dropOpen()
redis.call('DEL', rec, qs, p .. ':log:' .. id, p .. ':report:' .. id, undelivered, p .. ':cost:' .. id, notes)
redis.call('ZREM', p .. ':tasks', id)
event('removed', {})
return reply({result = 'removed', generation = 0})
`;
