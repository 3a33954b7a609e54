/** What a start leaves to be told: the session that it began, and the answers that its prompt carried. */
import { faultPoint } from "../process/fault.ts";
import { readLaunch, removeLaunch } from "../process/launch.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";

/** Once for each start; a repeat does no harm, so that no crash or exception in between loses it. */
export async function noteLaunch(record: TaskRecord, live: LiveTask, store: Store): Promise<void> {
	if (live.launched) return;
	faultPoint("look.launched", record.spec.id);
	const launch = readLaunch(live.run);
	if (launch !== null) {
		await store.follow(record.spec.id, live.epoch, { sessionId: launch.sessionId });
		live.startedSession = launch.sessionId;
		await store.delivered(record.spec.id, launch.carried);
		removeLaunch(live.run);
	}
	live.launched = true;
}
