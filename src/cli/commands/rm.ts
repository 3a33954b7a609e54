import { eachFound, findSound } from "../../actions/find-task.ts";
import { removeTask } from "../../actions/remove.ts";
import type { Context } from "../context.ts";

export async function rm(context: Context, given: string[]): Promise<number | undefined> {
	const store = await context.store();
	const removed: string[] = [];
	await eachFound(given, (each) => findSound(store, each));
	for (const id of given) {
		const { task, fault } = await removeTask(store, id, context.home);
		if (fault !== null) context.output.note(fault);
		removed.push(task);
		if (!context.output.json) context.output.result(null, [`Removed \`${task}\`.`], [task]);
	}
	if (context.output.json) context.output.result(removed, []);
	return undefined;
}
