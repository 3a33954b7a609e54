import { findTask } from "../../actions/find-task.ts";
import { workOf } from "../../actions/work.ts";
import { cleanText } from "../../task/clean-text.ts";
import { branchOf } from "../../task/record.ts";
import { changedFiles, diffLines, passDiff } from "../../workspace/diff.ts";
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
		const how = { isStat: flags.stat ?? false };
		// A patch is passed on as it is; what a terminal would obey is not the agent's to say.
		if (process.stdout.isTTY !== true) return void (await passDiff(worktree, how));
		const lines = await diffLines(worktree, how);
		const paint = how.isStat ? (line: string) => line : painter(output.colors);
		if (lines.length > 0) output.result(null, cleanText(lines.join("\n")).split("\n").map(paint));
		return;
	}
	const files = await changedFiles(worktree);
	output.document({ task: record.spec.id, branch: branchOf(record), base: worktree.spec.base, files });
}

/** Colours as git's own: the lines before the first @@ of a file are about the file. */
function painter({ bold, cyan, green, red }: Context["output"]["colors"]): (line: string) => string {
	let isAbout = true;
	return (line) => {
		if (line.startsWith("diff --git ")) isAbout = true;
		if (line.startsWith("@@ ")) {
			isAbout = false;
			return cyan(line);
		}
		if (isAbout) return bold(line);
		const paint = { "+": green, "-": red }[line.charAt(0)];
		return paint === undefined ? line : paint(line);
	};
}
