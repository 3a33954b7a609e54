/** What became of the tasks that a task had to wait for, for the prompt of its agent. */
import { join } from "node:path";
import type { Orders } from "../config/orders.ts";
import type { NeededTask } from "../ipc/needed.ts";
import { taskDirOf } from "../ipc/task-dir.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import { workspaceOf } from "../task/record.ts";

/**
 * In the order in which they were given.
 * @param orders a path is told only where this host's user has signed it: Redis could name any file
 */
export async function neededBy(record: TaskRecord, store: Store, orders: Orders): Promise<NeededTask[]> {
	const { after } = record.spec;
	if (after.length === 0) return [];
	const { records, damaged } = await store.read(after);
	const byId = new Map(records.map((each) => [each.spec.id, each]));
	const unreadable = new Set(damaged.map(({ id }) => id));
	const needed: NeededTask[] = [];
	for (const id of after) {
		const found = byId.get(id);
		// Another task of this id is none that it waited for.
		const isMeant = found !== undefined && found.spec.nonce === record.needs[id]?.nonce;
		if (isMeant) {
			const report = found.hasReport ? await store.report(id) : null;
			needed.push(neededTask(found, report, found.host === record.host && orders.isSigned(found)));
		} else needed.push({ ...NOTHING, id, became: unreadable.has(id) ? "damaged" : "removed since" });
	}
	return needed;
}

const NOTHING = { message: null, report: null, path: null };

function neededTask(record: TaskRecord, report: string | null, isHere: boolean): NeededTask {
	const { spec, state, outcome } = record;
	return {
		id: spec.id,
		became: state,
		message: outcome?.message ?? null,
		report,
		path: isHere && report !== null ? join(taskDirOf(workspaceOf(record), spec.id), "output.md") : null,
	};
}
