import { PRELUDE } from "./prelude.ts";

/** BullMQ's keys of one queue. Its jobs are made again from the records. */
const BULL_KEYS = {
	list: ["wait", "active", "paused"],
	zset: ["delayed", "prioritized", "completed", "failed", "waiting-children", "marker", "repeat"],
	set: ["stalled"],
	hash: ["meta"],
	stream: ["events"],
	number: ["id", "pc"],
	string: ["stalled-check"],
};

/**
 * Puts right what all tasks share, here and of the named hosts (without names: of all), and what of `task` is no part of
 * its record. `relist`: also lists from which something is missing.
 */
export const MEND = `${PRELUDE}
local BULL = cjson.decode('${JSON.stringify(BULL_KEYS)}')
mendShared()
mend('spend:' .. req.day, 'amount')
-- What is told of a task, beside its record: it holds up no end.
if req.task then mend('cost:' .. req.task, 'hash'); mend('log:' .. req.task, 'stream') end
if req.batch then mend('members:' .. req.batch, 'zset', true) end
-- What is no host's id is no host, and nobody could ask for it to be removed.
for _, name in ipairs(redis.call('SMEMBERS', p .. ':hosts')) do
  if not (string.match(name, '^[a-z0-9][a-z0-9-]*$') and #name <= 63) then
    redis.call('SREM', p .. ':hosts', name)
    emit({task = '', kind = 'repaired', text = 'hosts', why = 'a name in the list of hosts was none'})
  end
end
for _, host in ipairs(req.hosts or redis.call('SMEMBERS', p .. ':hosts')) do
  mendHost(host)
  mend('gates:' .. host, 'hash'); mend('notified:' .. host, 'place'); mend('sweep:' .. host, 'string')
  -- A lease that never ends is nobody's.
  if redis.call('PTTL', p .. ':sweep:' .. host) == -1 then redis.call('DEL', p .. ':sweep:' .. host) end
  for _, queue in ipairs({'run-', 'monitor-', 'notify-'}) do
    for kind, names in pairs(BULL) do
      for _, name in ipairs(names) do mend('bull:' .. queue .. host .. ':' .. name, kind) end
    end
  end
end
if typeOf(p .. ':events') ~= 'none' and typeOf(p .. ':events') ~= 'stream' then emit({task = '', kind = 'repaired', text = 'events'}) end
if listsLost or req.relist then relist() end
return reply({count = #mended, mended = mended})
`;
