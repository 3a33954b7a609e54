/**
 * Lua, after TASK: whether the host of the task is gone, by the same words as `lostFor` of lost-hosts.ts. What is no
 * time, or is still to come, was not written by a host that lives: it would have written it anew.
 */
export const IS_LOST = `
local function timeIn(text)
  if text and string.match(text, '^%d+$') and #text <= 15 then return tonumber(text) end
  return 0
end
local function isLost(host)
  local held = redis.call('HMGET', p .. ':host:' .. host, 'beatAt', 'leftAt')
  if not held[1] or held[1] == '' then return get('runNonce') ~= '' or isLive(get('state')) end
  if held[1] == '0' then return math.abs(now - timeIn(held[2])) >= req.leftMs end
  return math.abs(now - timeIn(held[1])) >= req.goneMs
end
`;
