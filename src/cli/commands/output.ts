import { findTask } from "../../actions/find-task.ts";
import { readReport } from "../../ipc/report.ts";
import { taskDirOf } from "../../ipc/task-dir.ts";
import { DispatchError } from "../../task/errors.ts";
import { workspaceOf } from "../../task/record.ts";
import { isEnded } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { plain } from "../show/output.ts";

export async function output(context: Context, given: string): Promise<number | undefined> {
	const store = await context.store();
	const record = await findTask(store, given);
	const { spec, state } = record;
	const kept = await store.report(spec.id);
	// While the agent works, its file is newer than what was kept of an earlier run.
	const text =
		isEnded(state) || record.host !== context.home.hostId
			? kept
			: (readReport(taskDirOf(workspaceOf(record), spec.id)) ?? kept);
	if (text === null) {
		throw new DispatchError("DISPATCH_NO_REPORT", `\`${spec.id}\` (${state}) has no report.`, {
			hint: isEnded(state)
				? `See what it printed: dispatch logs ${spec.id}`
				: `It may come: dispatch wait ${spec.id}`,
		});
	}
	context.output.result({ task: spec.id, report: text }, [plain(text).replace(/\n$/, "")]);
	return undefined;
}
