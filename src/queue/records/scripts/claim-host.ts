import { PRELUDE } from "./prelude.ts";

/**
 * The id of a host belongs to the state directory that beats under it, and to one place of it: a copy, or a clone
 * of the machine, beats under the same ids. Within the place it belongs to the process that claimed it last.
 */
export const CLAIM_HOST = `${PRELUDE}
mendHost(req.host)
local host = p .. ':host:' .. req.host
local held = redis.call('HMGET', host, 'homeId', 'beatAt', 'place', 'home', 'holder')
local lives = held[1] and held[2] and now - (tonumber(held[2]) or 0) < req.goneMs
if lives and held[1] ~= req.homeId then return reply({won = false, by = 'directory'}) end
if lives and held[3] and held[3] ~= req.place and held[2] ~= req.silentSince then
  return reply({won = false, by = 'copy', beatAt = held[2], home = held[4] or ''})
end
local holder = held[5]
if holder and holder ~= '' and holder ~= req.holder and held[3] == req.place and holder ~= req.gone then
  return reply({won = false, by = 'process', holder = holder})
end
redis.call('HSET', host, 'homeId', req.homeId, 'beatAt', now, 'place', req.place, 'holder', req.holder)
-- Whom this displaces looks at once.
redis.call('PUBLISH', p .. ':wake', 'host ' .. req.host)
return reply({won = true})
`;

/** A host says that it lives; where another place or process has taken its id, it does not. */
export const BEAT = `${PRELUDE}
mendShared()
mendHost(req.host)
local host = p .. ':host:' .. req.host
for name, own in pairs({place = req.place, holder = req.holder}) do
  local held = redis.call('HGET', host, name)
  if held and held ~= '' and held ~= own then return reply({mine = false}) end
end
redis.call('HSET', host, 'beatAt', now)
for name, value in pairs(req.state) do redis.call('HSET', host, name, tostring(value)) end
for name, own in pairs({place = req.place, holder = req.holder}) do redis.call('HSET', host, name, own) end
redis.call('SADD', p .. ':hosts', req.host)
if listsLost then relist() end
return reply({mine = true})
`;
