/**
 * A task's directory that vanished while somebody works in it (`git clean -fdx`, `rm -rf`): made again from what
 * is known of it, so that answers arrive and the plan's progress is not lost.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { type Plan, renderReadPlan } from "../task/plan.ts";
import type { Question } from "../task/question.ts";
import { publishAnswer, publishQuestion, writeDone } from "./questions.ts";
import { createTaskDir, type TaskDirSpec, taskDirOf } from "./task-dir.ts";

/** What is kept of a session's question elsewhere. */
export type Asked = Pick<Question, "seq" | "text" | "answer" | "deliveredAt">;

/** Whether it, or the place for its questions, is not there at all: what stands in its place is somebody's wish. */
export function hasVanished(dir: string): boolean {
	return isAbsent(dir) || isAbsent(join(dir, "ipc"));
}

/** What may not be looked at is there. */
export function isAbsent(path: string): boolean {
	try {
		return lstatSync(path, { throwIfNoEntry: false }) === undefined;
	} catch {
		return false;
	}
}

/**
 * Makes what is missing; nothing that is there is touched.
 * @param plan as it was seen last; null: the one to start with
 * @param asked in the session that works there
 * @throws DispatchError DISPATCH_BAD_CWD, DISPATCH_ID_EXISTS, DISPATCH_DISK
 */
export async function restoreTaskDir(
	cwd: string,
	spec: TaskDirSpec,
	plan: Plan | null,
	asked: readonly Asked[],
): Promise<void> {
	await createTaskDir(cwd, goingOn(spec, plan));
	restoreQuestions(taskDirOf(cwd, spec.id), asked);
}

/** Where its plan is not there any more, it is made as it was seen last. */
export function goingOn(spec: TaskDirSpec, plan: Plan | null): TaskDirSpec {
	return plan === null || plan.items.length === 0 ? spec : { ...spec, planText: renderReadPlan(plan) };
}

/** Its numbers are taken, and what was answered can be read again. @throws DispatchError DISPATCH_DISK */
export function restoreQuestions(dir: string, asked: readonly Asked[]): void {
	for (const { seq, text, answer, deliveredAt } of asked) {
		publishQuestion(dir, seq, text);
		if (answer !== null) publishAnswer(dir, seq, answer);
		if (deliveredAt !== null) writeDone(dir, seq);
	}
}
