/** Another agent for a task that is in line: it stands there anew, among those of that one's backend. */
import type { TaskRecord } from "../../task/record.ts";
import { encodeFields, type RecordChanges } from "./record-fields.ts";
import type { Script } from "./scripts/index.ts";
import { TASK } from "./scripts/prelude.ts";
import type { Store } from "./store.ts";

const LUA = `${TASK}
local cur = redis.call('HMGET', rec, 'state', 'generation')
if cur[1] ~= 'queued' or tonumber(cur[2]) ~= req.generation then return reply({result = 'stale'}) end
for f, v in pairs(req.set) do redis.call('HSET', rec, f, v) end
setState('queued', 'queued')
wake()
return reply({result = 'ok'})
`;
const CHOOSE: Script = { name: "choose", lua: LUA, once: false, grows: false, said: false };

export type Choice = Required<Pick<RecordChanges, "chosen" | "signature" | "sessionId">>;

/** Does nothing where the task moved meanwhile. @throws what Redis throws */
export async function choose(store: Store, { spec, generation }: TaskRecord, choice: Choice): Promise<void> {
	const set = encodeFields({ ...choice, hold: null });
	await store.run(CHOOSE, { id: spec.id, generation, set });
}
