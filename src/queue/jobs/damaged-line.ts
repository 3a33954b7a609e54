/**
 * What stands in a host's line and is no job that BullMQ can hand to anybody: there is nothing under its key, something of
 * another type, or data that cannot be read. Lua for the script that takes turns, which takes it out before it is anybody's
 * turn, many at a time: where it is a task's, the sweep makes the job anew from the record (`src/queue/jobs/lost-job.ts`).
 */

import { oneLine } from "../../task/clean-text.ts";

/** Ours have a path, some names and the beginning of a prompt. */
const DATA_LIMIT_BYTES = 64 * 1024;
const TAKEN_OUT_AT_ONCE = 1_000;
const NAMES_SHOWN = 5;
const NAME_SHOWN_BYTES = 80;

/** What was taken out of the line. */
export interface TakenOut {
	count: number;
	/** the first of them */
	names: string[];
}

/** For the log. */
export function takenOutOfLine({ count, names }: TakenOut): Error {
	const many = count === 1 ? "1 job that cannot be read was" : `${count} jobs that cannot be read were`;
	const first = names.slice(0, NAMES_SHOWN).map((name) => oneLine(name, NAME_SHOWN_BYTES));
	const all = [...first, ...(count > first.length ? ["…"] : [])].join(", ");
	return new Error(`${many} taken out of the line (${all})`);
}

/** Lua, after `bull`, `line` and `wait`. Defines `isBroken`, `noteOut`, `clearWait`, `clearFrom`; a reply tells of it. */
export const DAMAGED_LINE = `
local takenOut = {count = 0, names = {}}
local function isBroken(job)
  local bytes = redis.pcall('HSTRLEN', bull .. job, 'data')
  if type(bytes) ~= 'number' or bytes == 0 or bytes > ${DATA_LIMIT_BYTES} then return true end
  return not pcall(cjson.decode, redis.call('HGET', bull .. job, 'data'))
end
local function noteOut(job)
  takenOut.count = takenOut.count + 1
  if takenOut.count <= ${NAMES_SHOWN} then takenOut.names[takenOut.count] = cut(job, ${NAME_SHOWN_BYTES}) end
end
-- Those that BullMQ would take next. false: there are more
local function clearWait()
  for _ = 1, ${TAKEN_OUT_AT_ONCE} do
    local job = redis.call('LINDEX', wait, -1)
    if not job or not isBroken(job) then return true end
    redis.call('RPOP', wait); noteOut(job)
  end
  return false
end
-- One whose turn it is, and those behind it. false: it is sound
local function clearFrom(first)
  if not isBroken(first) then return false end
  local rank = redis.call('ZRANK', line, first)
  for _, job in ipairs(redis.call('ZRANGE', line, rank, rank + ${TAKEN_OUT_AT_ONCE - 1})) do
    if not isBroken(job) then break end
    redis.call('ZREM', line, job); noteOut(job)
  end
  return true
end
local replyAlone = reply
local function reply(r)
  if takenOut.count > 0 then r.takenOut = takenOut end
  return replyAlone(r)
end
local MORE = {isNext = false, isMore = true, isLimited = false, later = cjson.null}
`;
