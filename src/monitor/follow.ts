/** New lines of an agent's log, into Redis. */
import { faultPoint } from "../process/fault.ts";
import { appendLog } from "../queue/records/log.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";

/** @returns whether more lies there than one look may read */
export async function followLog(
	record: TaskRecord,
	live: LiveTask,
	store: Store,
	gone: boolean,
): Promise<boolean> {
	const { id } = record.spec;
	faultPoint("look.log", id);
	const { lines, more } = live.log.read(gone);
	await appendLog(store, id, live.epoch, lines);
	faultPoint("look.appended", id);
	live.log.save();
	return more;
}
