/** Variables that were kept for tasks which ended or were removed while nobody heard of it. */
import { dropTaskEnv, tasksWithEnv } from "../config/task-env.ts";
import type { Store } from "../queue/records/store.ts";
import { isEnded } from "../task/states.ts";

/** A command that submits or retries a task takes less, between its variables and its record. */
const UNUSED_MS = 600_000;

/** The task has ended. What cannot be removed now goes with `dropUnusedEnvs`. @param home the state directory's path */
export function dropEnvOf(
	home: string,
	task: string,
	fault: (task: string, step: string, error: unknown) => void,
): void {
	try {
		dropTaskEnv(home, task);
	} catch (error) {
		fault(task, "its variables", error);
	}
}

/**
 * Each by itself: one that cannot be removed keeps none of the others.
 * @param home the state directory's path
 * @throws the first fault of the disk, after all of them; what Redis throws
 */
export async function dropUnusedEnvs(store: Store, home: string): Promise<void> {
	const faults: unknown[] = [];
	for (const task of tasksWithEnv(home, Date.now() - UNUSED_MS)) {
		const state = await store.stateOf(task);
		if (state === null || isEnded(state)) dropEnvOf(home, task, (_task, _step, error) => faults.push(error));
	}
	if (faults.length > 0) throw faults[0];
}
