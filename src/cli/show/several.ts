/** What became of each of several tasks: a line or an entry each, and the exit code of the worst. */
import { type Each, isDone, type NotDone } from "../../actions/several.ts";
import { viewsOf } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import type { Output } from "./output.ts";

/**
 * Says why not, a line each; of the others the command has told.
 * @param participle "cancelled"
 * @returns the highest exit code of the refusals; undefined where there is none
 */
export function tellRefusals(
	output: Output,
	each: readonly Each<unknown>[],
	participle: string,
): number | undefined {
	const refused = each.filter((one): one is NotDone => !isDone(one));
	if (refused.length === 0) return undefined;
	if (!output.json) for (const { refusal } of refused) output.error(refusal);
	if (!output.json && each.length > 1)
		output.note(`${refused.length} of ${each.length} tasks were not ${participle}.`);
	return Math.max(...refused.map(({ refusal }) => refusal.exitCode));
}

/** For `--json`: one entry for each, in their order. @param shown what stands there for one that was done */
export function entriesOf<T>(each: readonly Each<T>[], shown: (done: T, task: string) => unknown): unknown[] {
	return each.map((one) => {
		if (isDone(one)) return shown(one.done, one.task);
		const { code, message, hint } = one.refusal;
		return { id: one.task, error: { code, message, hint: hint ?? null } };
	});
}

/** As `entriesOf`, of tasks as they are now. One that was removed meanwhile has nothing to show. */
export async function viewsOfEach(store: Store, each: readonly Each<unknown>[]): Promise<unknown[]> {
	const ids = each.filter(isDone).map(({ task }) => task);
	const views = new Map((await viewsOf(store, ids)).map((view) => [view.id, view]));
	return entriesOf(each, (_done, task) => views.get(task)).filter((entry) => entry !== undefined);
}
