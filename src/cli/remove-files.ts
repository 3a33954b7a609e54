import { spendOrder } from "../config/spent-orders.ts";
import { removeTaskDir } from "../ipc/task-dir.ts";
import { removeRuns } from "../process/run-dir.ts";
import { type TaskRecord, workspaceOf } from "../task/record.ts";
import type { Context } from "./context.ts";

/** The record is gone already: what is left on the disk harms nobody, so a fault is only told. */
export function removeFiles(context: Context, record: TaskRecord, namespace: string): void {
	const { host } = record;
	const { id, nonce } = record.spec;
	if (host !== context.home.hostId) return;
	try {
		// First: once the user was told, no copy of the record works any more.
		spendOrder(context.home.path, nonce);
		removeTaskDir(workspaceOf(record), id, { namespace, host, nonce });
		removeRuns(context.home.path, id);
	} catch (error) {
		context.output.note(`Some files of \`${id}\` could not be removed: ${(error as Error).message}`);
	}
}
