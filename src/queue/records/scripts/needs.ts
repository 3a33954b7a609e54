/**
 * Needs: what a task waits for. Authoritative is the record's `needs`: by id, which creation of the task is meant and
 * whether it has completed. Per task a set `dependents:<id>` names who waits for it, or was skipped because of it: an
 * index, which `relist` makes anew. What a move means for others is done in the same script, before its reply.
 *
 * An edge leads to a task that was there before, so there is no cycle.
 */
import { SKIPPED } from "../../../task/states.ts";

/** Lua, in TASK after `about`, `get` and `typeOf`. */
export const NEEDS = `
local function dependentsOf(task)
  mend('dependents:' .. task, 'zset', true)
  return p .. ':dependents:' .. task
end
-- Read a moment ago for its damage: of a thousand needs reading is most of the work.
local freshNeeds = nil
-- nil: damaged. Only what is ours is taken along, since all of it is written again.
local function readNeeds()
  local text, needs = get('needs'), {}
  if text == '' then return needs end
  local ok, found = pcall(cjson.decode, text)
  if not ok or type(found) ~= 'table' then return nil end
  for task, need in pairs(found) do
    if type(task) ~= 'string' or not string.match(task, '^[a-z0-9][a-z0-9-]*$') then return nil end
    if type(need) ~= 'table' or type(need.nonce) ~= 'string' or type(need.met) ~= 'boolean' then return nil end
    needs[task] = {nonce = need.nonce, met = need.met, stops = need.stops == true or nil}
  end
  return needs
end
local function needsOf()
  local fresh = freshNeeds
  freshNeeds = nil
  if fresh and fresh.id == id then return fresh.needs end
  return readNeeds()
end
local function areNeedsSound()
  local needs = readNeeds()
  freshNeeds = needs and {id = id, needs = needs}
  return needs ~= nil
end
-- What became of it: a state, or 'removed'. A damaged one is waited for: somebody has to act.
local function stateOfNeed(task, nonce)
  local key = p .. ':task:' .. task
  local kind = typeOf(key)
  if kind ~= 'hash' then return kind == 'none' and 'removed' or 'damaged' end
  local c = redis.call('HMGET', key, 'nonce', 'state')
  return (c[1] or nonce) == nonce and (c[2] or 'damaged') or 'removed'
end
-- What one failure means for the others of the task's batch; '': it has none, or does not say.
local function onFailure()
  local said = get('batch') ~= '' and redis.pcall('HGET', p .. ':batch:' .. get('batch'), 'onFailure')
  return type(said) == 'string' and said or ''
end
-- Whether one that it needs, in this state, stands in its way no longer.
local function isEnough(state) return state == 'completed' or (state == 'failed' and onFailure() == 'continue') end
local freed = {}
-- Looks at all of them. again: at those that were met, too; what was removed then stands in nobody's way.
-- @returns how the task goes on; what will not be met, and what became of that
local function judged(needs, again)
  local to, bad, became = 'queued', nil, nil
  freed = {}
  for task, need in pairs(needs) do
    if again or not need.met then
      local state = stateOfNeed(task, need.nonce)
      need.met = isEnough(state) or (again and state == 'removed') or false
      if need.met then freed[#freed + 1] = task
      else
        to = 'waiting'
        if (isEnded(state) or state == 'removed') and (not bad or task < bad) then bad, became = task, state end
      end
    end
  end
  return to, bad, became
end
local function keepNeeds(needs)
  freshNeeds = nil
  redis.call('HSET', rec, 'needs', cjson.encode(needs))
  for _, task in ipairs(freed) do redis.call('ZREM', dependentsOf(task), id) end
  for task, need in pairs(needs) do
    if not need.met then redis.call('ZADD', dependentsOf(task), 'NX', tonumber(get('createdAt')) or now, id) end
  end
end
local function forgetNeeds()
  for task in pairs(needsOf() or {}) do redis.call('ZREM', dependentsOf(task), id) end
end
local BECAME = {failed = 'failed', cancelled = 'was cancelled', removed = 'was removed'}
-- What the root of it all is, in words, and how to go on.
local function noteSkip(need, became)
  local root = became ~= 'removed' and decoded(redis.call('HGET', p .. ':task:' .. need, 'skip'))
  if root and not (type(root.task) == 'string' and type(root.became) == 'string' and type(root.start) == 'string') then root = nil end
  local via = root and ', by way of \`' .. need .. '\`' or ''
  if not root then root = {task = need, became = BECAME[became] or 'ended', start = became == 'removed' and id or need} end
  local text, before = cjson.encode(root), get('skip')
  local itself = (needsOf() or {})[need] or {}
  local why = itself.stops and 'its batch stops at a failure (on_failure), and \`' .. root.task .. '\` '
    or 'it needs \`' .. root.task .. '\`' .. via .. ', which '
  local all = root.start == id and 'To start it all the same' or 'To start both'
  redis.call('HSET', rec, 'reason', '${SKIPPED}', 'skip', text, 'outcome', endedOutcome('cancelled',
    'Not started: ' .. why .. root.became .. '. ' .. all .. ': dispatch retry ' .. root.start))
  -- Those that it keeps from starting say the same.
  if before ~= '' and before ~= text then changes[#changes + 1] = {task = id, nonce = get('nonce')} end
end
local function skip(need, became)
  noteSkip(need, became)
  setState(get('state'), 'cancelled')
  event('cancelled', {state = 'cancelled', reason = '${SKIPPED}', why = 'it needs ' .. need .. ', which ' .. (BECAME[became] or 'ended')})
  wake()
end
local function goOn()
  setState('waiting', 'queued')
  event('queued', {state = 'queued', why = 'what it needed has completed'})
  wake()
end
-- A waiting task goes on, is skipped, or waits: by a look at all that it needs.
local function settleNeeds(needs)
  local to, bad, became = judged(needs)
  keepNeeds(needs)
  if bad then skip(bad, became) elseif to == 'queued' then goOn() end
end
-- The same, by what has become of one of these: the others are as they were.
local function settleOne(needs, task)
  local need = needs[task]
  local became = stateOfNeed(task, need.nonce)
  if isEnough(became) then
    need.met = true
    redis.call('HSET', rec, 'needs', cjson.encode(needs))
    redis.call('ZREM', dependentsOf(task), id)
    for _, other in pairs(needs) do if not other.met then return end end
    goOn()
  elseif isEnded(became) or became == 'removed' then skip(task, became) end
end
local function clearSkip() redis.call('HSET', rec, 'reason', '', 'outcome', '', 'skip', '') end
-- One that was skipped waits again, unless something else stands in its way.
local function wakeSkipped(needs)
  local to, bad, became = judged(needs)
  keepNeeds(needs)
  if bad then return noteSkip(bad, became) end
  clearSkip()
  setState('cancelled', to)
  event(to, {state = to, why = 'what it needs was started again'})
  wake()
end
-- What has happened to one task is told to those that wait for it, and to those that wait for these.
local function tellDependents()
  local asked, at, sound = id, 1, {}
  while changes[at] do
    local task, nonce = changes[at].task, changes[at].nonce
    at = at + 1
    local dependents = dependentsOf(task)
    if listsLost then relist(); listsLost = false end
    for _, each in ipairs(redis.call('ZRANGE', dependents, 0, -1)) do
      about(each)
      local isThere = typeOf(rec) == 'hash'
      if not isThere or not damage() then
        local host, needs = isThere and get('host'), isThere and needsOf() or {}
        if host and not sound[host] then mendHost(host); sound[host] = true end
        local need, state = needs[task], isThere and get('state')
        if need and not need.met and state == 'waiting' then if need.nonce == nonce then settleOne(needs, task) end
        elseif need and not need.met and state == 'cancelled' and get('reason') == '${SKIPPED}' then
          if need.nonce == nonce then wakeSkipped(needs) end
        else redis.call('ZREM', dependents, each) end
      end
    end
  end
  about(asked)
  if listsLost then relist() end
end
`;
