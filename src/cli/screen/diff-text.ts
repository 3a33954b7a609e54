/** What `d` shows of a task: as `dispatch diff` does. */
import { exactly } from "../../actions/find-task.ts";
import { workOf } from "../../actions/work.ts";
import type { Store } from "../../queue/records/store.ts";
import { cutText } from "../../task/cut-text.ts";
import { diffLines } from "../../workspace/diff.ts";
import type { Context } from "../context.ts";

/** More than anybody scrolls through; a page of more would be slow. */
const LINES_SHOWN = 10_000;
const CHARS_SHOWN = 1_000_000;
/** One line of a file that a program wrote may be as long as the file. */
const LINE_CHARS = 2_000;

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
	return diffShown(await diffLines(work, { isStat: false }), id);
}

/** As much of it as a page takes, and where the rest is: cut before it is cleaned, which takes many times its size. */
export function diffShown(lines: readonly string[], id: string): string {
	const shown: string[] = [];
	let left = CHARS_SHOWN;
	let isCut = false;
	for (const line of lines) {
		const part = cutText(line, LINE_CHARS);
		left -= part.length + 1;
		if (left < 0 || shown.length === LINES_SHOWN) break;
		shown.push(part);
		isCut ||= line.length > LINE_CHARS;
	}
	const more = lines.length - shown.length;
	const beyond =
		more === 0 ? (isCut ? "Long lines are cut" : "") : `${more} more line${more === 1 ? "" : "s"}`;
	return [...shown, ...(beyond === "" ? [] : ["", `${beyond}: dispatch diff ${id}`])].join("\n");
}
