import { MOST_USD } from "../../../task/spec.ts";
import { PRELUDE } from "./prelude.ts";

/**
 * Totals only grow; what the task's cost grew by is added to the day. A field is `counter:session`, or
 * `counter:session#run` for one run of it: of a session counts the larger of its own total and its runs' sum.
 * No task adds more to a day than `req.most`, whatever its agent says; which ones did stands beside the day.
 */
export const NOTE_USAGE = `${PRELUDE}
mend('spend:' .. req.day, 'amount'); mend('spenders:' .. req.day, 'zset')
mend('cost:' .. req.task, 'hash')
local cost = p .. ':cost:' .. req.task
local spend = p .. ':spend:' .. req.day
local spenders = p .. ':spenders:' .. req.day
local function spent()
  local totals, runs = {}, {}
  local all = redis.call('HGETALL', cost)
  for i = 1, #all, 2 do
    local name = string.match(all[i], '^usd:(.*)$')
    if name then
      local session = string.match(name, '^(.*)#%d+$')
      local value = tonumber(all[i + 1]) or 0
      if session then runs[session] = (runs[session] or 0) + value else totals[name] = value end
    end
  end
  local sum = 0
  for session, value in pairs(runs) do sum = sum + math.max(value, totals[session] or 0) end
  for session, value in pairs(totals) do if not runs[session] then sum = sum + value end end
  return math.min(sum, req.most or sum)
end
local before = spent()
-- What its batch has cost stands in that one's record.
local function addToBatch(grown)
  local batch = redis.pcall('HGET', p .. ':task:' .. req.task, 'batch')
  local ofIt = type(batch) == 'string' and batch ~= '' and p .. ':batch:' .. batch
  if not ofIt or typeOf(ofIt) ~= 'hash' then return nil end
  local c = redis.call('HMGET', ofIt, 'budgetUsd', 'spentUsd')
  local had = c[2] and string.match(c[2], FORMS.amount) and tonumber(c[2]) or 0
  if grown > 0 then redis.call('HSET', ofIt, 'spentUsd', string.format('%.17g', math.min(had + grown, ${MOST_USD}))) end
  return {id = batch, budget = c[1] or '', spent = redis.call('HGET', ofIt, 'spentUsd') or ''}
end
for _, counter in ipairs(req.counters) do
  local had = tonumber(redis.call('HGET', cost, counter.field) or '')
  if not had or counter.total > had then redis.call('HSET', cost, counter.field, string.format('%.17g', counter.total)) end
end
-- A day that holds more than can be is counted as nothing: what is told must not bring it there.
local more = spent() - before
local ofBatch = addToBatch(more)
local grown = math.min(more, ${MOST_USD} - tonumber(redis.call('GET', spend) or '0'))
if grown > 0 then
  redis.call('INCRBYFLOAT', spend, string.format('%.17g', grown))
  redis.call('EXPIRE', spend, req.keptSeconds)
  redis.call('ZINCRBY', spenders, string.format('%.17g', grown), req.task)
  redis.call('EXPIRE', spenders, req.keptSeconds)
end
return reply({fields = redis.call('HGETALL', cost), today = redis.call('GET', spend) or '0', batch = ofBatch or cjson.null})
`;
