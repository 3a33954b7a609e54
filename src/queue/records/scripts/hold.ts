import { TASK } from "./prelude.ts";

/** Says why a queued task waits. */
export const HOLD = `${TASK}
local cur = redis.call('HMGET', rec, 'state', 'generation')
if cur[1] ~= 'queued' or tonumber(cur[2]) ~= req.generation then return reply({result = 'stale'}) end
redis.call('HSET', rec, 'hold', req.hold)
return reply({result = 'ok'})
`;
