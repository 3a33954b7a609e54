import { findTask } from "../../actions/find-task.ts";
import { workOf } from "../../actions/work.ts";
import { branchOf } from "../../task/record.ts";
import { changedFiles, showDiff } from "../../workspace/diff.ts";
import type { Context } from "../context.ts";

export interface DiffFlags {
	stat?: boolean;
}

/** What a task changed in its worktree, against the commit that it began at. */
export async function diff(context: Context, given: string, flags: DiffFlags): Promise<undefined> {
	const { output, env, home } = context;
	const record = await findTask(await context.store(), given);
	const worktree = workOf(record, { orders: await context.orders(), hostId: home.hostId, env });
	if (!output.json) {
		await showDiff(worktree, { isStat: flags.stat ?? false, isColored: output.colors.isColorSupported });
		return;
	}
	const files = await changedFiles(worktree);
	output.document({ task: record.spec.id, branch: branchOf(record), base: worktree.spec.base, files });
}
