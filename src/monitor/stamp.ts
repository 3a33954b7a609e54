/** A stamp of everything an agent may write: another stamp is a sign of life, and worth a full look. */
import { statSync } from "node:fs";
import { signsOfLife } from "../ipc/signs.ts";
import type { RunDir } from "../process/run-dir.ts";
import type { LiveTask } from "./live-task.ts";

/** Throws nothing. */
export function stampOf(run: RunDir): string {
	return `${signsOfLife(run.facts.taskDir)}|${sizeOf(run.logPath)}`;
}

/** Of a stamp what the task's directory says: of the log its lines count, not its size. */
export function filesIn(stamp: string): string {
	return stamp.replace(/\|[^|]*$/, "");
}

/**
 * Writes into the task's directory as ourselves. What that changes is no sign of the agent's life: a write that fails,
 * and is tried again at every look, would be one for ever.
 */
export function writeAsOurs<T>(live: LiveTask, write: () => T): T {
	const { taskDir } = live.run.facts;
	const before = signsOfLife(taskDir);
	try {
		return write();
	} finally {
		if (before === live.ownFiles || before === filesIn(live.stamp)) live.ownFiles = signsOfLife(taskDir);
	}
}

function sizeOf(path: string): number {
	try {
		return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
	} catch {
		return -1;
	}
}
