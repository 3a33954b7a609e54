import { PRELUDE } from "./prelude.ts";

/** Says of a host that it shall start nothing new, or that it may again. Whoever said so first stays named. */
export const DRAIN_HOST = `${PRELUDE}
mendHost(req.host)
local host = p .. ':host:' .. req.host
if req.on then
  local held = decoded(redis.call('HGET', host, 'drain'))
  local isSound = held and type(held.by) == 'string' and type(held.at) == 'number'
  if not isSound then redis.call('HSET', host, 'drain', cjson.encode({by = req.by, at = now})) end
else redis.call('HDEL', host, 'drain') end
redis.call('PUBLISH', p .. ':wake', 'host ' .. req.host)
return reply({result = 'ok'})
`;
