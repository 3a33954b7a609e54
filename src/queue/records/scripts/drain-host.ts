import { LAST_TIME } from "../../../task/check.ts";
import { PRELUDE } from "./prelude.ts";

/**
 * Says of a host that it shall start nothing new, or that it may again. Whoever said so first stays named. What is
 * taken for sound is written anew: cjson takes what no other reader of JSON does, and whoever was told "drained" must
 * find it so.
 */
export const DRAIN_HOST = `${PRELUDE}
mendHost(req.host)
local host = p .. ':host:' .. req.host
if req.on then
  local held = decoded(redis.call('HGET', host, 'drain'))
  local isSound = held and type(held.by) == 'string' and type(held.at) == 'number' and held.at >= 0 and held.at <= ${LAST_TIME}
  if not isSound then held = {by = req.by, at = now} end
  redis.call('HSET', host, 'drain', cjson.encode({by = held.by, at = math.min(held.at, now)}))
else redis.call('HDEL', host, 'drain') end
redis.call('PUBLISH', p .. ':wake', 'host ' .. req.host)
return reply({result = 'ok'})
`;
