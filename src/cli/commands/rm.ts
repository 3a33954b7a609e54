import { removableTasks, removeTask } from "../../actions/remove.ts";
import type { Context } from "../context.ts";

export async function rm(context: Context, given: string[]): Promise<number | undefined> {
	const store = await context.store();
	const removed: string[] = [];
	for (const each of await removableTasks(store, given)) {
		const { task, fault } = await removeTask(store, each, context.home);
		if (fault !== null) context.output.note(fault);
		removed.push(task);
		if (!context.output.json) context.output.result(null, [`Removed \`${task}\`.`], [task]);
	}
	if (context.output.json) context.output.result(removed, []);
	return undefined;
}
