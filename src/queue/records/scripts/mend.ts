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

/** What BullMQ would hold a whole queue for. Dispatch sets none of it: it has ways of its own to hold tasks, which are told. */
const BULL_HOLDS = ["paused", "concurrency", "max", "duration"];

/**
 * Puts right what all tasks share, here and of the named hosts (without names: of all), and what of `task` is no part of
 * its record. `relist`: also lists from which something is missing, a page of the records at a time from there.
 */
export const MEND = `${PRELUDE}
local BULL = cjson.decode('${JSON.stringify(BULL_KEYS)}')
local HOLDS = cjson.decode('${JSON.stringify(BULL_HOLDS)}')
-- Anybody's Bull Board or script can pause or limit a queue, and nobody would be told. Its worker is woken.
local function unhold(name)
  local key, held = p .. ':bull:' .. name, {}
  for _, field in ipairs(HOLDS) do
    if redis.call('HDEL', key .. ':meta', field) > 0 then held[#held + 1] = field end
  end
  local kept = redis.call('HGET', key .. ':meta', 'opts.maxLenEvents')
  if kept and not isCounter(kept) then
    redis.call('HDEL', key .. ':meta', 'opts.maxLenEvents')
    held[#held + 1] = 'opts.maxLenEvents'
  end
  if redis.call('DEL', key .. ':limiter') > 0 then held[#held + 1] = 'limiter' end
  -- It keeps every worker from looking for jobs that nobody works on.
  if redis.call('PTTL', key .. ':stalled-check') == -1 then redis.call('DEL', key .. ':stalled-check') end
  -- BullMQ puts nothing there any more, and takes nothing from there.
  while redis.call('RPOPLPUSH', key .. ':paused', key .. ':wait') do held[1] = held[1] or 'paused' end
  if #held == 0 then return end
  redis.call('ZADD', key .. ':marker', 0, '0')
  mended[#mended + 1] = 'bull:' .. name
  emit({task = '', kind = 'repaired', text = 'bull:' .. name, why = 'somebody had set in BullMQ what held the queue: ' .. table.concat(held, ', ')})
end
mendShared()
mend('spend:' .. req.day, 'amount')
-- What is told of a task, beside its record: it holds up no end.
if req.task then mend('cost:' .. req.task, 'hash'); mend('log:' .. req.task, 'stream') end
if req.batch then mend('members:' .. req.batch, 'zset', true) end
-- What is no host, nobody could ask to be removed.
local strangers = 0
for _, name in ipairs(someHosts()) do
  if not (isHost(name) and #name <= 63 and isKnownHost(name)) then
    redis.call('SREM', p .. ':hosts', name)
    strangers = strangers + 1
  end
end
if strangers > 0 then emit({task = '', kind = 'repaired', text = 'hosts', why = 'names in the list of hosts were none: ' .. strangers}) end
for _, host in ipairs(req.hosts or someHosts()) do
  mendHost(host)
  mend('gates:' .. host, 'hash'); mend('lanes:' .. host, 'hash'); mend('turns:' .. host, 'hash'); mend('limited:' .. host, 'hash'); mend('starts:' .. host, 'zset'); mend('notified:' .. host, 'place'); mend('sweep:' .. host, 'string')
  -- A lease that never ends is nobody's.
  if redis.call('PTTL', p .. ':sweep:' .. host) == -1 then redis.call('DEL', p .. ':sweep:' .. host) end
  for _, queue in ipairs({'run-', 'monitor-', 'notify-'}) do
    for kind, names in pairs(BULL) do
      for _, name in ipairs(names) do mend('bull:' .. queue .. host .. ':' .. name, kind) end
    end
    unhold(queue .. host)
  end
end
if typeOf(p .. ':events') ~= 'none' and typeOf(p .. ':events') ~= 'stream' then emit({task = '', kind = 'repaired', text = 'events'}) end
local to = '0'
if listsLost then relist() elseif req.relist then to = relistPage(req.relist, true) end
return reply({count = #mended, mended = mended, to = to})
`;
