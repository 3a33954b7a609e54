/**
 * The work of a task, brought into the working tree and the branch where somebody stands. What comes of it is made
 * beside everything first; git then takes it over, or refuses and leaves all as it was.
 */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { isThere } from "../process/atomic-file.ts";
import type { Environment } from "../process/environment.ts";
import { type GitAnswer, git } from "../process/git.ts";
import { oneLine } from "../task/clean-text.ts";
import { DispatchError } from "../task/errors.ts";
import { branchNameOf, type Changes } from "../task/worktree.ts";
import { countChanges, saveWork } from "./commit.ts";
import { reasonOf } from "./repository.ts";
import { refOf, type Worktree } from "./worktree.ts";

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

/**
 * @param cwd in the working tree that gets it
 * @throws DISPATCH_APPLY_CONFLICT, naming the files; DISPATCH_USAGE for another repository; DISPATCH_GIT
 */
export async function applyWork(
	worktree: Worktree,
	{ cwd, way, env }: { cwd: string; way: Way; env: Environment },
): Promise<Applied> {
	const target = await targetIn(worktree, cwd, env);
	await worktree.requirePrograms();
	// What a person did there since, or an end that was not recorded as usual, left behind.
	if (worktree.facts()?.isWhole && isThere(worktree.path)) await saveWork(worktree, "as it was applied");
	const tip = await worktree.commitOf(refOf(worktree.task));
	if (tip === null)
		throw new DispatchError("DISPATCH_GIT", `The branch ${branchNameOf(worktree.task)} is gone.`, {
			hint: "`git reflog` may still know its last commit.",
		});
	const changes = await countChanges(worktree, tip);
	const head = await target.must("read HEAD", ["rev-parse", "--verify", "HEAD^{commit}"]);
	const there = { isNew: false, commit: null, changes };
	if (await target.holds(tip, head, worktree.spec.base)) return there;
	const tree = await mergedTree(target, worktree.task, head, tip);
	if (tree === (await target.must("read HEAD", ["rev-parse", `${head}^{tree}`]))) return there;
	if (way === "patch")
		return (await target.putIn(worktree.task, head, tree)) ? { ...there, isNew: true } : there;
	const commit = await target.commit(worktree.task, { way, tree, head, tip });
	await target.goTo(worktree.task, commit);
	return { isNew: true, commit, changes };
}

async function targetIn(worktree: Worktree, cwd: string, env: Environment): Promise<Target> {
	const ask = ["rev-parse", "--show-toplevel", "--git-common-dir"];
	const found = await git({ args: ask, place: null, cwd, env });
	const [top = "", common = ""] = found.stdout.split("\n");
	const { repository, gitDir } = worktree.spec;
	if (found.code !== 0 || realPath(resolve(cwd, common)) !== realPath(gitDir))
		throw new DispatchError("DISPATCH_USAGE", `${cwd} is in no working tree of ${repository}.`, {
			hint: `Run this in the one that is to get the changes: cd ${repository}`,
		});
	return new Target(top, env);
}

function realPath(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		return path;
	}
}

/** @throws DISPATCH_APPLY_CONFLICT */
async function mergedTree(target: Target, task: string, head: string, tip: string): Promise<string> {
	const merge = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, tip];
	const merged = await target.run(merge);
	const [tree = "", ...files] = merged.stdout.split("\0").filter(Boolean);
	if (merged.code === 0) return tree.trim();
	if (merged.code === 1 && files.length > 0) throw conflict(task, "conflict with yours in", files);
	throw new DispatchError("DISPATCH_GIT", `git could not merge: ${reasonOf(merged)}.`, {
		hint: `dispatch needs git 2.38 for this; without it: git merge ${branchNameOf(task)}`,
	});
}

function conflict(task: string, how: string, files: readonly string[]): DispatchError {
	const more = files.length > NAMED ? ` and ${files.length - NAMED} more` : "";
	return new DispatchError(
		"DISPATCH_APPLY_CONFLICT",
		`The changes of \`${task}\` ${how} ${files.slice(0, NAMED).join(", ")}${more}. Nothing was changed.`,
		{ hint: `To settle it by hand: git merge ${branchNameOf(task)}` },
	);
}

/** A working tree of the user's. */
class Target {
	readonly #top: string;
	readonly #env: Environment;

	constructor(top: string, env: Environment) {
		this.#top = top;
		this.#env = env;
	}

	run(args: readonly string[], input?: string): Promise<GitAnswer> {
		const given = input === undefined ? {} : { input };
		return git({ args, place: null, cwd: this.#top, env: this.#env, ...given });
	}

	/** @returns what it printed. @throws DISPATCH_GIT */
	async must(what: string, args: readonly string[], input?: string): Promise<string> {
		const done = await this.run(args, input);
		if (done.code === 0) return done.stdout.trim();
		throw new DispatchError("DISPATCH_GIT", `git could not ${what} in ${this.#top}: ${reasonOf(done)}.`);
	}

	/** Whether it was merged, or taken in one commit, before. */
	async holds(tip: string, head: string, base: string): Promise<boolean> {
		if ((await this.run(["merge-base", "--is-ancestor", tip, head])).code === 0) return true;
		const named = ["log", "--max-count=1", "--format=%H", "--fixed-strings", `--grep=${cameFrom(tip)}`];
		return (await this.must("look for it", [...named, head, `^${base}`])) !== "";
	}

	async commit(
		task: string,
		{ way, tree, head, tip }: { way: Way; tree: string; head: string; tip: string },
	): Promise<string> {
		const isWhole = way === "merge";
		if (isWhole && (await this.run(["merge-base", "--is-ancestor", head, tip])).code === 0) return tip;
		const title = isWhole ? `Merge the work of the task ${task}` : `Work of the task ${task}`;
		const trailers = [`Dispatch-Task: ${task}`, ...(isWhole ? [] : [cameFrom(tip)])];
		const parents = ["-p", head, ...(isWhole ? ["-p", tip] : [])];
		const message = `${title}\n\n${trailers.join("\n")}\n`;
		return this.must("commit", ["commit-tree", "--no-gpg-sign", ...parents, "-F", "-", tree], message);
	}

	/** Branch, index and files at once. What is changed and not touched by it stays. @throws DISPATCH_APPLY_CONFLICT */
	async goTo(task: string, commit: string): Promise<void> {
		const done = await this.run(["merge", "--ff-only", "--quiet", commit]);
		if (done.code !== 0) throw this.#refused(task, done);
	}

	/** Index and files alone. @returns false: it is there already. @throws DISPATCH_APPLY_CONFLICT */
	async putIn(task: string, head: string, tree: string): Promise<boolean> {
		await this.run(["update-index", "--refresh", "-q"]);
		if ((await this.run(["diff-index", "--cached", "--quiet", tree])).code === 0) return false;
		const done = await this.run(["read-tree", "-m", "-u", head, tree]);
		if (done.code !== 0) throw this.#refused(task, done);
		return true;
	}

	#refused(task: string, done: GitAnswer): DispatchError {
		const files = overwrittenIn(done.stderr);
		if (files.length > 0) return conflict(task, "would write over what you have not committed:", files);
		const why = oneLine(reasonOf(done), REASON_CHARS);
		return new DispatchError(
			"DISPATCH_GIT",
			`git could not change ${this.#top}: ${why}. Nothing was changed.`,
			{
				hint: `Look at it (git status), then \`dispatch apply ${task}\` again.`,
			},
		);
	}
}

const cameFrom = (tip: string) => `Dispatch-Commit: ${tip}`;

/** As `git merge` lists them, and as `git read-tree` names the first one. */
function overwrittenIn(stderr: string): string[] {
	const listed = stderr.split("\n").filter((line) => line.startsWith("\t"));
	if (listed.length > 0) return listed.map((line) => line.trim());
	const named = /(?:Entry|file) '(.+)' (?:not uptodate|would be overwritten)/.exec(stderr)?.[1];
	return named === undefined ? [] : [named];
}
