/**
 * A job that never comes to a worker: BullMQ leaves it for ever where somebody put it, and while it has an id there is
 * no other of that id. In one script: none that a worker has just taken is taken out.
 */
import type { Queue } from "bullmq";
import type { Script } from "../records/scripts/index.ts";
import type { Store } from "../records/store.ts";

/** In one of them a job is handed out when its turn or its time comes. */
const COMING = ["prioritized", "wait", "delayed"];
const PLACES = { zset: ["completed", "failed", "waiting-children"], list: ["paused"] };

const LUA = `
local req = cjson.decode(ARGV[1])
local queue = KEYS[1] .. ':bull:' .. req.queue .. ':'
local job, lock = queue .. req.job, queue .. req.job .. ':lock'
local ZSETS = {prioritized = true, delayed = true}
for _, name in ipairs(cjson.decode('${JSON.stringify(PLACES.zset)}')) do ZSETS[name] = true end
local function isIn(name)
  if ZSETS[name] then return redis.call('ZSCORE', queue .. name, req.job) end
  return redis.call('LPOS', queue .. name, req.job)
end
local function placeIn(names)
  for _, name in ipairs(names) do if isIn(name) then return name end end
end
-- A worker's lock lasts as long as it says, no longer: one without an end is nobody's.
local function isWorkedOn()
  local ms = redis.call('PTTL', lock)
  return isIn('active') and ms >= 0 and ms <= req.lockMs
end
local place = not req.isDamaged and redis.call('TYPE', job).ok == 'hash' and (isWorkedOn() and 'active' or placeIn(cjson.decode('${JSON.stringify(COMING)}')))
if place then return cjson.encode({place = place, isLost = false}) end
place = req.isDamaged and 'damaged' or isIn('active') and 'abandoned' or placeIn(cjson.decode('${JSON.stringify([...PLACES.zset, ...PLACES.list])}')) or 'gone'
for name in pairs(ZSETS) do redis.call('ZREM', queue .. name, req.job) end
for _, name in ipairs({'wait', 'active', 'paused'}) do redis.call('LREM', queue .. name, 0, req.job) end
redis.call('SREM', queue .. 'stalled', req.job)
redis.call('DEL', job, lock)
return cjson.encode({place = place, isLost = true})
`;
const SCRIPT: Script = { name: "takeOutLost", lua: LUA, once: false, grows: false, said: true };

export interface JobPlace {
	/** a list of BullMQ's; damaged; abandoned: active, and nobody works on it; gone: there is none, or it is in no list */
	place: string;
	/** it was taken out, whatever was left of it */
	isLost: boolean;
}

/**
 * Takes a job out of its queue that no worker will ever get.
 * @param isDamaged it is none that can be worked on, wherever it is
 * @param lockMs how long a worker of that queue locks a job, at most
 * @throws what Redis throws
 */
export async function takeOutLost(
	store: Store,
	queue: Queue,
	job: string,
	{ isDamaged, lockMs }: { isDamaged: boolean; lockMs: number },
): Promise<JobPlace> {
	return store.run<JobPlace>(SCRIPT, { queue: queue.name, job, isDamaged, lockMs });
}
