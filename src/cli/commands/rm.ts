import { type Removable, removableTasks, removeTask } from "../../actions/remove.ts";
import { type Each, eachInTurn, type NotDone, theOnly } from "../../actions/several.ts";
import { EXIT } from "../../task/errors.ts";
import { isEnded } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { isFilter, type SeveralFlags } from "../options/ids.ts";
import { type Act, tasksOfFilter } from "../options/several.ts";
import { entriesOf, tellRefusals } from "../show/several.ts";

const REMOVE: Act = { verb: "Remove", participle: "removed", isFor: isEnded };

export interface RmFlags extends SeveralFlags {
	force?: boolean;
}

/** Deletes ended tasks with their files. */
export async function rm(context: Context, given: string[], flags: RmFlags): Promise<number | undefined> {
	const { output } = context;
	const place = { ...context.home, env: context.env, force: flags.force ?? false };
	const store = await context.store();
	const chosen = await removables(context, given, flags);
	if (chosen === null) return EXIT.interrupted;
	const done = await eachInTurn(
		chosen.found,
		({ id }) => id,
		async (one) => {
			const { task, fault } = await removeTask(store, one, place);
			if (fault !== null) output.note(fault);
			if (!output.json) output.result(null, [`Removed \`${task}\`.`], [task]);
		},
	);
	const each: Each<unknown>[] = [...chosen.left, ...done];
	if (given.length === 1) theOnly(each);
	const removed = entriesOf(each, (_done, task) => task);
	if (output.json) output.result(removed, []);
	return tellRefusals(output, each, REMOVE.participle);
}

interface Chosen {
	found: Removable[];
	left: NotDone[];
}

/** @returns null: it was not agreed to */
async function removables(context: Context, given: string[], flags: SeveralFlags): Promise<Chosen | null> {
	if (!isFilter(flags)) return { found: await removableTasks(await context.store(), given), left: [] };
	const chosen = await tasksOfFilter(context, given, flags, REMOVE);
	if (chosen === null) return null;
	return { found: chosen.records.map((record) => ({ id: record.spec.id, record })), left: chosen.left };
}
