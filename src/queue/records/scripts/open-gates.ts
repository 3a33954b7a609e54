import { PRELUDE } from "./prelude.ts";

/**
 * Opens gates, and with them the tasks that wait for them: in one step, since a task whose hold stays behind an open
 * gate would wait until its end, and nobody could lift it again.
 */
export const OPEN_GATES = `${PRELUDE}
mendShared()
if listsLost then relist() end
mend('gates:' .. req.host, 'hash')
for _, field in ipairs(req.fields) do redis.call('HDEL', p .. ':gates:' .. req.host, field) end
for _, task in ipairs(req.tasks) do
  local rec = p .. ':task:' .. task.id
  if typeOf(rec) == 'hash' then
    local cur = redis.call('HMGET', rec, 'state', 'generation')
    if cur[1] == 'queued' and tonumber(cur[2]) == task.generation then
      redis.call('HSET', rec, 'hold', '')
      redis.call('ZADD', p .. ':outbox', now, task.id .. ' ' .. task.generation .. ' now')
    end
  end
end
redis.call('PUBLISH', p .. ':wake', 'outbox')
return reply({result = 'ok'})
`;
