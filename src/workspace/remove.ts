/** Takes a worktree away, and never what is nowhere else: uncommitted work stays, and so does a branch with commits. */
import { join } from "node:path";
import { isThere } from "../process/atomic-file.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import { Serial } from "../task/serial.ts";
import { branchNameOf } from "../task/worktree.ts";
import { repositoriesIn, withIndex } from "./commit.ts";
import type { Worktree } from "./worktree.ts";

/** Of files that are not committed. */
const NAMED = 3;
const SHORT = 7;
/** What people keep their work on; a stash, a note or another pseudo-ref is none of these. */
const HOLDERS = ["refs/heads", "refs/tags", "refs/remotes"];

/**
 * What `removeWorktree` asks first.
 * @throws DISPATCH_UNSAVED_WORK, naming what; DISPATCH_GIT when it cannot be told; DISPATCH_BAD_CWD where its branch lies
 * in a folder that is a link
 */
export async function requireRemovable(worktree: Worktree, { force }: { force: boolean }): Promise<void> {
	worktree.branch.requireOwnFolders();
	if (!force) await requireSaved(worktree);
}

async function requireSaved(worktree: Worktree): Promise<void> {
	// What was never whole no agent has seen, and of what is gone nothing can be lost.
	if (!worktree.facts()?.isWhole || !isThere(worktree.path)) return;
	const { task, path } = worktree;
	const unsaved = await unsavedIn(worktree);
	if (unsaved.length === 0) return;
	const more = unsaved.length > NAMED ? ` and ${unsaved.length - NAMED} more` : "";
	throw new DispatchError(
		"DISPATCH_UNSAVED_WORK",
		`The worktree of \`${task}\` holds work that is in no commit: ${unsaved.slice(0, NAMED).join(", ")}${more}.`,
		{ hint: `Commit it in ${path}, or delete it with --force: dispatch rm --force ${task}` },
	);
}

/** Files, and repositories of their own, of which no more than the number of a commit is in the branch. */
async function unsavedIn(worktree: Worktree): Promise<string[]> {
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
		const status = await own.must("look at the worktree", [...look, "--ignore-submodules=all"]);
		const ours = `${join(worktree.spec.inside, ".dispatch")}/`;
		const files = status
			.split("\0")
			.filter((line) => line !== "" && !(line.startsWith("??") && line.slice(3).startsWith(ours)))
			.map((line) => line.slice(3));
		const repositories = new Set([...(await repositoriesIn(own)), ...(await repositoriesOf(worktree))]);
		const nested = [...repositories].map((path) => `${path} (a repository)`);
		return [...new Set([...files, ...nested, ...(await looseCommits(worktree))])];
	});
}

/** In what its branch holds, or what is checked out. */
async function repositoriesOf(worktree: Worktree): Promise<string[]> {
	const commits = [await worktree.branch.tipOfWhatever(), await worktree.head()];
	const lists = commits
		.filter((commit) => commit !== null)
		.map((commit) => worktree.must("look at the worktree", worktree.run(["ls-tree", "-r", "-z", commit])));
	const lines = (await Promise.all(lists)).join("").split("\0");
	return lines.filter((line) => line.startsWith("160000 ")).map((line) => line.slice(line.indexOf("\t") + 1));
}

/** A HEAD that no branch, tag or remote branch holds: with the worktree its log goes too. */
async function looseCommits(worktree: Worktree): Promise<string[]> {
	const head = await worktree.head();
	if (head === null) return [];
	const isHeld = (await holdersOf(worktree, head)).length > 0;
	return isHeld ? [] : [`the commit ${cutText(head, SHORT, "")}, which is on no branch`];
}

export interface RemovedWorktree {
	/** with commits that nothing else holds: it stays; null: it is gone too */
	branchKept: { name: string; commits: number } | null;
}

/**
 * Idempotent: what is gone already is gone.
 * @param force with uncommitted work, and with the branch
 * @throws DISPATCH_UNSAVED_WORK, DISPATCH_BAD_CWD, DISPATCH_GIT, DISPATCH_DISK
 */
export function removeWorktree(worktree: Worktree, { force }: { force: boolean }): Promise<RemovedWorktree> {
	return worktree.locked(async () => {
		await requireRemovable(worktree, { force });
		const isOurs = await isOwn(worktree);
		await worktree.removeFiles();
		const branchKept = isOurs && isThere(worktree.spec.gitDir) ? await inTurn(worktree, force) : null;
		await worktree.forget();
		return { branchKept };
	});
}

/** Branches that would be gone by then: `nameIn` of each. */
export type GoneBranches = Set<string>;

/**
 * What `removeWorktree` would leave of one whose work is saved, or does not count. Nothing is changed.
 * @param gone those of the worktrees that would go before it; its own is added, if it would go
 * @throws DISPATCH_GIT
 */
export async function leftByRemoval(
	worktree: Worktree,
	{ force, gone }: { force: boolean; gone: GoneBranches },
): Promise<RemovedWorktree> {
	if (!isThere(worktree.spec.gitDir) || !(await isOwn(worktree))) return { branchKept: null };
	const { ref, tip, kept } = await branchNow(worktree, force, gone);
	if (tip !== null && kept === null) gone.add(nameIn(worktree, ref));
	return { branchKept: kept };
}

/** A branch of this name may stand in several repositories. */
function nameIn({ spec }: Worktree, ref: string): string {
	return `${spec.gitDir} ${ref}`;
}

/** Whether the branch of its name is its own. */
async function isOwn(worktree: Worktree): Promise<boolean> {
	if (worktree.facts()?.isWhole === true) return true;
	return isThere(worktree.spec.gitDir) && (await worktree.branch.isOwn());
}

/** Two of one repository that hold the same commits, removed at once, would each go by the other's. */
const branches = new Serial();

function inTurn(worktree: Worktree, force: boolean): Promise<RemovedWorktree["branchKept"]> {
	return branches.run(worktree.spec.gitDir, () => removeBranch(worktree, force));
}

/** @returns what stays */
async function removeBranch(worktree: Worktree, force: boolean): Promise<RemovedWorktree["branchKept"]> {
	const { tip, kept } = await branchNow(worktree, force);
	if (tip === null || kept !== null) return kept;
	await worktree.branch.delete(tip);
	return null;
}

interface BranchNow {
	ref: string;
	/** null: it is gone */
	tip: string | null;
	/** why it stays; null: it goes */
	kept: RemovedWorktree["branchKept"];
}

/** What becomes of its branch with it: the one place that decides it. */
async function branchNow(worktree: Worktree, force: boolean, gone?: GoneBranches): Promise<BranchNow> {
	const { ref } = worktree.branch;
	const tip = await worktree.branch.tipOfWhatever();
	const { base } = worktree.spec;
	if (tip === null || force || tip === base || (await isHeldElsewhere(worktree, ref, tip, gone)))
		return { ref, tip, kept: null };
	const count = await worktree.must(
		"count the commits",
		worktree.runThere(["rev-list", "--count", tip, `^${base}`]),
	);
	return { ref, tip, kept: { name: branchNameOf(worktree.task), commits: Number(count) } };
}

/** Whether a branch, a tag or a remote's branch holds all of it, but for those that are gone by then. */
async function isHeldElsewhere(
	worktree: Worktree,
	ref: string,
	tip: string,
	gone: GoneBranches = new Set(),
): Promise<boolean> {
	const refs = await holdersOf(worktree, tip);
	return refs.some((each) => each !== ref && !gone.has(nameIn(worktree, each)));
}

/** Branches, tags and remotes' branches with this commit. A link to another ref holds nothing by itself. */
async function holdersOf(worktree: Worktree, commit: string): Promise<string[]> {
	const args = ["for-each-ref", "--format=%(refname) %(symref)", "--contains", commit, ...HOLDERS];
	const lines = (await worktree.must("look at the branches", worktree.runThere(args))).split("\n");
	return lines.filter((line) => line.endsWith(" ")).map((line) => line.trimEnd());
}
