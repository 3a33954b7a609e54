import { FENCE } from "./fence.ts";
import { TASK } from "./prelude.ts";

/** Cancels at once what has no process; else asks the host to end it. */
export const CANCEL = `${TASK}${FENCE}
if damaged then
  if typeOf(rec) ~= 'hash' then return reply({result = 'damaged', damage = damaged}) end
  fenceRun()
  for _, host in ipairs(allHosts()) do
    redis.call('SREM', p .. ':live:' .. host, id)
    redis.call('ZREM', p .. ':active:' .. host, id)
  end
  redis.call('HSET', rec, 'state', 'cancelled', 'endedAt', now, 'hold', '', 'stop', '', 'outcome', cancelledBy(req.by))
  event('cancelled', {state = 'cancelled', by = req.by})
  wake()
  changes[1] = {task = id, nonce = get('nonce')}
  return reply({result = 'cancelled', state = 'cancelled'})
end
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if isEnded(state) then return reply({result = 'ended', state = state}) end
if isLive(state) then
  if get('stop') ~= '1' then
    redis.call('HSET', rec, 'stop', '1', 'stopBy', req.by)
    redis.call('HINCRBY', rec, 'revision', 1)
    -- Nobody shall answer it; that one is open still tells how the agent ended.
    dropFromInbox()
    event('cancelling', {by = req.by})
  end
  wake()
  return reply({result = 'cancelling', state = state})
end
redis.call('HSET', rec, 'outcome', cancelledBy(req.by))
setState(state, 'cancelled')
event('cancelled', {state = 'cancelled', by = req.by})
wake()
return reply({result = 'cancelled', state = 'cancelled'})
`;
