/** What a task changed, against the commit it began at: committed or, while it works, not. */
import { isThere } from "../process/atomic-file.ts";
import { treeOfWork } from "./commit.ts";
import { refOf, type Worktree } from "./worktree.ts";

export interface ChangedFile {
	path: string;
	/** null: it is no text */
	insertions: number | null;
	deletions: number | null;
}

const USUAL = ["--no-ext-diff", "--no-textconv"];

/** @returns commits or trees; null: nothing was made yet. @throws DISPATCH_GIT, DISPATCH_BAD_CWD */
async function endOf(worktree: Worktree): Promise<string | null> {
	if (worktree.facts()?.isWhole && isThere(worktree.path) && isThere(worktree.adminDir))
		return treeOfWork(worktree);
	return worktree.commitOf(refOf(worktree.task));
}

/** @throws DISPATCH_GIT, DISPATCH_BAD_CWD */
export async function changedFiles(worktree: Worktree): Promise<ChangedFile[]> {
	const end = await endOf(worktree);
	if (end === null) return [];
	const args = ["diff", "--numstat", "-z", "--no-renames", ...USUAL, worktree.spec.base, end];
	const text = await worktree.must("compare", worktree.runThere(args));
	const number = (word = "") => (word === "-" ? null : Number(word));
	return text
		.split("\0")
		.filter(Boolean)
		.map((line) => {
			const [insertions, deletions, ...path] = line.split("\t");
			return { path: path.join("\t"), insertions: number(insertions), deletions: number(deletions) };
		});
}

/** Prints it where our own output goes. @throws DISPATCH_GIT, DISPATCH_BAD_CWD */
export async function showDiff(
	worktree: Worktree,
	{ isStat, isColored }: { isStat: boolean; isColored: boolean },
): Promise<void> {
	const end = await endOf(worktree);
	if (end === null) return;
	const how = [isColored ? "--color=always" : "--color=never", ...(isStat ? ["--stat"] : [])];
	const args = ["diff", ...how, ...USUAL, worktree.spec.base, end];
	const done = await worktree.runThere(args, { shown: true });
	// Ended by a signal: whoever read it has gone.
	if (done.code !== null) await worktree.must("compare", Promise.resolve(done));
}
