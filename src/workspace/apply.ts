/**
 * The work of a task, brought into the working tree and the branch where somebody stands. What comes of it is made
 * beside everything first; git then takes it over, or refuses and leaves all as it was.
 */
import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isThere } from "../process/atomic-file.ts";
import type { Environment } from "../process/environment.ts";
import { type GitAnswer, git } from "../process/git.ts";
import { oneLine } from "../task/clean-text.ts";
import { DispatchError } from "../task/errors.ts";
import { branchNameOf, type Changes } from "../task/worktree.ts";
import { countChanges, PLAIN, saveWork } from "./commit.ts";
import { type OwnGit, withOwnGit } from "./own-git.ts";
import { reasonOf, yesOrNo } from "./repository.ts";
import type { Worktree } from "./worktree.ts";

export const WAYS = ["merge", "squash", "patch"] as const;
export type Way = (typeof WAYS)[number];

export interface Applied {
	/** false: all of it is there already */
	isNew: boolean;
	/** where the branch is now; null: nothing was committed */
	commit: string | null;
	changes: Changes;
}

/** Of files that are named in a refusal. */
const NAMED = 5;
const REASON_CHARS = 200;

/** Another git works there: it is done in a moment. */
const AGAIN_AFTER_MS = [200, 1_000, 3_000];

/**
 * @param cwd in the working tree that gets it
 * @throws DISPATCH_APPLY_CONFLICT, naming the files; DISPATCH_USAGE for another repository; DISPATCH_BAD_CWD for
 * programs in its config that are not signed; DISPATCH_GIT
 */
export async function applyWork(
	worktree: Worktree,
	{ cwd, way, env }: { cwd: string; way: Way; env: Environment },
): Promise<Applied> {
	const place = await placeIn(worktree, cwd, env);
	await worktree.requirePrograms(place.workTree);
	// What a person did there since, or an end that was not recorded as usual, left behind.
	if (worktree.isUsed && isThere(worktree.path)) await saveWork(worktree, "as it was applied");
	for (const pause of AGAIN_AFTER_MS) {
		try {
			return await applyIn(worktree, place, way, env);
		} catch (error) {
			if (!(error instanceof DispatchError) || !LOCKED.test(error.message)) throw error;
		}
		await sleep(pause);
	}
	return applyIn(worktree, place, way, env);
}

/** Of another git that works there, or of a branch that it has just moved. */
const LOCKED = /\.lock\b|cannot lock ref/;

async function applyIn(worktree: Worktree, place: Place, way: Way, env: Environment): Promise<Applied> {
	const config = await worktree.requirePrograms(place.workTree);
	const tip = await worktree.branch.tip();
	if (tip === null)
		throw new DispatchError("DISPATCH_GIT", `The branch ${branchNameOf(worktree.task)} is gone.`, {
			hint: "`git reflog` may still know its last commit.",
		});
	const changes = await countChanges(worktree, tip);
	const there = { isNew: false, commit: null, changes };
	const { gitDir, workTree } = place;
	const real = (args: readonly string[]) => git({ args, place: null, cwd: workTree, env });
	const found = await real(["rev-parse", "--verify", "HEAD^{commit}"]);
	if (found.code !== 0)
		throw new DispatchError("DISPATCH_GIT", `git could not read HEAD in ${workTree}: ${reasonOf(found)}.`);
	const head = found.stdout.trim();
	const of = { ...place, indexFile: join(gitDir, "index"), head, config, env };
	return withOwnGit(worktree.path, of, async (own) => {
		const target = new Target(own, { task: worktree.task, head, ...place });
		if (await target.holds(tip, worktree.spec.base)) return there;
		const tree = await target.mergedTree(tip);
		if (tree === (await target.must("read HEAD", ["rev-parse", `${head}^{tree}`]))) return there;
		if (way === "patch" && (await target.isStaged(tree))) return there;
		const commit = await target.commit({ way, tree, tip });
		await target.goTo(commit);
		if (way === "patch") return { ...there, isNew: true };
		// The branch comes last, as with `git merge`: the files have it by now.
		await real(["update-ref", "--no-deref", "ORIG_HEAD", head]);
		const move = ["update-ref", "-m", `dispatch apply ${worktree.task}`, "HEAD", commit, head];
		const moved = await real(move);
		if (moved.code !== 0) throw await target.goBack(commit, moved);
		return { isNew: true, commit, changes };
	});
}

/** A working tree of the repository: git's part of it, and what all of them share. */
interface Place {
	gitDir: string;
	commonDir: string;
	workTree: string;
}

async function placeIn(worktree: Worktree, cwd: string, env: Environment): Promise<Place> {
	const ask = ["rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir"];
	const found = await git({ args: ask, place: null, cwd, env });
	const [workTree = "", gitDir = "", common = ""] = found.stdout.split("\n");
	const { repository, gitDir: ours } = worktree.spec;
	const commonDir = realPath(resolve(cwd, common));
	if (found.code !== 0 || commonDir !== realPath(ours))
		throw new DispatchError("DISPATCH_USAGE", `${cwd} is in no working tree of ${repository}.`, {
			hint: `Run this in the one that is to get the changes: cd ${repository}`,
		});
	return { workTree, gitDir, commonDir };
}

function realPath(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		return path;
	}
}

function conflict(task: string, how: string, files: readonly string[], hint: string): DispatchError {
	const more = files.length > NAMED ? ` and ${files.length - NAMED} more` : "";
	return new DispatchError(
		"DISPATCH_APPLY_CONFLICT",
		`The changes of \`${task}\` ${how} ${files.slice(0, NAMED).join(", ")}${more}. Nothing was changed.`,
		{ hint },
	);
}

/** In the middle of these git merges nothing else. */
const UNFINISHED = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"];

/** A working tree of the user's, by a git of our own: its HEAD there is no branch. */
class Target {
	readonly #own: OwnGit;
	readonly #of: Place & { task: string; head: string };

	constructor(own: OwnGit, of: Place & { task: string; head: string }) {
		this.#own = own;
		this.#of = of;
	}

	/** @returns what it printed. @throws DISPATCH_GIT */
	async must(what: string, args: readonly string[], options: { input?: string } = {}): Promise<string> {
		return (await this.#own.must(what, args, options)).trim();
	}

	async #isAfter(a: string, b: string): Promise<boolean> {
		return (await yesOrNo("compare commits", this.#own.run(["merge-base", "--is-ancestor", a, b]))) !== null;
	}

	/** Whether it was merged, or taken in one commit, before. */
	async holds(tip: string, base: string): Promise<boolean> {
		const { head } = this.#of;
		if (await this.#isAfter(tip, head)) return true;
		const named = ["log", "--max-count=1", "--format=%H", "--fixed-strings", `--grep=${cameFrom(tip)}`];
		return (await this.must("look for it", [...named, head, `^${base}`])) !== "";
	}

	/** @throws DISPATCH_APPLY_CONFLICT */
	async mergedTree(tip: string): Promise<string> {
		const { head, task } = this.#of;
		const merge = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, tip];
		const merged = await this.#own.run(merge);
		const [tree = "", ...files] = merged.stdout.split("\0").filter(Boolean);
		if (merged.code === 0) return tree.trim();
		if (merged.code === 1 && files.length > 0)
			throw conflict(
				task,
				"conflict with yours in",
				files,
				`To settle it by hand: git merge ${branchNameOf(task)}`,
			);
		throw new DispatchError("DISPATCH_GIT", `git could not merge: ${reasonOf(merged)}.`, {
			hint: `dispatch needs git 2.38 for this; without it: git merge ${branchNameOf(task)}`,
		});
	}

	/** Whether the index has all of it already, whatever else is staged there. */
	async isStaged(tree: string): Promise<boolean> {
		const names = async (args: readonly string[]) =>
			(await this.must("compare", [...args, "--name-only", "--no-renames", "-z", ...PLAIN])).split("\0");
		const missing = new Set(await names(["diff-index", "--cached", tree]));
		return (await names(["diff-tree", "-r", this.#of.head, tree])).every(
			(name) => name === "" || !missing.has(name),
		);
	}

	async commit({ way, tree, tip }: { way: Way; tree: string; tip: string }): Promise<string> {
		const { task, head } = this.#of;
		const isWhole = way === "merge";
		if (isWhole && (await this.#isAfter(head, tip))) return tip;
		const title = isWhole ? `Merge the work of the task ${task}` : `Work of the task ${task}`;
		const trailers = [`Dispatch-Task: ${task}`, ...(isWhole ? [] : [cameFrom(tip)])];
		const parents = ["-p", head, ...(isWhole ? ["-p", tip] : [])];
		const input = `${title}\n\n${trailers.join("\n")}\n`;
		return this.must("commit", ["commit-tree", "--no-gpg-sign", ...parents, "-F", "-", tree], { input });
	}

	/**
	 * Index and files. What is changed and not touched by it stays, and so does what git does not know or ignores.
	 * @throws DISPATCH_APPLY_CONFLICT, DISPATCH_GIT
	 */
	async goTo(commit: string): Promise<void> {
		const unfinished = UNFINISHED.find((name) => isThere(join(this.#of.gitDir, name)));
		if (unfinished !== undefined) throw this.#failed(`you are in the middle of something (${unfinished})`);
		const done = await this.#own.run(["merge", ...FORWARD, commit]);
		if (done.code !== 0) throw this.#refused(done);
		const now = await this.must("read HEAD", ["rev-parse", "--verify", "HEAD^{commit}"]);
		if (now !== commit) throw this.#failed("it did something else than it was asked for");
	}

	/** The branch could not be moved: the files go back to what it holds. @returns what to throw */
	async goBack(commit: string, why: GitAnswer): Promise<DispatchError> {
		const back = await this.#own.run(["read-tree", "-m", "-u", commit, this.#of.head]);
		if (back.code === 0) return this.#refused(why);
		return new DispatchError(
			"DISPATCH_GIT",
			`git could not move the branch in ${this.#of.workTree}: ${reasonOf(why)}. The changes are staged there.`,
			{ hint: "Commit them, or take them back: git status" },
		);
	}

	#refused(done: GitAnswer): DispatchError {
		const files = overwrittenIn(done.stderr);
		if (files.length > 0)
			return conflict(
				this.#of.task,
				"would write over what you have not committed:",
				files,
				`Commit ${files.length === 1 ? "it" : "them"}, stash with git stash --all, or move away what is yours there; then run this again.`,
			);
		return this.#failed(oneLine(reasonOf(done), REASON_CHARS));
	}

	#failed(why: string): DispatchError {
		const { workTree, task } = this.#of;
		return new DispatchError(
			"DISPATCH_GIT",
			`git could not change ${workTree}: ${why}. Nothing was changed.`,
			{
				hint: `Look at it (git status), then \`dispatch apply ${task}\` again.`,
			},
		);
	}
}

/** Nothing but that: what a config would have `merge` do besides is switched off. */
const FORWARD = [
	"--ff-only",
	"--commit",
	"--quiet",
	"--no-squash",
	"--no-autostash",
	"--no-verify-signatures",
	"--no-overwrite-ignore",
];

const cameFrom = (tip: string) => `Dispatch-Commit: ${tip}`;

/** As `git merge` lists them. */
function overwrittenIn(stderr: string): string[] {
	const listed = stderr.split("\n").filter((line) => line.startsWith("\t"));
	return listed.map((line) => line.trim());
}
