import { findTask } from "../../actions/find-task.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { removeFiles } from "../remove-files.ts";

export async function rm(context: Context, given: string[]): Promise<number | undefined> {
	const store = await context.store();
	const removed: string[] = [];
	for (const id of given) {
		const record = await findTask(store, id);
		const { spec } = record;
		const reply = await store.remove(spec.id);
		if (reply.result === "not_ended") {
			throw new DispatchError("DISPATCH_NOT_ENDED", `\`${spec.id}\` is ${reply.state}, it has not ended.`, {
				hint: `Cancel it first: dispatch cancel ${spec.id}`,
			});
		}
		removeFiles(context, record, store.namespace);
		removed.push(spec.id);
		if (!context.output.json) context.output.result(null, [`Removed \`${spec.id}\`.`], [spec.id]);
	}
	if (context.output.json) context.output.result(removed, []);
	return undefined;
}
