import { TASK } from "./prelude.ts";

/** Fields that follow an agent (progress, session, report), refused from a superseded epoch. */
export const FOLLOW = `${TASK}
local cur = redis.call('HMGET', rec, 'state', 'epoch')
if not cur[1] or tonumber(cur[2]) ~= req.epoch then return reply({result = 'stale'}) end
for f, v in pairs(req.set) do redis.call('HSET', rec, f, v) end
if req.report then redis.call('SET', p .. ':report:' .. id, req.report) end
return reply({result = 'ok'})
`;
