/** What of a task's look failed, into its record, and out of it again once that is over. */
import type { Store } from "../queue/records/store.ts";
import { oneLine } from "../task/outcome/text.ts";
import type { TaskRecord } from "../task/record.ts";
import type { Trouble } from "../task/trouble.ts";
import type { Guard } from "./guard.ts";
import type { LiveTask } from "./live-task.ts";

/** What failed so that it ends no step is told as what did. */
function troubleOf(guard: Guard, live: LiveTask | undefined): Trouble | null {
	const { epoch } = guard;
	const failed = guard.trouble;
	if (failed !== null) return { epoch, step: failed.step, why: reasonOf(failed.error) };
	const [withheld] = live?.withheld ?? [];
	return withheld === undefined ? null : { epoch, step: withheld[0], why: reasonOf(withheld[1]) };
}

export function reasonOf(error: unknown): string {
	return oneLine(error instanceof Error ? error.message : String(error));
}

/** @param known what the record had before the look; undefined: it could not be read. @throws as `store.follow` */
export async function recordTrouble(
	task: string,
	known: TaskRecord["trouble"] | undefined,
	{ guard, live, store }: { guard: Guard; live: LiveTask | undefined; store: Store },
): Promise<void> {
	const trouble = troubleOf(guard, live);
	if (JSON.stringify(trouble) !== JSON.stringify(known)) await store.follow(task, guard.epoch, { trouble });
}
