/** What became of each of several tasks: a line or an entry each, and the exit code of the worst. */
import { cutOff, type Each, isDone, isFull, type NotDone, orOutage } from "../../actions/several.ts";
import { viewsOf } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError } from "../../task/errors.ts";
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
	const code = Math.max(...refused.map(({ refusal }) => refusal.exitCode));
	if (output.json) return code;
	const cut = cutOff(refused);
	for (const one of refused) if (!cut.includes(one)) output.error(one.refusal);
	if (cut.length > 0) tellOutage(output, each, participle);
	else if (each.length > 1) output.note(`${refused.length} of ${each.length} tasks were not ${participle}.`);
	return code;
}

/** In the middle of it: what was done, of what nobody knows, and what is left to do. */
function tellOutage(output: Output, each: readonly Each<unknown>[], participle: string): void {
	const cut = cutOff(each);
	const [first] = cut;
	if (first === undefined) return;
	output.error(first.refusal);
	const unknown = cut.filter(({ isUntouched }) => !isUntouched);
	const untouched = cut.filter(({ isUntouched }) => isUntouched);
	const before = `Before that ${each.filter(isDone).length} of ${each.length} tasks were ${participle}.`;
	output.note(unknown.length === 0 ? before : `${before} ${notKnown(unknown)}`);
	const again = isFull(first.refusal) ? "Redis has room" : "Redis is back";
	if (untouched.length > 0)
		output.note(`Left as they were: ${listed(untouched)}. Once ${again}, repeat the command with these ids.`);
}

/** Of those that an outage met, and did not leave as they were. */
export function notKnown(unknown: readonly NotDone[]): string {
	return `Not known: ${listed(unknown)} (look once Redis is back: dispatch ls --all).`;
}

function listed(tasks: readonly NotDone[]): string {
	return tasks.map(({ task }) => task).join(",");
}

/** For `--json`: one entry for each, in their order. @param shown what stands there for one that was done */
export function entriesOf<T>(each: readonly Each<T>[], shown: (done: T, task: string) => unknown): unknown[] {
	return each.map((one) => {
		if (isDone(one)) return shown(one.done, one.task);
		const { code, message, hint } = one.refusal;
		return { id: one.task, error: { code, message, hint: hint ?? null } };
	});
}

/**
 * As `entriesOf`, of tasks as they are now. One that was removed meanwhile has nothing to show; where Redis is gone, its
 * id is all there is to show of one that was done.
 */
export async function viewsOfEach(store: Store, each: readonly Each<unknown>[]): Promise<unknown[]> {
	const ids = each.filter(isDone).map(({ task }) => task);
	const read = await orOutage(viewsOf(store, ids));
	if (read instanceof DispatchError) return entriesOf(each, (_done, id) => ({ id }));
	const views = new Map(read.map((view) => [view.id, view]));
	return entriesOf(each, (_done, task) => views.get(task)).filter((entry) => entry !== undefined);
}
