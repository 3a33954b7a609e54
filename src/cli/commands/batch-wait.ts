/** Waits for the tasks of a batch, and tells what happens to them. */
import type { Context } from "../context.ts";
import { BatchLog } from "../show/batch-log.ts";
import { againOfBatch, waitForAll } from "./wait.ts";

interface BatchWait {
	/** null: its tasks are of several, or of none */
	batch: string | null;
	/** ms since this process started */
	timeoutMs: number | null;
	/** what started before is no news; ms since the Unix epoch */
	since: number;
	/** ends the waiting in the place of Ctrl-C and SIGTERM */
	signal?: AbortSignal;
}

/** @returns the exit code of `--wait`. @throws as `waitForAll` */
export function waitForBatch(
	context: Context,
	ids: string[],
	{ batch, timeoutMs, since, signal }: BatchWait,
): Promise<number> {
	return waitForAll(context, ids, {
		timeoutMs,
		single: false,
		teller: (store) => new BatchLog(context, store, since),
		...(batch === null ? {} : { again: againOfBatch(batch) }),
		...(signal === undefined ? {} : { signal }),
	});
}
