/**
 * What lies in a worktree, as a commit on its task's branch. It goes through an index of our own, so that a lock
 * that a killed agent left behind is in nobody's way; each step may be the last one before a crash, and all of it is
 * done again then. The agent's own commits stay as they are. Nothing below the task's `.dispatch` is ever added.
 */
import { randomBytes } from "node:crypto";
import { copyFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { codeOf, diskError } from "../process/atomic-file.ts";
import { faultPoint } from "../process/fault.ts";
import type { GitAnswer } from "../process/git.ts";
import { readRegularFile } from "../process/read-file.ts";
import { oneLine } from "../task/clean-text.ts";
import type { Changes } from "../task/worktree.ts";
import { refOf, type Worktree } from "./worktree.ts";

export interface Saved {
	changes: Changes;
	/** what could not be added, in git's words; null: all of it was */
	left: string | null;
}

/** Who has told git no name has one all the same: the work counts for more. */
const NOBODY = ["-c", "user.name=dispatch", "-c", "user.email=dispatch@localhost"];
const HEAD_LIMIT_BYTES = 4096;
/** Of what git said about files that it could not add. */
const SHOWN_CHARS = 300;

/**
 * Commits what changed, if anything did.
 * @param what of it, as the commit's message says: "start 2"
 * @throws DISPATCH_BAD_CWD, DISPATCH_GIT, DISPATCH_DISK
 */
export function saveWork(worktree: Worktree, what: string): Promise<Saved> {
	return worktree.locked(async ({ fd: holds }) => {
		faultPoint("commit.begin", worktree.task);
		worktree.requireThere();
		await worktree.requirePrograms();
		return withIndex(worktree, async (indexFile, keep) => {
			const { tree, left } = await treeOf(worktree, indexFile, holds);
			faultPoint("commit.tree", worktree.task);
			const before = await worktree.commitOf(refOf(worktree.task));
			const commit = await commitOf(worktree, { tree, before, what, holds });
			faultPoint("commit.made", worktree.task);
			if (commit === null)
				return { changes: await countChanges(worktree, before ?? worktree.spec.base), left };
			const move = ["update-ref", "--create-reflog", "-m", `dispatch: ${what}`, refOf(worktree.task), commit];
			const from = before ?? "0".repeat(commit.length);
			if (commit !== before) await worktree.must("move the branch", worktree.run([...move, from], { holds }));
			faultPoint("commit.branch", worktree.task);
			const head = ["symbolic-ref", "HEAD", refOf(worktree.task)];
			if (!isOnBranch(worktree)) await worktree.must("set HEAD", worktree.run(head, { holds }));
			keep();
			faultPoint("commit.done", worktree.task);
			return { changes: await countChanges(worktree, commit), left };
		});
	});
}

function isOnBranch(worktree: Worktree): boolean {
	const file = readRegularFile(join(worktree.adminDir, "HEAD"), HEAD_LIMIT_BYTES);
	return file.kind === "text" && file.text.trim() === `ref: ${refOf(worktree.task)}`;
}

/** All that lies there, committed or not, as a tree. @throws as `saveWork` */
export async function treeOfWork(worktree: Worktree): Promise<string> {
	worktree.requireThere();
	await worktree.requirePrograms();
	return withIndex(worktree, async (indexFile) => (await treeOf(worktree, indexFile)).tree);
}

/** @throws DISPATCH_GIT */
export async function countChanges(worktree: Worktree, commit: string): Promise<Changes> {
	const args = ["diff", "--shortstat", "--no-ext-diff", "--no-textconv", worktree.spec.base, commit];
	const text = await worktree.must("count the changes", worktree.runThere(args));
	const number = (form: RegExp) => Number(form.exec(text)?.[1] ?? 0);
	return {
		files: number(/(\d+) files? changed/),
		insertions: number(/(\d+) insertion/),
		deletions: number(/(\d+) deletion/),
		commit,
	};
}

/** An index that begins as the worktree's own. @param use `keep` makes it the worktree's */
async function withIndex<T>(
	worktree: Worktree,
	use: (indexFile: string, keep: () => void) => Promise<T>,
): Promise<T> {
	const own = join(worktree.adminDir, "index");
	const indexFile = `${own}.dispatch-${process.pid}-${randomBytes(4).toString("hex")}`;
	try {
		try {
			copyFileSync(own, indexFile);
		} catch (error) {
			if (codeOf(error) !== "ENOENT") throw diskError(indexFile, error);
			await worktree.must("read the branch", worktree.run(["read-tree", worktree.spec.base], { indexFile }));
		}
		return await use(indexFile, () => {
			try {
				renameSync(indexFile, own);
			} catch (error) {
				throw diskError(own, error);
			}
		});
	} finally {
		for (const end of ["", ".lock"]) rmSync(indexFile + end, { force: true });
	}
}

/** What cannot be added (a repository without a commit, a file that may not be read) is left, and told. */
async function treeOf(
	worktree: Worktree,
	indexFile: string,
	holds?: number,
): Promise<{ tree: string; left: string | null }> {
	const options = { indexFile, ...(holds === undefined ? {} : { holds }) };
	const files = join(worktree.spec.inside, ".dispatch");
	const add = ["add", "--all", "--ignore-errors", "--", ".", `:(top,exclude,literal)${files}`];
	const added = await worktree.run(add, options);
	if (added.code !== 0 && !isPartly(added)) await worktree.must("add the changes", Promise.resolve(added));
	const tasks = `:(top,literal)${join(files, "tasks")}`;
	const drop = ["rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", tasks];
	await worktree.must("leave the task's own files out", worktree.run(drop, options));
	const tree = await worktree.must("write the changes", worktree.run(["write-tree"], options));
	return { tree: tree.trim(), left: added.code === 0 ? null : leftOf(added) };
}

/** Only single files are the matter: "error: …" without a "fatal: …". */
function isPartly({ code, stderr }: GitAnswer): boolean {
	return code === 1 && !/^fatal:/m.test(stderr) && !/No space left|quota exceeded/i.test(stderr);
}

function leftOf({ stderr }: GitAnswer): string {
	const lines = stderr.split("\n").filter((line) => line.startsWith("error: "));
	return oneLine(lines.map((line) => line.slice("error: ".length)).join("; "), SHOWN_CHARS);
}

interface Making {
	tree: string;
	/** where the branch is now; null: the agent deleted it */
	before: string | null;
	what: string;
	holds: number;
}

/**
 * The commit that the branch is to be at: what the agent itself committed, and on top of it what it did not.
 * @returns null: the agent has just gone back to look at something older, and changed nothing there
 */
async function commitOf(worktree: Worktree, { tree, before, what, holds }: Making): Promise<string | null> {
	const { code, stdout } = await worktree.run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
	const head = code === 0 ? stdout.trim() : null;
	const parents = await parentsOf(worktree, before, head);
	const isUnchanged = head !== null && (await treeIn(worktree, head)) === tree;
	if (isUnchanged && !parents.includes(head)) return null;
	const [only] = parents;
	if (parents.length === 1 && only !== undefined && (await treeIn(worktree, only)) === tree) return only;
	const { task } = worktree;
	const message = `Work of the task ${task}, ${what}\n\nDispatch-Task: ${task}\n`;
	const named = parents.flatMap((parent) => ["-p", parent]);
	const make = ["commit-tree", "--no-gpg-sign", ...named, "-F", "-", tree];
	const options = { input: message, holds };
	const asUser = await worktree.run(make, options);
	if (asUser.code === 0) return asUser.stdout.trim();
	const made = await worktree.must("commit", worktree.run([...NOBODY, ...make], options));
	return made.trim();
}

async function treeIn(worktree: Worktree, commit: string): Promise<string> {
	return (await worktree.must("read a commit", worktree.run(["rev-parse", `${commit}^{tree}`]))).trim();
}

/** An agent that left its branch, or went back on it, loses neither what it had nor what it has. */
async function parentsOf(worktree: Worktree, before: string | null, head: string | null): Promise<string[]> {
	if (head === null || head === before) return [before ?? worktree.spec.base];
	if (before === null) return [head];
	const isAfter = async (a: string, b: string) =>
		(await worktree.run(["merge-base", "--is-ancestor", a, b])).code === 0;
	if (await isAfter(before, head)) return [head];
	return (await isAfter(head, before)) ? [before] : [before, head];
}
