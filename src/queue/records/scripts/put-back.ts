import { PRELUDE } from "./prelude.ts";

/** Of all hosts one looks, and no more often than this: a pass asks for each record. */
const PASS_MS = 25_000;

/**
 * A page of the records, and what is missing of them in lists: it is put back. Without `from` where the pass before left
 * off, if it is time for one. The event says, at the end of a pass, how many names each kind of list had lost.
 */
export const PUT_BACK = `${PRELUDE}
local pass = p .. ':pass'
if typeOf(pass) ~= 'hash' then redis.call('DEL', pass) end
local from = req.from
if not from then
  local last = redis.call('HMGET', pass, 'at', 'from')
  local age = now - (tonumber(last[1]) or 0)
  if age >= 0 and age < ${PASS_MS} then return reply({to = '0', missing = {}, isOver = true}) end
  redis.call('HSET', pass, 'at', now)
  from = last[2] and #last[2] < 20 and string.match(last[2], '^%d+$') or '0'
end
missing = req.missing
mendShared()
if listsLost then relist(); listsLost = false end
local to = relistPage(from)
redis.call('HSET', pass, 'from', to)
local isOver = to == '0' or req.isLast
if isOver then
  for kind, count in pairs(missing) do
    emit({task = '', kind = 'repaired', text = string.gsub(kind, ':$', ''), why = count .. ' names of tasks were missing there, and were put back'})
  end
end
return reply({to = to, missing = missing, isOver = isOver})
`;
