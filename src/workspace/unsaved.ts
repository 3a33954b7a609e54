/** What lies in a worktree and in no commit. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { isThere } from "../process/atomic-file.ts";
import { namesInTurns } from "../process/opened-directory.ts";
import { readRegularBytes } from "../process/read-file.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import { repositoriesIn, withIndex } from "./commit.ts";
import { looseIn } from "./loose.ts";
import type { OwnGit } from "./own-git.ts";
import type { Worktree } from "./worktree.ts";

/** Of files that are not committed. */
const NAMED = 3;
/** Of a commit's name. */
const SHORT = 7;
/** Of a file that git was ended over. */
const CUT_LIMIT_BYTES = 64 * 1024 * 1024;

/** For a message. */
export function firstOf(unsaved: readonly string[]): string {
	const more = unsaved.length > NAMED ? ` and ${unsaved.length - NAMED} more` : "";
	return unsaved.slice(0, NAMED).join(", ") + more;
}

/** It was never whole, and holds no file: no agent has seen it. */
export async function isHalfMade(worktree: Worktree): Promise<boolean> {
	if (worktree.facts()?.isWhole !== false) return false;
	if (!isThere(worktree.path)) return true;
	for await (const name of namesInTurns(worktree.path))
		if (name !== ".git" || !lstatSync(join(worktree.path, name)).isFile()) return false;
	return true;
}

/**
 * Files, and repositories of their own, of which no more than the number of a commit is in the branch.
 * @param isAll also what git ignores, and the task's own files: all that git has not made
 * @throws DISPATCH_UNSAVED_WORK when it cannot be told; DISPATCH_GIT
 */
export async function unsavedIn(worktree: Worktree, { isAll = false } = {}): Promise<string[]> {
	if (!isThere(worktree.adminDir))
		throw new DispatchError(
			"DISPATCH_UNSAVED_WORK",
			`git no longer knows the worktree ${worktree.path}: nobody can tell what of it is committed.`,
			{
				hint: `Look at it, then delete it with --force: dispatch rm --force ${worktree.task}`,
			},
		);
	return withIndex(worktree, undefined, async (own) => {
		// What a repository in it holds is never looked at: its own config would name what git runs.
		const look = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal"];
		const also = ["--ignore-submodules=all", ...(isAll ? ["--ignored"] : [])];
		const status = await own.must("look at the worktree", [...look, ...also]);
		const ours = `${join(worktree.spec.inside, ".dispatch")}/`;
		const isOurs = (line: string) => !isAll && line.startsWith("??") && line.slice(3).startsWith(ours);
		const lines = status.split("\0").filter((line) => line !== "" && !isOurs(line));
		const work = isUnfinished(worktree) ? await withoutGits(worktree, own, lines) : lines;
		const files = work.map((line) => line.slice(3));
		const repositories = new Set([...(await repositoriesIn(own)), ...(await repositoriesOf(worktree))]);
		const nested = [...repositories].map((path) => `${path} (a repository)`);
		return [...new Set([...files, ...nested])];
	});
}

/** Whether git may have been ended over its files. Where nothing tells that, an index does: git writes it after all of them. */
function isUnfinished(worktree: Worktree): boolean {
	const facts = worktree.facts();
	return facts === null ? !isThere(worktree.index) : !facts.isWhole;
}

/** What is missing there nobody has deleted, and of one file there is the beginning. */
async function withoutGits(worktree: Worktree, own: OwnGit, lines: readonly string[]): Promise<string[]> {
	const work: string[] = [];
	for (const line of lines) {
		const isGits = /^(?: D|D ) /.test(line) || (line.startsWith(" M ") && (await isCut(worktree, own, line)));
		if (!isGits) work.push(line);
	}
	return work;
}

async function isCut(worktree: Worktree, own: OwnGit, line: string): Promise<boolean> {
	const path = line.slice(3);
	const file = readRegularBytes(join(worktree.path, path), CUT_LIMIT_BYTES);
	if (file.kind !== "bytes" || file.cut) return false;
	const whole = await own.run(["cat-file", "--filters", `HEAD:${path}`], { encoding: "latin1" });
	return whole.code === 0 && whole.stdout.startsWith(file.bytes.toString("latin1"));
}

/** In what its branch holds, or what is checked out. */
async function repositoriesOf(worktree: Worktree): Promise<string[]> {
	const commits = new Set([await worktree.branch.tipOfWhatever(), await worktree.head()]);
	const lists = [...commits]
		.filter((commit) => commit !== null)
		.map((commit) => worktree.must("look at the worktree", worktree.run(["ls-tree", "-r", "-z", commit])));
	const lines = (await Promise.all(lists)).join("").split("\0");
	return lines.filter((line) => line.startsWith("160000 ")).map((line) => line.slice(line.indexOf("\t") + 1));
}

/** As lines for a message. @throws DISPATCH_GIT */
export async function looseCommits(worktree: Worktree): Promise<string[]> {
	const { commits, unreadable } = await looseIn(worktree);
	return [
		...commits.map((commit) => `the commit ${cutText(commit, SHORT, "")}, which is on no branch`),
		...unreadable.map((path) => `what ${path} leads to, which cannot be read`),
	];
}
