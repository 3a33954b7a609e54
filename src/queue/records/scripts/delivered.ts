import { TASK } from "./prelude.ts";

/** Marks answers as delivered; each at most once. What was answered past the scripts is open no more either. */
export const DELIVERED = `${TASK}
for _, f in ipairs(req.fields) do
  local text = redis.call('HGET', qs, f)
  if text then
    local q = decoded(text)
    if q and q.answer ~= cjson.null and q.deliveredAt == cjson.null then
      q.deliveredAt = now
      redis.call('HSET', qs, f, cjson.encode(q))
      event('delivered', {seq = q.seq})
      redis.call('ZREM', open, f)
      redis.call('ZREM', p .. ':inbox', id .. ' ' .. f)
    end
    redis.call('SREM', undelivered, f)
  end
end
if get('state') == 'asking' and redis.call('ZCARD', open) == 0 then setState('asking', 'running') end
return reply({result = 'ok'})
`;
