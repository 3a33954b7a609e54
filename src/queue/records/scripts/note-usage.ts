import { PRELUDE } from "./prelude.ts";

/** A session's totals only grow; what its cost grew by is added to the day. */
export const NOTE_USAGE = `${PRELUDE}
local cost = p .. ':cost:' .. req.task
local spend = p .. ':spend:' .. req.day
for _, counter in ipairs(req.counters) do
  local field = counter.name .. ':' .. req.session
  local grown = counter.total - tonumber(redis.call('HGET', cost, field) or '0')
  if grown > 0 or counter.name == 'usd' then
    redis.call('HSET', cost, field, tostring(counter.total - math.min(grown, 0)))
  end
  if counter.name == 'usd' and grown > 0 then
    redis.call('INCRBYFLOAT', spend, tostring(grown))
    redis.call('EXPIRE', spend, req.keptSeconds)
  end
end
return reply({fields = redis.call('HGETALL', cost), today = redis.call('GET', spend) or '0'})
`;
