/**
 * Lua: whether what a host wrote is of a host that lives, by the same words as `isFresh` of task/host.ts. What is no
 * time, or is still to come, was not written by one: it would have written it anew.
 */
export const IS_FRESH = `
local function timeIn(text)
  if text and string.match(text, '^%d+$') and #text <= 15 then return tonumber(text) end
  return 0
end
local function isFresh(text, limitMs) return math.abs(now - timeIn(text)) < limitMs end
-- Of a host that has shown itself once.
local function isGone(beatAt, leftAt, goneMs, leftMs)
  if beatAt == '0' then return not isFresh(leftAt, leftMs) end
  return not isFresh(beatAt, goneMs)
end
`;
