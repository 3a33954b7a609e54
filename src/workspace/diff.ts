/** What a task changed, against the commit it began at: committed or, while it works, not. */
import { isThere } from "../process/atomic-file.ts";
import { PLAIN, treeOfWork } from "./commit.ts";
import type { Worktree } from "./worktree.ts";

export interface ChangedFile {
	path: string;
	/** null: it is no text */
	insertions: number | null;
	deletions: number | null;
}

/** @returns commits or trees; null: nothing was made yet. @throws DISPATCH_GIT, DISPATCH_BAD_CWD */
async function endOf(worktree: Worktree): Promise<string | null> {
	if (worktree.isUsed && isThere(worktree.path) && isThere(worktree.adminDir)) return treeOfWork(worktree);
	return worktree.branch.tip();
}

/** @throws DISPATCH_GIT, DISPATCH_BAD_CWD */
export async function changedFiles(worktree: Worktree): Promise<ChangedFile[]> {
	const end = await endOf(worktree);
	if (end === null) return [];
	const args = ["diff", "--numstat", "-z", "--no-renames", ...PLAIN, worktree.spec.base, end];
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

/** Prints it, byte for byte, where our own output goes. @throws DISPATCH_GIT, DISPATCH_BAD_CWD */
export async function passDiff(worktree: Worktree, { isStat }: { isStat: boolean }): Promise<void> {
	const end = await endOf(worktree);
	if (end === null) return;
	const done = await worktree.runThere(diffOf(worktree, end, isStat), { shown: true });
	// Ended by a signal: whoever read it has gone.
	if (done.code !== null) await worktree.must("compare", Promise.resolve(done));
}

/** @returns its lines, as the agent wrote them: not yet for a terminal. @throws DISPATCH_GIT, DISPATCH_BAD_CWD */
export async function diffLines(worktree: Worktree, { isStat }: { isStat: boolean }): Promise<string[]> {
	const end = await endOf(worktree);
	if (end === null) return [];
	const text = await worktree.must("compare", worktree.runThere(diffOf(worktree, end, isStat)));
	return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function diffOf(worktree: Worktree, end: string, isStat: boolean): string[] {
	return ["diff", "--no-color", ...(isStat ? ["--stat"] : []), ...PLAIN, worktree.spec.base, end];
}
