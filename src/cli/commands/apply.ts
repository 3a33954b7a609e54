import { findTask } from "../../actions/find-task.ts";
import { workOf } from "../../actions/work.ts";
import { DispatchError } from "../../task/errors.ts";
import { branchOf } from "../../task/record.ts";
import { isEnded } from "../../task/states.ts";
import { changesText } from "../../task/worktree.ts";
import { type Applied, applyWork, WAYS, type Way } from "../../workspace/apply.ts";
import type { Context } from "../context.ts";

export interface ApplyFlags {
	as?: string;
}

/** Brings what a task changed into the working tree that one stands in. */
export async function apply(context: Context, given: string, flags: ApplyFlags): Promise<undefined> {
	const { output, env, home } = context;
	const way = wayOf(flags.as ?? "merge");
	const record = await findTask(await context.store(), given);
	const { id } = record.spec;
	const worktree = workOf(record, { orders: await context.orders(), hostId: home.hostId, env });
	if (!isEnded(record.state))
		throw new DispatchError("DISPATCH_NOT_ENDED", `\`${id}\` is ${record.state}, it has not ended.`, {
			hint: `Wait for it (dispatch wait ${id}), or look at what it has so far: dispatch diff ${id}`,
		});
	const applied = await applyWork(worktree, { cwd: process.cwd(), way, env });
	const { isNew, commit, changes } = applied;
	const value = { task: id, branch: branchOf(record), as: way, isNew, commit, changes };
	output.result(value, [lineOf(id, way, applied)]);
}

function wayOf(given: string): Way {
	const way = WAYS.find((each) => each === given);
	if (way !== undefined) return way;
	throw new DispatchError("DISPATCH_USAGE", `Expected --as to be ${WAYS.join(", ")}, got "${given}".`);
}

function lineOf(id: string, way: Way, { isNew, commit, changes }: Applied): string {
	if (changes.files === 0) return `\`${id}\` changed nothing.`;
	if (!isNew) return `All of \`${id}\` is here already: nothing was changed.`;
	const what = `\`${id}\` is applied: ${changesText(changes)}`;
	if (way === "patch" || commit === null) return `${what}; staged, not committed.`;
	return `${what}; ${way === "merge" ? "merged" : "in one commit"}, ${commit.slice(0, 7)}.`;
}
