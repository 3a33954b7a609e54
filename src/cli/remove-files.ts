import { removeTaskDir } from "../ipc/task-dir.ts";
import { removeRuns } from "../process/run-dir.ts";
import type { TaskSpec } from "../task/spec.ts";
import type { Context } from "./context.ts";

/** The record is gone already: what is left on the disk harms nobody, so a fault is only told. */
export function removeFiles(context: Context, spec: TaskSpec, namespace: string): void {
	const { cwd, id, host, nonce } = spec;
	if (host !== context.home.hostId) return;
	try {
		removeTaskDir(cwd, id, { namespace, host, nonce });
		removeRuns(context.home.path, id);
	} catch (error) {
		context.output.note(`Some files of \`${id}\` could not be removed: ${(error as Error).message}`);
	}
}
