import { BATCHES_SEARCHED } from "../../../task/batch.ts";
import { NOTICES_KEPT } from "../removed-task.ts";
import { FENCE } from "./fence.ts";
import { TASK } from "./prelude.ts";

/** Longer than any host is away and comes back with an agent of a task that is gone. */
const EPOCH_KEPT_S = 90 * 24 * 3600;

/** Deletes an ended task with everything that belongs to it; what its host keeps, that host is told to clear. */
export const REMOVE = `${TASK}${FENCE}
if typeOf(rec) == 'none' then return reply({result = 'none'}) end
local function known(f) return typeOf(rec) == 'hash' and get(f) or '' end
-- One that nobody can read goes in whatever state: it may be that nobody can end it.
local state = known('state')
if not isEnded(state) and (req.agreed or not damaged) then return reply({result = 'not_ended', state = state}) end
local host = known('host')
local epoch = tonumber(known('epoch')) or 0
local spec = decoded(known('spec'))
local cwd = spec and spec.cwd or nil
-- Where field and spec differ, one of them was put there by somebody else: which one, its host does not ask.
local nonces = {}
for _, each in ipairs({known('nonce'), spec and spec.nonce or ''}) do
  if type(each) == 'string' and #each <= 64 and string.match(each, '^[%w_-]+$') and each ~= nonces[1] then nonces[#nonces + 1] = each end
end
local nonce = nonces[1] or known('nonce')
if typeOf(rec) == 'hash' then
  if damaged then fenceRun() end
  forgetNeeds()
end
-- A damaged record may not say any more of which one it is.
local batch = known('batch')
local batches = damaged and redis.call('ZREVRANGE', p .. ':batches', 0, ${BATCHES_SEARCHED - 1}) or (batch ~= '' and {batch} or {})
for _, each in ipairs(batches) do mend('members:' .. each, 'zset', true) end
if listsLost then relist(); listsLost = false end
local key = known('key')
if key ~= '' then redis.call('HDEL', p .. ':keys', key) end
dropFromInbox()
-- Of every host: the record may name another one than it once did. One that is not known may be no host at all.
local hosts = allHosts()
local isItsAlone = not damaged and (tonumber(known('moves')) or 0) == 0 and redis.call('EXISTS', p .. ':host:' .. host) == 1
for _, each in ipairs(hosts) do
  redis.call('SREM', p .. ':live:' .. each, id)
  redis.call('ZREM', p .. ':active:' .. each, id)
end
redis.call('DEL', rec, open, qs, p .. ':log:' .. id, p .. ':report:' .. id, undelivered, p .. ':cost:' .. id, notes)
redis.call('ZREM', p .. ':tasks', id)
for _, each in ipairs(batches) do
  if redis.call('ZREM', p .. ':members:' .. each, id) > 0 then dropEmptyBatch(each) end
end
-- A start that still lives somewhere must not be taken for one of the next task of this name.
redis.call('SET', p .. ':epoch:' .. id, epoch + 1, 'EX', ${EPOCH_KEPT_S})
for _, told in ipairs(isItsAlone and {host} or hosts) do
  local removed = p .. ':removed:' .. told
  for _, each in ipairs(nonces) do redis.call('RPUSH', removed, cjson.encode({id = id, nonce = each, cwd = cwd})) end
  redis.call('LTRIM', removed, -${NOTICES_KEPT}, -1)
end
event('removed', {})
changes[1] = {task = id, nonce = nonce}
redis.call('PUBLISH', p .. ':wake', 'removed')
return reply({result = 'removed', host = host, left = {id = id, nonce = nonce, cwd = cwd}, nonces = nonces})
`;
