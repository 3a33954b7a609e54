/**
 * Makes a task's worktree. What is not whole was never given to an agent: it is taken away and made anew. Where this host
 * has not sealed that (an earlier version, another key, a file that is damaged) git tells whether anybody worked in it.
 */
import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { diskError, isThere } from "../process/atomic-file.ts";
import { faultPoint } from "../process/fault.ts";
import { removePath } from "../process/opened-directory.ts";
import { DispatchError } from "../task/errors.ts";
import { branchNameOf, setupMark } from "../task/worktree.ts";
import { type Sealing, writeFacts } from "./facts.ts";
import { firstOf, isHalfMade, looseCommits, unsavedIn } from "./unsaved.ts";
import type { Worktree } from "./worktree.ts";

const OWNER_ONLY = 0o700;
/** A lock of git's that old is left over: nobody of ours works there any more. */
const STALE_LOCK_MS = 10_000;
const LOCKS = ["index.lock", "HEAD.lock"];

/**
 * Unless it is there: every start of the task works in the same one.
 * @param sealing for this very one
 * @throws DISPATCH_ID_EXISTS for a branch of somebody else's, DISPATCH_BAD_CWD, DISPATCH_GIT, DISPATCH_DISK
 */
export async function makeWorktree(worktree: Worktree, sealing: Sealing = () => null): Promise<void> {
	const { task, nonce, spec, path, branch } = worktree;
	try {
		mkdirSync(spec.folder, { recursive: true, mode: OWNER_ONLY });
	} catch (error) {
		throw diskError(spec.folder, error);
	}
	const note = (isWhole: boolean) =>
		writeFacts(path, { task, nonce, worktree: spec, isWhole, seal: sealing(isWhole) });
	await worktree.locked(async ({ fd: holds }) => {
		await worktree.sweep();
		const facts = worktree.facts();
		if (facts?.isWhole) {
			worktree.requireThere();
			requireInside(worktree);
			return dropStaleLocks(worktree);
		}
		if (facts === null || facts.seal !== sealing(false)) await requireUntouched(worktree);
		note(false);
		await removePath(setupMark(spec, { id: task, nonce }));
		faultPoint("worktree.begin", task);
		await worktree.removeFiles();
		await worktree.requirePrograms();
		await branch.make(holds);
		faultPoint("worktree.branch", task);
		// Without files: only now can be told what its config says there, which names the programs that make them.
		const add = ["worktree", "add", "--quiet", "--no-checkout", path, branchNameOf(task)];
		await worktree.must("make the worktree", worktree.runThere(add, { holds }));
		const checkOut = ["reset", "--hard", "--quiet", "--no-recurse-submodules"];
		const indexFile = worktree.index;
		await worktree.withOwnGit({ indexFile, holds }, (own) => own.must("check the files out", checkOut));
		faultPoint("worktree.added", task);
		note(true);
		faultPoint("worktree.whole", task);
	});
}

/** It holds nothing but what git made. @throws DISPATCH_BAD_CWD where an agent may have worked in it */
async function requireUntouched(worktree: Worktree): Promise<void> {
	const { task, path, adminDir } = worktree;
	if ((!isThere(path) && !isThere(adminDir)) || (await isHalfMade(worktree))) return;
	const found = isThere(adminDir) ? await foundIn(worktree) : null;
	if (found?.length === 0) return;
	const remove = isThere(adminDir) ? "git worktree remove --force" : "rm -r";
	const what = `What is kept beside the worktree of \`${task}\` is damaged (${path}.json)`;
	const holds = found === null ? "" : ` It holds ${firstOf(found)}.`;
	throw new DispatchError(
		"DISPATCH_BAD_CWD",
		`${what}: nobody can tell whether ${path} holds work.${holds}`,
		{
			hint: `Keep what you need of it, remove it (${remove} ${path}), then \`dispatch retry ${task}\`.`,
		},
	);
}

async function foundIn(worktree: Worktree): Promise<string[]> {
	return [...(await unsavedIn(worktree, { isAll: true })), ...(await looseCommits(worktree))];
}

/** A start works where it was meant to. @throws DISPATCH_BAD_CWD where the agent put a link in its place, or nothing */
function requireInside({ task, path, spec }: Worktree): void {
	const cwd = join(path, spec.inside);
	const place = realPathOf(cwd);
	const top = realPathOf(path);
	if (place !== null && top !== null && (place === top || place.startsWith(`${top}/`))) return;
	const what = place === null ? "is gone" : `leads out of its worktree, to ${place}`;
	throw new DispatchError("DISPATCH_BAD_CWD", `The directory of \`${task}\` ${what}: ${cwd}.`, {
		hint: `Put it back (what was committed is on the branch ${branchNameOf(task)}), then \`dispatch retry ${task}\`.`,
	});
}

function realPathOf(path: string): string | null {
	try {
		return realpathSync(path);
	} catch {
		return null;
	}
}

/** Of an agent that was killed over them; no agent of the task lives when this is called. */
async function dropStaleLocks({ adminDir }: Worktree): Promise<void> {
	for (const name of LOCKS) {
		const path = join(adminDir, name);
		// git makes a file; anything else was put there.
		const there = lstatSync(path, { throwIfNoEntry: false });
		if (there === undefined) continue;
		// One that is still to come is of no clock that can be waited for.
		if (there.isFile() && Math.abs(Date.now() - there.mtimeMs) < STALE_LOCK_MS)
			throw new DispatchError("DISPATCH_GIT", `git works in the worktree at this moment: ${path} is there.`);
		await removePath(path);
	}
}
