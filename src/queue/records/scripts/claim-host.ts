import { HOLDER } from "./holder.ts";
import { IS_FRESH } from "./is-fresh.ts";
import { PRELUDE } from "./prelude.ts";

const OTHER = `${HOLDER}${IS_FRESH}
mendHost(req.host)
local host = p .. ':host:' .. req.host
local held = redis.call('HMGET', host, 'homeId', 'beatAt', 'place', 'home')
local lives = isFresh(held[2], req.goneMs)
-- Who else has it: another place that may beat, or another process of this one; nil: nobody. Whoever asks looks whether
-- that one is there, and asks again.
local function other()
  if not req.place then return nil end
  local isHere = not held[3] or held[3] == '' or held[3] == req.place
  if not isHere and lives and held[2] ~= req.silentSince then
    return {won = false, by = 'copy', beatAt = held[2], home = held[4] or ''}
  end
  local holder = holderOf(req.host)
  if isHere and holder and holder ~= req.holder and holder ~= req.gone then
    return {won = false, by = 'process', holder = holder}
  end
  return nil
end
`;

/**
 * The id of a host belongs to the state directory that beats under it, and to one place of it: a copy, or a clone
 * of the machine, beats under the same ids. Within the place it belongs to the process that claimed it last.
 */
export const CLAIM_HOST = `${PRELUDE}${OTHER}
if lives and held[1] and held[1] ~= req.homeId then return reply({won = false, by = 'directory'}) end
local has = other()
if has then return reply(has) end
redis.call('HSET', host, 'homeId', req.homeId, 'beatAt', now, 'place', req.place, 'holder', req.holder)
-- Whom this displaces looks at once.
redis.call('PUBLISH', p .. ':wake', 'host ' .. req.host)
return reply({won = true})
`;

/** A host says that it lives; where another place or process has taken its id, it does not. */
export const BEAT = `${PRELUDE}${OTHER}
mendShared()
local has = other()
if has then return reply(has) end
redis.call('HSET', host, 'beatAt', now)
for name, value in pairs(req.state) do redis.call('HSET', host, name, tostring(value)) end
for name, own in pairs({place = req.place, holder = req.holder}) do redis.call('HSET', host, name, own) end
redis.call('SADD', p .. ':hosts', req.host)
if listsLost then relist() end
return reply({won = true})
`;
