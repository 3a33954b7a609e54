import { removeTaskDir } from "../../ipc/task-dir.ts";
import { removeRuns } from "../../process/run-dir.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskSpec } from "../../task/spec.ts";
import type { Context } from "../context.ts";
import { findTask } from "../find-task.ts";

export async function rm(context: Context, given: string[]): Promise<number | undefined> {
	const store = await context.store();
	const removed: string[] = [];
	for (const id of given) {
		const { spec } = await findTask(store, id);
		const reply = await store.remove(spec.id);
		if (reply.result === "not_ended") {
			throw new DispatchError("DISPATCH_NOT_ENDED", `\`${spec.id}\` is ${reply.state}, it has not ended.`, {
				hint: `Cancel it first: dispatch cancel ${spec.id}`,
			});
		}
		if (spec.host === context.home.hostId) removeFiles(context, spec, store.namespace);
		removed.push(spec.id);
		if (!context.output.json) context.output.result(null, [`Removed \`${spec.id}\`.`], [spec.id]);
	}
	if (context.output.json) context.output.result(removed, []);
	return undefined;
}

/** The record is gone already: what is left on the disk harms nobody, so a fault is only told. */
function removeFiles(context: Context, spec: TaskSpec, namespace: string): void {
	const { cwd, id, host, nonce } = spec;
	try {
		removeTaskDir(cwd, id, { namespace, host, nonce });
		removeRuns(context.home.path, id);
	} catch (error) {
		context.output.note(`Some files of \`${id}\` could not be removed: ${(error as Error).message}`);
	}
}
