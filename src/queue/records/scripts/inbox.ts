import { OPEN_QUESTIONS_LIMIT } from "../../../task/question.ts";
import type { Script } from "./index.ts";
import { PRELUDE } from "./prelude.ts";

/** Names of the inbox that are looked at in one step: others wait meanwhile. */
export const INBOX_PAGE = 1_000;

/**
 * A page of the inbox, the oldest first: the names that questions bear, and the kind of each: `1` its text is there, `2`
 * its task has it as open, `3` both, `0` neither can be told. A name without a record, or of which its task knows nothing, is
 * nobody's question: it goes, as does what stands there of one task and one kind beyond all that it may ask at once: what is
 * not open pushes out nothing that is. What cannot be told (a key holds something else) stays, and is that task's damage.
 */
export const INBOX: Script = {
	...{ name: "inbox", once: false, grows: false, said: false },
	lua: `${PRELUDE}
mendShared()
if listsLost then relist(); listsLost = false end
local inbox = p .. ':inbox'
local names, kinds, counts, gone = {}, {}, {}, 0
local members = redis.call('ZRANGE', inbox, req.from, req.from + ${INBOX_PAGE - 1})
for _, name in ipairs(members) do
  local at = string.find(name, ' ', 1, true)
  local id, field = string.sub(name, 1, (at or 1) - 1), string.sub(name, (at or 0) + 1)
  local text, open = 0, false
  if at and redis.call('EXISTS', p .. ':task:' .. id) == 1 then
    text = redis.pcall('HEXISTS', p .. ':questions:' .. id, field)
    open = redis.pcall('ZSCORE', p .. ':open:' .. id, field)
  end
  local kind = (text == 1 and 1 or 0) + (type(open) == 'string' and 2 or 0)
  local of = id .. ' ' .. kind
  counts[of] = (counts[of] or 0) + 1
  if text == 0 and not open or counts[of] > ${OPEN_QUESTIONS_LIMIT} then
    redis.call('ZREM', inbox, name)
    gone = gone + 1
  else
    names[#names + 1] = name
    kinds[#kinds + 1] = kind
  end
end
return cjson.encode({names = names, kinds = table.concat(kinds), seen = #members, gone = gone})
`,
};
