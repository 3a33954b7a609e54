/** The report that a task's agent wrote (output.md). */
import { readReport } from "../ipc/report.ts";
import { taskDirOf } from "../ipc/task-dir.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import { workspaceOf } from "../task/record.ts";
import { isEnded, isLive } from "../task/states.ts";
import { findTask } from "./find-task.ts";

export interface Report {
	task: string;
	report: string;
}

/**
 * @param here this host's id: while an agent works here, its file is newer than what was kept
 * @throws DISPATCH_NO_SUCH_TASK, DISPATCH_NO_REPORT
 */
export async function reportOf(store: Store, given: string, here: string): Promise<Report> {
	const record = await findTask(store, given);
	const { spec, state, host, hasReport } = record;
	// What a start from the beginning left behind is not this task's report any more.
	const kept = hasReport ? await store.report(spec.id) : null;
	const written = isLive(state) && host === here ? readReport(taskDirOf(workspaceOf(record), spec.id)) : null;
	const report = written ?? kept;
	if (report !== null) return { task: spec.id, report };
	const why = record.reason === null ? "" : ` (${record.reason})`;
	const has = isEnded(state) ? `${state}${why} and left no report` : `is ${state} and has no report yet`;
	throw new DispatchError("DISPATCH_NO_REPORT", `\`${spec.id}\` ${has}.`, {
		// What explains a failure stands there, whether the agent printed anything or was never started.
		hint: isEnded(state)
			? `What became of it: dispatch status ${spec.id}`
			: state === "asking" || state === "parked"
				? `It goes on once it is answered: dispatch answer ${spec.id} "…"`
				: `It may come: dispatch wait ${spec.id}`,
	});
}
