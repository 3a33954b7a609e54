import { TASK } from "./prelude.ts";

/** Of a host that never comes back; what is lost of more lies on its disk only. */
const NOTICES_KEPT = 10_000;

/** Deletes an ended task with everything that belongs to it; what its host keeps, that host is told to clear. */
export const REMOVE = `${TASK}
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if not isEnded(state) then return reply({result = 'not_ended', state = state}) end
local host, nonce = get('host'), get('nonce')
local whole, spec = pcall(cjson.decode, get('spec'))
local cwd = whole and type(spec) == 'table' and spec.cwd or nil
local key = get('key')
if key ~= '' then redis.call('HDEL', p .. ':keys', key) end
dropOpen()
redis.call('DEL', rec, qs, p .. ':log:' .. id, p .. ':report:' .. id, undelivered, p .. ':cost:' .. id, notes)
redis.call('ZREM', p .. ':tasks', id)
local removed = p .. ':removed:' .. host
redis.call('RPUSH', removed, cjson.encode({id = id, nonce = nonce, cwd = cwd}))
redis.call('LTRIM', removed, -${NOTICES_KEPT}, -1)
event('removed', {})
redis.call('PUBLISH', p .. ':wake', 'removed')
return reply({result = 'removed', generation = 0})
`;
