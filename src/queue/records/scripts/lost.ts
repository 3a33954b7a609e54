import { SKIPPED } from "../../../task/states.ts";
import { FENCE } from "./fence.ts";
import { IS_LOST } from "./is-lost.ts";
import { TASK } from "./prelude.ts";

/**
 * For tasks whose host is gone. Its last start is fenced: the epoch goes on, so that nothing of it is believed
 * any more, and its nonce is kept for the host, which ends what still lives of it when it comes back.
 */
const LOST = `${TASK}${FENCE}${IS_LOST}local function fence()
  fenceRun()
  redis.call('HINCRBY', rec, 'epoch', 1)
  redis.call('HSET', rec, 'runNonce', '')
end
`;

/** Cancels a task without its host, which must be gone. */
export const CANCEL_LOST = `${LOST}
-- A damaged one has no need of its host to be cancelled.
if damaged then return reply({result = 'alive'}) end
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if isEnded(state) then return reply({result = 'ended', state = state}) end
local host = get('host')
if not isLost(host) then return reply({result = 'alive', state = state}) end
fence()
redis.call('HSET', rec, 'outcome', req.outcome)
setState(state, 'cancelled')
event('cancelled', {state = 'cancelled', by = req.by, why = 'its host ' .. host .. ' is gone'})
wake()
return reply({result = 'cancelled', state = 'cancelled'})
`;

/**
 * Gives a task another host: one that has ended from anywhere, any other one only from a host that is gone. It is
 * queued there; one that is parked stays so until its question is answered.
 */
export const MOVE_HOST = `${LOST}
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if tonumber(get('revision')) ~= req.revision then return reply({result = 'stale', state = state}) end
local from = get('host')
if not isEnded(state) and not isLost(from) then return reply({result = 'alive', state = state}) end
local needs, to, bad, became = needsOf(), 'queued', nil, nil
if isEnded(state) then
  to, bad, became = judged(needs, true)
  if bad then return reply({result = 'needs', state = state, need = bad, became = became}) end
end
fence()
redis.call('SREM', p .. ':live:' .. from, id)
redis.call('ZREM', p .. ':active:' .. from, id)
for f, v in pairs(req.set) do redis.call('HSET', rec, f, v) end
redis.call('HSET', rec, 'host', req.host)
redis.call('HINCRBY', rec, 'moves', 1)
if next(needs) then
  if get('reason') == '${SKIPPED}' then clearSkip() end
  keepNeeds(needs)
end
if state == 'waiting' or state == 'parked' and redis.call('ZCARD', open) > 0 then
  redis.call('ZADD', p .. ':active:' .. req.host, now, id)
  redis.call('HINCRBY', rec, 'revision', 1)
else
  setState(state, to)
  state = to
end
event('moved', {state = state, by = req.by, why = 'from ' .. from .. ' to ' .. req.host})
wake()
return reply({result = 'moved', state = state})
`;
