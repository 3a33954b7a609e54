import { PRELUDE } from "./prelude.ts";

/** Names that are looked at in one step: others wait meanwhile. */
export const NAMES_AT_ONCE = 1_000;

/**
 * Looks at a page of one list, and takes names of no task of its state and host out of a host's lists, and of no task at all
 * out of what is to get a run job: each is looked at again and again, and counted. What has no state stays: nobody knows what
 * it is. The event says, at the end of a list, how many went.
 */
export const DROP_NAMES = `${PRELUDE}
local function isOpen(state) return not isEnded(state) end
local LISTS = {
  live = {name = 'live:' .. req.host, drop = 'SREM', fits = isLive},
  active = {name = 'active:' .. req.host, drop = 'ZREM', fits = isOpen},
  outbox = {name = 'outbox', drop = 'ZREM'},
}
local list = LISTS[req.list]
local key = p .. ':' .. list.name
local function isIn(task)
  local rec = p .. ':task:' .. task
  if redis.call('EXISTS', rec) == 0 then return false end
  if not list.fits or typeOf(rec) ~= 'hash' then return true end
  local cur = redis.call('HMGET', rec, 'state', 'host')
  if not cur[1] or not MOVES[cur[1]] then return true end
  -- As isServedBy.
  return (cur[2] == req.host or not cur[2] or not isHost(cur[2])) and list.fits(cur[1])
end
mendShared()
mendHost(req.host)
local members, to, isEnd
if list.drop == 'SREM' then
  local page = redis.call('SSCAN', key, req.from, 'COUNT', ${NAMES_AT_ONCE})
  to, members, isEnd = page[1], page[2], page[1] == '0'
else
  members = redis.call('ZRANGE', key, req.from, req.from + ${NAMES_AT_ONCE - 1})
  isEnd = #members < ${NAMES_AT_ONCE}
end
local gone = 0
for _, member in ipairs(members) do
  if not isIn(list.drop == 'SREM' and member or string.match(member, '^[^ ]*')) then
    redis.call(list.drop, key, member)
    gone = gone + 1
  end
end
-- What went makes room: the rest has moved up.
if not to then to = tostring(tonumber(req.from) + #members - gone) end
local all, isOver = req.gone + gone, isEnd or req.isLast
if isOver and all > 0 then
  emit({task = '', kind = 'repaired', text = list.name, why = all .. ' of its names were of no task that belongs there'})
end
return reply({name = list.name, to = to, gone = all, isOver = isOver})
`;
