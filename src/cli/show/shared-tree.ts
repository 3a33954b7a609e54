/** Several tasks in one working tree: said to who looks, since each may undo what another one does. */
import { dirname, join } from "node:path";
import { isThere } from "../../process/atomic-file.ts";
import { onceMore } from "../../queue/records/open.ts";
import type { Store } from "../../queue/records/store.ts";
import { unlessAway } from "../../queue/redis/or-aborted.ts";
import { type TaskRecord, workspaceOf } from "../../task/record.ts";
import type { Output } from "./output.ts";

/** The working tree of git that a directory is in; null: none. */
function treeOf(directory: string): string | null {
	if (isThere(join(directory, ".git"))) return directory;
	const above = dirname(directory);
	return above === directory ? null : treeOf(above);
}

/** The task is accepted: where this cannot be found out, it is left unsaid. */
export async function tellSharedTree(output: Output, store: Store, record: TaskRecord): Promise<void> {
	if (process.stderr.isTTY !== true || output.quiet) return;
	const tree = treeOf(workspaceOf(record));
	if (tree === null) return;
	const look = onceMore(store, async (each) => each.getMany(await each.liveIds(record.host)));
	const live = await unlessAway(look);
	if (live === "away") return;
	const other = live.find((each) => each.spec.id !== record.spec.id && treeOf(workspaceOf(each)) === tree);
	if (other !== undefined)
		output.note(
			`\`${other.spec.id}\` works in ${tree} too: each may undo what the other one does. --worktree gives a task a tree of its own.`,
		);
}
