/** Takes a worktree away, and never what is nowhere else: uncommitted work stays, and so does a branch with commits. */
import { isThere } from "../process/atomic-file.ts";
import { DispatchError } from "../task/errors.ts";
import { branchNameOf } from "../task/worktree.ts";
import type { Holder } from "./branch.ts";
import { firstOf, isHalfMade, looseCommits, unsavedIn } from "./unsaved.ts";
import type { Worktree } from "./worktree.ts";

/** What people keep their work on; a stash, a note or another pseudo-ref is none of these. */
const HOLDERS = ["refs/heads", "refs/tags", "refs/remotes"];
/** Of a branch that others move, or delete, at the same time. */
const DELETE_TRIES = 5;

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
	if (await isHalfMade(worktree)) return;
	const { task, path, spec } = worktree;
	// Of files that are gone nothing can be lost; what was committed without a branch is the repository's.
	const loose = await looseCommits(worktree);
	const unsaved = [...(isThere(path) ? await unsavedIn(worktree) : []), ...loose];
	if (unsaved.length === 0) return;
	const isCommitted = loose.length === unsaved.length;
	const keep = isCommitted
		? `Give it a branch (git branch NAME COMMIT) in ${spec.repository}`
		: `Commit it in ${path}`;
	throw new DispatchError(
		"DISPATCH_UNSAVED_WORK",
		`The worktree of \`${task}\` holds work that is nowhere else: ${firstOf(unsaved)}.`,
		{ hint: `${keep}, or delete it with --force: dispatch rm --force ${task}` },
	);
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
		await worktree.removeFiles();
		const branchKept = isThere(worktree.spec.gitDir) ? await removeBranch(worktree, force) : null;
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
	if (!isThere(worktree.spec.gitDir)) return { branchKept: null };
	const { ref, tip, kept } = await branchNow(worktree, force, gone);
	if (tip !== null && kept === null) gone.add(nameIn(worktree, ref));
	return { branchKept: kept };
}

/** A branch of this name may stand in several repositories. */
function nameIn({ spec }: Worktree, ref: string): string {
	return `${spec.gitDir} ${ref}`;
}

/** Whether the branch of its name is its own: a newer task of this id may have made it. */
async function isOwn(worktree: Worktree): Promise<boolean> {
	const nonce = await worktree.branch.madeFor();
	// git forgets what is in a log for long: then no newer task has made it.
	return nonce === null ? worktree.facts()?.isWhole === true : nonce === worktree.nonce;
}

/** @returns what stays */
async function removeBranch(worktree: Worktree, force: boolean): Promise<RemovedWorktree["branchKept"]> {
	for (let tries = 1; ; tries++) {
		const { tip, kept, holders } = await branchNow(worktree, force);
		if (tip === null || kept !== null) return kept;
		try {
			await worktree.branch.delete(tip, holders[tries % holders.length] ?? null);
			return null;
		} catch (error) {
			// Who held its commits may hold them no more: another removal works at this moment.
			if (tries === DELETE_TRIES || holders.length === 0) throw error;
		}
	}
}

interface BranchNow {
	ref: string;
	/** null: it is gone, or another one's */
	tip: string | null;
	/** why it stays; null: it goes */
	kept: RemovedWorktree["branchKept"];
	/** on the strength of which it goes; none: it goes all the same */
	holders: Holder[];
}

/** What becomes of its branch with it: the one place that decides it. */
async function branchNow(
	worktree: Worktree,
	force: boolean,
	gone: GoneBranches = new Set(),
): Promise<BranchNow> {
	const { ref } = worktree.branch;
	const found = await worktree.branch.tipOfWhatever();
	const tip = found !== null && (await isOwn(worktree)) ? found : null;
	const { base } = worktree.spec;
	if (tip === null || force || tip === base) return { ref, tip, kept: null, holders: [] };
	// But for those that are gone by then.
	const isThen = (holder: Holder) => holder.ref !== ref && !gone.has(nameIn(worktree, holder.ref));
	const holders = (await holdersOf(worktree, tip)).filter(isThen);
	if (holders.length > 0) return { ref, tip, kept: null, holders };
	const count = await worktree.must(
		"count the commits",
		worktree.runThere(["rev-list", "--count", tip, `^${base}`]),
	);
	return { ref, tip, kept: { name: branchNameOf(worktree.task), commits: Number(count) }, holders };
}

/** Branches, tags and remotes' branches with this commit. A link to another ref holds nothing by itself. */
async function holdersOf(worktree: Worktree, commit: string): Promise<Holder[]> {
	const format = "--format=%(refname) %(objectname) %(symref)";
	const args = ["for-each-ref", format, "--contains", commit, ...HOLDERS];
	const lines = (await worktree.must("look at the branches", worktree.runThere(args))).split("\n");
	return lines.filter(Boolean).flatMap((line) => {
		const [ref = "", object = "", symref = ""] = line.split(" ");
		return symref === "" ? [{ ref, object }] : [];
	});
}
