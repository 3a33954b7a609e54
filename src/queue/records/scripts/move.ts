import { SKIPPED } from "../../../task/states.ts";
import { HOLDER } from "./holder.ts";
import { TASK } from "./prelude.ts";

/** More than any host starts within a minute. */
const STARTS_KEPT = 10_000;

/**
 * One move. Refused as stale unless the state (and, where named, revision, epoch and generation) is the
 * expected one. Special: after an acknowledged cancel whatever is no end becomes `cancelled`; to `parked`
 * without an open question becomes `queued`, so that an answer that comes while the agent gives up is never lost;
 * to `queued` becomes `waiting` while something that it needs has not completed, and is refused for an ended task where
 * that will not come. A start is refused to whoever is not the process that holds the host.
 */
export const MOVE = `${TASK}${HOLDER}local cur = redis.call('HMGET', rec, 'state', 'revision', 'epoch', 'generation', 'stop')
local from = cur[1]
if not from then return reply({result = 'none'}) end
local function stale() return reply({result = 'stale', state = from, revision = tonumber(cur[2]), epoch = tonumber(cur[3])}) end
local expected = false
for _, s in ipairs(req.from) do if s == from then expected = true end end
if not expected then return stale() end
if req.revision and req.revision ~= tonumber(cur[2]) then return stale() end
if req.epoch and req.epoch ~= tonumber(cur[3]) then return stale() end
if req.generation and req.generation ~= tonumber(cur[4]) then return stale() end
local to = req.to
local allowed = false
for _, s in ipairs(MOVES[from]) do if s == to then allowed = true end end
if not allowed then return stale() end
if req.holder then
  local holder = holderOf(get('host'))
  if holder and holder ~= req.holder then
    -- Whoever is refused looks at once who that is.
    redis.call('PUBLISH', p .. ':wake', 'host ' .. get('host'))
    return stale()
  end
end
local needs = {}
if to == 'queued' or to == 'waiting' then
  local bad, became
  to = 'queued'
  if from == 'waiting' or isEnded(from) then
    needs = needsOf()
    to, bad, became = judged(needs, isEnded(from))
  end
  if bad and isEnded(from) then return reply({result = 'needs', state = from, need = bad, became = became}) end
end
if isLive(from) and cur[5] == '1' and not isEnded(to) then
  to = 'cancelled'
  req.set.outcome = cancelledBy(get('stopBy')); req.set.reason = ''
elseif to == 'parked' and redis.call('ZCARD', open) == 0 then
  to = 'queued'
  req.set.hold = cjson.encode({kind = 'answered', ['until'] = cjson.null})
  req.set.charge = '0'
end
-- What kept it from a start before is told again by who meets it.
if to == 'queued' and not req.set.trouble then req.set.trouble = '' end
for f, v in pairs(req.set) do redis.call('HSET', rec, f, v) end
if next(needs) then
  if get('reason') == '${SKIPPED}' then clearSkip() end
  keepNeeds(needs)
end
local isAgain
if to == 'running' and from == 'queued' then
  isAgain = get('startedAt') ~= '' or nil
  redis.call('HINCRBY', rec, 'epoch', 1)
  redis.call('HSET', rec, 'runNonce', req.runNonce, 'hold', '', 'outcome', '', 'reason', '')
  if get('charge') == '1' then redis.call('HINCRBY', rec, 'attempt', 1) end
  if get('startedAt') == '' then redis.call('HSET', rec, 'startedAt', now) end
  if req.set.startedWith then
    local starts = 'starts:' .. get('host')
    mend(starts, 'zset')
    redis.call('ZADD', p .. ':' .. starts, req.upMs, id .. '.' .. get('epoch') .. ' ' .. req.set.startedWith)
    redis.call('ZREMRANGEBYRANK', p .. ':' .. starts, 0, -${STARTS_KEPT + 1})
  end
end
setState(from, to)
event(to == 'running' and 'started' or to, {state = to, epoch = tonumber(get('epoch')), again = isAgain, reason = req.set.reason, why = req.why})
wake()
return reply({result = 'moved', state = to, revision = tonumber(get('revision')), epoch = tonumber(get('epoch')), attempt = tonumber(get('attempt'))})
`;
