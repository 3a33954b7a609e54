/** The task's directory is gone while its agent may still work: it is made again from what Redis knows. */
import { hasVanished, isAbsent, restoreTaskDir } from "../ipc/restore.ts";
import { taskDirSpec } from "../ipc/task-dir.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { Store } from "../queue/records/store.ts";
import { newestByNumber } from "../task/question.ts";
import type { TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";

/** @param gone the agent has ended: then a vanished working directory is nobody's loss any more */
export async function restoreVanished(
	record: TaskRecord,
	live: LiveTask,
	store: Store,
	gone: boolean,
): Promise<void> {
	const { cwd, taskDir } = live.run.facts;
	if (!hasVanished(taskDir) || (gone && isAbsent(cwd))) return;
	const { spec, ipcGeneration, progress } = record;
	const questions = await store.questions(spec.id);
	const asked = newestByNumber(questions, ipcGeneration);
	const own = taskDirSpec(record, store.namespace);
	await restoreTaskDir(cwd, own, live.plan ?? progress.plan, asked);
	const text = "The task's directory had vanished and was made again, with its plan and questions.";
	await noteEvent(store, { task: spec.id, kind: "directory_restored", text });
}
