/**
 * What lies in a worktree, as a commit on its task's branch. It goes through an index of our own, so that a lock
 * that a killed agent left behind is in nobody's way; each step may be the last one before a crash, and all of it is
 * done again then. The agent's own commits stay as they are. Nothing below the task's `.dispatch` is ever added.
 */
import { renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { diskError, isThere } from "../process/atomic-file.ts";
import { goesWithUs } from "../process/ends-with-us.ts";
import { faultPoint } from "../process/fault.ts";
import type { GitAnswer } from "../process/git.ts";
import { copyRegularFile, readRegularFile } from "../process/read-file.ts";
import { oneLine } from "../task/clean-text.ts";
import { DispatchError } from "../task/errors.ts";
import type { Changes } from "../task/worktree.ts";
import type { OwnGit } from "./own-git.ts";
import { yesOrNo } from "./repository.ts";
import type { Worktree } from "./worktree.ts";

export interface Saved {
	changes: Changes;
	/** what could not be added, in git's words; null: all of it was */
	left: string | null;
}

/** Who has told git no name has one all the same: the work counts for more. */
const NOBODY = ["-c", "user.name=dispatch", "-c", "user.email=dispatch@localhost"];
/** Of a comparison of two trees: no program runs, and a repository in it is a line as any other. */
export const PLAIN = ["--no-ext-diff", "--no-textconv", "--ignore-submodules=none"];
/** A file is work wherever it lies, also beside what a sparse checkout shows. */
const ALL_FILES = [{ scope: "local", name: "core.sparsecheckout", value: "false" }];
/** Of some four million files. */
const INDEX_LIMIT_BYTES = 512 * 1024 * 1024;
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
		await worktree.sweep();
		worktree.requireThere();
		return withIndex(worktree, holds, async (own, keep) => {
			const { tree, left } = await treeOf(worktree, own);
			faultPoint("commit.tree", worktree.task);
			const before = await worktree.branch.tip();
			const commit = await commitOf(worktree, { tree, before, what, holds });
			faultPoint("commit.made", worktree.task);
			if (commit === null)
				return { changes: await countChanges(worktree, before ?? worktree.spec.base), left };
			if (commit !== before) await worktree.branch.move(before, commit, what, holds);
			faultPoint("commit.branch", worktree.task);
			const head = ["symbolic-ref", "HEAD", worktree.branch.ref];
			if (!isOnBranch(worktree)) await worktree.must("set HEAD", worktree.run(head, { holds }));
			keep();
			faultPoint("commit.done", worktree.task);
			return { changes: await countChanges(worktree, commit), left };
		});
	});
}

function isOnBranch(worktree: Worktree): boolean {
	const file = readRegularFile(join(worktree.adminDir, "HEAD"), HEAD_LIMIT_BYTES);
	return file.kind === "text" && file.text.trim() === `ref: ${worktree.branch.ref}`;
}

/** All that lies there, committed or not, as a tree. @throws as `saveWork` */
export async function treeOfWork(worktree: Worktree): Promise<string> {
	worktree.requireThere();
	return withIndex(worktree, undefined, async (own) => (await treeOf(worktree, own)).tree);
}

/** @throws DISPATCH_GIT */
export async function countChanges(worktree: Worktree, commit: string): Promise<Changes> {
	const args = ["diff", "--shortstat", ...PLAIN, worktree.spec.base, commit];
	const text = await worktree.must("count the changes", worktree.runThere(args));
	const number = (form: RegExp) => Number(form.exec(text)?.[1] ?? 0);
	return {
		files: number(/(\d+) files? changed/),
		insertions: number(/(\d+) insertion/),
		deletions: number(/(\d+) deletion/),
		commit,
	};
}

/**
 * git with an index that begins as the worktree's own, but that nothing is hidden from.
 * @param use `keep` makes it the worktree's
 * @throws DISPATCH_BAD_CWD, DISPATCH_GIT, DISPATCH_DISK, and what `use` throws
 */
export async function withIndex<T>(
	worktree: Worktree,
	holds: number | undefined,
	use: (own: OwnGit, keep: () => void) => Promise<T>,
): Promise<T> {
	const own = worktree.index;
	const indexFile = worktree.newIndex();
	const remove = () => {
		for (const end of ["", ".lock"]) rmSync(indexFile + end, { force: true });
	};
	const kept = goesWithUs(remove);
	try {
		if (!(await copyIndex(own, indexFile))) {
			const commit = (await worktree.head()) ?? worktree.spec.base;
			await worktree.must("read the branch", worktree.run(["read-tree", commit], { indexFile }));
		}
		const keep = () => {
			try {
				renameSync(indexFile, own);
			} catch (error) {
				throw diskError(own, error);
			}
		};
		return await worktree.withOwnGit({ indexFile, holds, also: ALL_FILES }, async (git) => {
			await unhide(worktree, git);
			return use(git, keep);
		});
	} finally {
		try {
			remove();
		} catch {
			// What cannot be taken away now is swept at the next act: what was done is done.
		}
		kept();
	}
}

/** @returns false: there is none. @throws DISPATCH_BAD_CWD for what is no file of an index's size, and would be waited for; DISPATCH_DISK */
async function copyIndex(from: string, to: string): Promise<boolean> {
	try {
		// Of the older one, should it be replaced meanwhile.
		const written = statSync(from, { throwIfNoEntry: false })?.mtimeMs ?? 0;
		const why = await copyRegularFile(from, to, INDEX_LIMIT_BYTES);
		if (why === null) keepTime(to, written);
		if (why === null || why.kind === "absent") return why === null;
		throw new DispatchError("DISPATCH_BAD_CWD", `The index of the worktree ${why.why}: ${from}.`, {
			hint: "Remove it: git makes it anew.",
		});
	} catch (error) {
		throw error instanceof DispatchError ? error : diskError(to, error);
	}
}

/**
 * git looks into a file of the same size and second only where the index is no younger than it: in a younger copy a
 * change right after the checkout would be none.
 */
function keepTime(copy: string, writtenMs: number): void {
	const second = Math.floor(writtenMs / 1_000);
	utimesSync(copy, second, second);
}

/** One line of `ls-files -v --stage`: small letters are assumed unchanged, S is not looked for in the working tree. */
const STAGED = /^(?<tag>\S) (?<mode>\d+) [0-9a-f]+ \d\t(?<path>.*)$/s;

/** @throws DISPATCH_GIT */
async function stagedIn(own: OwnGit) {
	const lines = (await own.must("read the index", ["ls-files", "-v", "--stage", "-z"])).split("\0");
	return lines.map((line) => STAGED.exec(line)?.groups).filter((found) => found !== undefined) as {
		tag: string;
		mode: string;
		path: string;
	}[];
}

const isRepository = ({ mode }: { mode: string }) => mode === "160000";

/** Repositories of which the index holds no more than the number of a commit. @throws DISPATCH_GIT */
export async function repositoriesIn(own: OwnGit): Promise<string[]> {
	return (await stagedIn(own)).filter(isRepository).map(({ path }) => path);
}

/** Marks by which git takes a changed file for an unchanged one. A file that is not there, of a sparse checkout, keeps its mark. */
async function unhide(worktree: Worktree, own: OwnGit): Promise<void> {
	const staged = await stagedIn(own);
	const tell = async (option: string, marked: readonly { path: string }[]) => {
		if (marked.length === 0) return;
		const input = marked.map(({ path }) => `${path}\0`).join("");
		await own.must("read the index", ["update-index", "-z", option, "--stdin"], { input });
	};
	await tell(
		"--no-assume-unchanged",
		staged.filter(({ tag }) => tag !== tag.toUpperCase()),
	);
	const skipped = staged.filter(({ tag }) => tag.toUpperCase() === "S");
	await tell(
		"--no-skip-worktree",
		skipped.filter(({ path }) => isThere(join(worktree.path, path))),
	);
}

/** What cannot be added (a repository without a commit, a file that may not be read) is left, and told. */
async function treeOf(worktree: Worktree, own: OwnGit): Promise<{ tree: string; left: string | null }> {
	// git would look into those that it knows, and run there what their own config names. As new ones it does not.
	await forget(own, await repositoriesIn(own));
	const files = join(worktree.spec.inside, ".dispatch");
	const add = ["add", "--all", "--ignore-errors", "--", ".", `:(top,exclude,literal)${files}`];
	const added = await own.run(add);
	if (added.code !== 0 && !isPartly(added)) await worktree.must("add the changes", Promise.resolve(added));
	const ours = ["ls-files", "-z", "--", `:(top,literal)${join(files, "tasks")}`];
	await forget(own, (await own.must("leave the task's own files out", ours)).split("\0"));
	const tree = await own.must("write the changes", ["write-tree"]);
	return { tree: tree.trim(), left: added.code === 0 ? null : leftOf(added) };
}

async function forget(own: OwnGit, paths: readonly string[]): Promise<void> {
	const input = paths.map((path) => (path === "" ? "" : `${path}\0`)).join("");
	if (input === "") return;
	await own.must("write the index", ["update-index", "--force-remove", "-z", "--stdin"], { input });
}

/** Only single files are the matter: "error: …" without a "fatal: …". */
function isPartly({ code, stderr }: GitAnswer): boolean {
	return code === 1 && !/^fatal:/m.test(stderr) && !/No space left|quota exceeded/i.test(stderr);
}

/** What git names as an error; else all that it said, but for advice. */
function leftOf({ stderr, code }: GitAnswer): string {
	const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("hint: "));
	const errors = lines.filter((line) => line.startsWith("error: "));
	const said = (errors.length > 0 ? errors : lines).map((line) => line.replace(/^error: /, "").trim());
	return oneLine(said.join("; "), SHOWN_CHARS) || `git add ended with ${code}`;
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
	const head = await worktree.head();
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
		(await yesOrNo("compare commits", worktree.run(["merge-base", "--is-ancestor", a, b]))) !== null;
	if (await isAfter(before, head)) return [head];
	return (await isAfter(head, before)) ? [before] : [before, head];
}
