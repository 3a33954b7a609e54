/** What `d` shows of a task: as `dispatch diff` does. */
import { exactly } from "../../actions/find-task.ts";
import { workOf } from "../../actions/work.ts";
import type { Store } from "../../queue/records/store.ts";
import { diffLines } from "../../workspace/diff.ts";
import type { Context } from "../context.ts";

/** More than anybody scrolls through; a page of more would be slow. */
const LINES_SHOWN = 10_000;

/**
 * What it changed in its worktree, also while it works; not yet for a terminal.
 * @throws as `dispatch diff`: DISPATCH_USAGE for one without a worktree, or of another host; DISPATCH_GIT
 */
export async function diffText(context: Context, store: Store, id: string): Promise<string> {
	const { env, home } = context;
	const work = workOf(await exactly(store, id), {
		orders: await context.orders(),
		hostId: home.hostId,
		env,
	});
	const lines = await diffLines(work, { isStat: false });
	const left = lines.length - LINES_SHOWN;
	const more = left > 0 ? ["", `${left} more lines: dispatch diff ${id}`] : [];
	return [...lines.slice(0, LINES_SHOWN), ...more].join("\n");
}
