import { PRELUDE } from "./prelude.ts";

/** Takes names of no task out of a host's lists, and out of what is to get a run job: each is looked at again and again. */
export const DROP_NAMES = `${PRELUDE}
local dropped, left = {}, false
local function look(name, all, drop, idOf)
  local count = 0
  for _, member in ipairs(all) do
    if redis.call('EXISTS', p .. ':task:' .. idOf(member)) == 0 then
      if count == req.atOnce then left = true; break end
      redis.call(drop, p .. ':' .. name, member)
      count = count + 1
    end
  end
  if count > 0 then
    dropped[#dropped + 1] = name
    emit({task = '', kind = 'repaired', text = name, why = count .. ' of its names were of no task'})
  end
end
local function itself(member) return member end
mendShared()
mendHost(req.host)
look('live:' .. req.host, redis.call('SMEMBERS', p .. ':live:' .. req.host), 'SREM', itself)
look('active:' .. req.host, redis.call('ZRANGE', p .. ':active:' .. req.host, 0, -1), 'ZREM', itself)
look('outbox', redis.call('ZRANGE', p .. ':outbox', 0, -1), 'ZREM', function(member) return string.match(member, '^[^ ]*') end)
return reply({dropped = dropped, count = #dropped, left = left})
`;
