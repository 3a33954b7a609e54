import { IS_FRESH } from "./is-fresh.ts";

/** Lua, after TASK: whether the host of the task is gone, by the same words as `lostFor` of lost-hosts.ts. */
export const IS_LOST = `${IS_FRESH}
local function isLost(host)
  local held = redis.call('HMGET', p .. ':host:' .. host, 'beatAt', 'leftAt')
  if not held[1] or held[1] == '' then return get('runNonce') ~= '' or isLive(get('state')) end
  return isGone(held[1], held[2], req.goneMs, req.leftMs)
end
`;
