import { PRELUDE } from "./prelude.ts";

/**
 * Takes names of no task of its state and host out of a host's lists, and of no task at all out of what is to get a run
 * job: each is looked at again and again, and counted. What is damaged stays: nobody knows what it is.
 */
export const DROP_NAMES = `${PRELUDE}
local dropped, left = {}, false
local function isIn(task, fits)
  local key = p .. ':task:' .. task
  if redis.call('EXISTS', key) == 0 then return false end
  if not fits or typeOf(key) ~= 'hash' then return true end
  local cur = redis.call('HMGET', key, 'state', 'host')
  if not cur[1] or not MOVES[cur[1]] or not cur[2] or not isHost(cur[2]) then return true end
  return cur[2] == req.host and fits(cur[1])
end
local function isOpen(state) return not isEnded(state) end
local function look(name, all, drop, idOf, fits)
  local count = 0
  for _, member in ipairs(all) do
    if not isIn(idOf(member), fits) then
      if count == req.atOnce then left = true; break end
      redis.call(drop, p .. ':' .. name, member)
      count = count + 1
    end
  end
  if count > 0 then
    dropped[#dropped + 1] = name
    emit({task = '', kind = 'repaired', text = name, why = count .. ' of its names were of no task that belongs there'})
  end
end
local function itself(member) return member end
mendShared()
mendHost(req.host)
look('live:' .. req.host, redis.call('SMEMBERS', p .. ':live:' .. req.host), 'SREM', itself, isLive)
look('active:' .. req.host, redis.call('ZRANGE', p .. ':active:' .. req.host, 0, -1), 'ZREM', itself, isOpen)
look('outbox', redis.call('ZRANGE', p .. ':outbox', 0, -1), 'ZREM', function(member) return string.match(member, '^[^ ]*') end)
return reply({dropped = dropped, count = #dropped, left = left})
`;
