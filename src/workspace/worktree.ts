/**
 * The worktree of a task: `<state directory>/worktrees/<id>-<nonce>`, on the branch `dispatch/<id>`. It lies in no
 * project, so that no `git clean`, no `git status` and no tool that reads a project's files meets it. Beside it
 *
 *   <name>.json  whose it is, and whether it is whole: written before anything is made, and after all of it is
 *   <name>.setup the command of `--setup` has succeeded in it
 *   <name>.lock  held (flock) by whoever changes it, and by the git that works for them: one that outlives a
 *                killed worker has 2 s to come to its end
 *   <name>.gone  what is being deleted
 *   <name>.git-… our own git directory of one act (`own-git.ts`)
 */
import { lstatSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, diskError, isThere } from "../process/atomic-file.ts";
import type { Environment } from "../process/environment.ts";
import { type GitAnswer, type GitLimits, type GitPlace, git, requireWanted } from "../process/git.ts";
import { endLeftHolding } from "../process/left-gits.ts";
import { type Lock, releaseForAll, takeLock } from "../process/lock.ts";
import { removePath } from "../process/opened-directory.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskSpec } from "../task/spec.ts";
import { branchNameOf, type OwnerOfWorktree, type WorktreeSpec, worktreeName } from "../task/worktree.ts";
import { Branch } from "./branch.ts";
import { type Entry, programsIn, readConfig, withoutHooks } from "./config.ts";
import { type Facts, readFacts, type Vouching } from "./facts.ts";
import { type OwnGit, pathOfOurs, sweepLeft, sweepOwnGits, withOwnGit } from "./own-git.ts";
import { reasonOf, yesOrNo } from "./repository.ts";

/** 30 seconds: somebody else's act comes to its end. */
const LOCK_LOOK_MS = 200;
const LOCK_LOOKS = 150;
const LEFT_LOOKS = 10;

/** One task's worktree, and git in it. */
export class Worktree {
	readonly task: string;
	readonly nonce: string;
	readonly spec: WorktreeSpec;
	readonly path: string;
	readonly branch: Branch;
	readonly env: Environment;
	readonly #limits: GitLimits;
	/** hooks of the config, by whose names they are switched off */
	#hookless: Record<string, string> = {};

	constructor({ id, nonce, worktree }: OwnerOfWorktree, env: Environment, limits: GitLimits = {}) {
		this.#limits = limits;
		this.task = id;
		this.nonce = nonce;
		this.spec = worktree;
		this.path = join(worktree.folder, worktreeName({ id, nonce }));
		this.env = env;
		const runThere = (args: readonly string[], options = {}) => this.runThere(args, options);
		this.branch = new Branch({ task: id, nonce, spec: worktree, runThere });
	}

	/** The part of the repository that is this worktree's own. */
	get adminDir(): string {
		return join(this.spec.gitDir, "worktrees", basename(this.path));
	}

	get place(): GitPlace {
		return { gitDir: this.adminDir, commonDir: this.spec.gitDir, workTree: this.path };
	}

	/** git in this worktree. @throws DISPATCH_GIT */
	run(
		args: readonly string[],
		options: { indexFile?: string; holds?: number; input?: string; shown?: boolean } = {},
	) {
		const { indexFile, ...rest } = options;
		const place = indexFile === undefined ? this.place : { ...this.place, indexFile };
		return git({ args, place, cwd: this.path, ...this.#shared, ...rest });
	}

	/** git in the repository, whether the worktree is there or not. @throws DISPATCH_GIT */
	runThere(
		args: readonly string[],
		options: { holds?: number; shown?: boolean; input?: string } = {},
	): Promise<GitAnswer> {
		const { gitDir } = this.spec;
		return git({ args, place: { gitDir }, cwd: gitDir, ...this.#shared, ...options });
	}

	/** git on what is its own in the repository, whether its files are there or not. @throws DISPATCH_GIT */
	runBeside(args: readonly string[], options: { input?: string } = {}): Promise<GitAnswer> {
		const { adminDir: gitDir, spec } = this;
		const place = { gitDir, commonDir: spec.gitDir };
		return git({ args, place, cwd: spec.gitDir, ...this.#shared, ...options });
	}

	get #shared() {
		return { env: this.env, settings: this.#hookless, ...this.#limits };
	}

	/** As `run`, for what must not fail. @returns what it printed. @throws DISPATCH_GIT */
	async must(what: string, answer: Promise<GitAnswer>): Promise<string> {
		const done = await answer;
		if (done.code !== 0)
			throw new DispatchError("DISPATCH_GIT", `git could not ${what}: ${reasonOf(done)}.`, {
				hint: `Look at ${this.path}, then \`dispatch retry ${this.task}\`.`,
			});
		return done.stdout;
	}

	/**
	 * What git is to obey in this worktree, or in another working tree of the repository.
	 * @throws DISPATCH_BAD_CWD where the repository's config names other programs than when it was submitted
	 */
	async requirePrograms(elsewhere?: string): Promise<Entry[]> {
		const { gitDir, programs } = this.spec;
		const isMade = isDirectory(this.path) && isDirectory(this.adminDir);
		const place = elsewhere !== undefined ? null : isMade ? this.place : { gitDir };
		const cwd = elsewhere ?? (isMade ? this.path : gitDir);
		const config = await readConfig({ place, cwd, env: this.env, ...this.#limits });
		this.#hookless = withoutHooks(config);
		if (programsIn(config) === programs) return config;
		const whose = elsewhere ?? gitDir;
		const why = `The config of ${whose} names other programs for git to run (filter, lfs, credential) than when \`${this.task}\` was submitted`;
		throw new DispatchError("DISPATCH_BAD_CWD", `${why}: dispatch runs none of them.`, {
			hint:
				elsewhere === undefined
					? `Look at them (git config --list --show-origin), and commit what is in ${this.path} yourself.`
					: `Look at them (git config --list --show-origin); if they are yours: git merge ${branchNameOf(this.task)}`,
		});
	}

	/**
	 * git on its files, which obeys the config as it was checked just now, and `also`.
	 * @throws DISPATCH_BAD_CWD, DISPATCH_GIT, DISPATCH_DISK, and what `use` throws
	 */
	async withOwnGit<T>(
		{
			indexFile,
			holds,
			also = [],
		}: { indexFile: string; holds?: number | undefined; also?: readonly Entry[] },
		use: (own: OwnGit) => Promise<T>,
	): Promise<T> {
		const config = [...(await this.requirePrograms()), ...also];
		const head = await this.head();
		const { adminDir: gitDir, path: workTree, env } = this;
		const paths = { gitDir, commonDir: this.spec.gitDir, workTree, indexFile };
		const of = { ...paths, head, config, env, holds, ...this.#limits };
		return withOwnGit(this.path, of, use);
	}

	/** @throws DISPATCH_BAD_CWD when it, or git's own part of it, was removed */
	requireThere(): void {
		const gone = [this.path, this.adminDir].find((path) => !isDirectory(path));
		if (gone === undefined) return;
		throw new DispatchError(
			"DISPATCH_BAD_CWD",
			`The worktree of \`${this.task}\` is gone: ${gone} was removed.`,
			{
				hint: `What was committed is on the branch ${branchNameOf(this.task)}; enqueue the rest anew.`,
			},
		);
	}

	/** The commit that is checked out; null: none yet. @throws DISPATCH_GIT */
	async head(): Promise<string | null> {
		return yesOrNo("read HEAD", this.run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]));
	}

	/**
	 * While nobody else changes the worktree.
	 * @throws DISPATCH_GIT when somebody does for too long, DISPATCH_GIT_ENDED, DISPATCH_DISK
	 */
	async locked<T>(work: (lock: Lock) => Promise<T>): Promise<T> {
		const path = `${this.path}.lock`;
		let lock = await takeLock(path);
		for (let left = LOCK_LOOKS; lock === null && left > 0; left--) {
			await sleep(LOCK_LOOK_MS);
			requireWanted(this.#limits.signal);
			// One that outlived its dispatch had a moment to come to its end.
			if (left % LEFT_LOOKS === 0 && left < LOCK_LOOKS) await endLeftHolding(path);
			lock = await takeLock(path);
		}
		if (lock === null)
			throw new DispatchError(
				"DISPATCH_GIT",
				`Somebody else works on the worktree ${this.path} all the time.`,
				{
					hint: "Look for a git that hangs there, and try again.",
				},
			);
		try {
			return await work(lock);
		} finally {
			await releaseForAll(lock);
		}
	}

	/** null: there are none, or they are damaged, or another task's */
	facts(): Facts | null {
		return readFacts(this.path, { id: this.task, nonce: this.nonce });
	}

	/** Whether an agent may have worked in it. */
	get isUsed(): boolean {
		return this.facts()?.isWhole ?? isThere(this.path);
	}

	/** What killed processes left: directories and copies of the index of git's, and what they were deleting. */
	async sweep(): Promise<void> {
		await sweepOwnGits(this.path);
		await removePath(this.#gone);
		if (isDirectory(this.adminDir)) await sweepLeft(this.#indexes);
	}

	/** git's own, of what is checked out there. */
	get index(): string {
		return join(this.adminDir, "index");
	}

	/** For a copy of the index: it lies beside it, to be renamed to it. */
	newIndex(): string {
		return pathOfOurs(this.#indexes);
	}

	get #indexes(): string {
		return `${this.index}.dispatch-`;
	}

	/** Takes the worktree away, and git's own part of it; the branch and the facts stay. @throws DISPATCH_DISK */
	async removeFiles(): Promise<void> {
		await remove(this.#gone);
		// At once out of the way: one that is half deleted reads as if an agent had deleted files of it.
		try {
			renameSync(this.path, this.#gone);
		} catch (error) {
			if (codeOf(error) !== "ENOENT") throw diskError(this.path, error);
		}
		await remove(this.#gone);
		await remove(this.adminDir);
	}

	/** What is being deleted. */
	get #gone(): string {
		return `${this.path}.gone`;
	}

	/** After `removeFiles`: nothing reminds of it any more. */
	async forget(): Promise<void> {
		await sweepOwnGits(this.path, { isAll: true });
		for (const end of ["setup", "json", "lock"]) await removePath(`${this.path}.${end}`);
	}
}

/** @returns null: the task works in the project itself */
export function worktreeOf(
	{ id, nonce, worktree }: Pick<TaskSpec, "id" | "nonce" | "worktree">,
	env: Environment,
	limits?: GitLimits,
): Worktree | null {
	return worktree === null ? null : new Worktree({ id, nonce, worktree }, env, limits);
}

/**
 * By what is kept beside it. Where nobody vouches for that, no program of the repository's is run.
 * @param folder of the host's worktrees
 * @returns null: the task has none here, or one of which that is damaged (`lostWorktree`)
 */
export function knownWorktree(
	folder: string,
	{ id, nonce }: { id: string; nonce: string },
	env: Environment,
	vouching: Vouching,
	limits?: GitLimits,
): Worktree | null {
	const facts = readFacts(join(folder, worktreeName({ id, nonce })), { id, nonce });
	if (facts === null) return null;
	const { worktree, seal } = facts;
	const spec = vouching({ id, nonce, worktree }, seal) ?? { ...worktree, programs: null };
	// Where it lies is never the file's word.
	return new Worktree({ id, nonce, worktree: { ...spec, folder } }, env, limits);
}

/** Why files of a task that `knownWorktree` knows nothing of stay where they are, as a sentence; null: there are none. */
export function lostWorktree(folder: string, task: { id: string; nonce: string }): string | null {
	const path = join(folder, worktreeName(task));
	if (!isThere(path)) return null;
	return `What is kept beside the worktree of \`${task.id}\` is damaged (${path}.json): nobody can tell whether it holds work. It stays: ${path}`;
}

/** @throws DISPATCH_DISK */
async function remove(path: string): Promise<void> {
	try {
		await removePath(path);
	} catch (error) {
		if (codeOf(error) !== "ENOENT") throw diskError(path, error);
	}
	if (isThere(path)) throw diskError(path, new Error("it cannot be removed"));
}

function isDirectory(path: string): boolean {
	return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
