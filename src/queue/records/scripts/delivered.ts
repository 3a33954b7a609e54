import { TASK } from "./prelude.ts";

/** Marks answers as delivered; each at most once. */
export const DELIVERED = `${TASK}
for _, f in ipairs(req.fields) do
  local text = redis.call('HGET', qs, f)
  if text then
    local q = decoded(text)
    if q and q.answer ~= cjson.null and q.deliveredAt == cjson.null then
      q.deliveredAt = now
      redis.call('HSET', qs, f, cjson.encode(q))
      event('delivered', {seq = q.seq})
    end
    redis.call('SREM', undelivered, f)
  end
end
return reply({result = 'ok'})
`;
