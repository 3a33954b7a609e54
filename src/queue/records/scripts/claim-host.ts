import { PRELUDE } from "./prelude.ts";

/** The id of a host belongs to the state directory that beats under it. */
export const CLAIM_HOST = `${PRELUDE}
local host = p .. ':host:' .. req.host
local held = redis.call('HMGET', host, 'homeId', 'beatAt')
if held[1] and held[1] ~= req.homeId and held[2] and now - (tonumber(held[2]) or 0) < req.goneMs then return reply({won = false}) end
redis.call('HSET', host, 'homeId', req.homeId, 'beatAt', now)
return reply({won = true})
`;
