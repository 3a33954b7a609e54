/**
 * git on the files of a working tree, by a git directory of our own: its config is a copy, so that what was checked is
 * what git obeys, whoever writes to the repository's one meanwhile; its HEAD is a commit; its index is whichever it is
 * given. Everything else in it leads to the repository. It lives as long as one act, beside the task's worktree; one
 * that a killed process left is swept at the task's next start, and goes with the worktree.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf, diskError } from "../process/atomic-file.ts";
import { goesWithUs } from "../process/ends-with-us.ts";
import type { Environment } from "../process/environment.ts";
import { type GitAnswer, type GitLimits, git, HELD_AS } from "../process/git.ts";
import { namesInTurns, removePath } from "../process/opened-directory.ts";
import { DispatchError } from "../task/errors.ts";
import { configFile, type Entry } from "./config.ts";
import { reasonOf } from "./repository.ts";

/** Those of the working tree, or what we write ourselves; a list of worktrees is nobody's here. */
const NOT_LINKED =
	/^(?:config|config\.worktree|HEAD|index|logs|hooks|worktrees|info|gitdir|commondir|.*_HEAD|MERGE_.*|.*\.lock|index\..*)$/;
/** git has a few dozen. */
const NAMES_LIMIT = 10_000;
/** A shell runs them. */
const FILTER = /^filter\..*\.(?:clean|smudge|process)$/s;
const WITHOUT_LOCK = `exec ${HELD_AS}>&-; `;
const NO_HEAD = "ref: refs/heads/dispatch-none";

export interface OwnGitOf extends GitLimits {
	/** of the working tree, and what all working trees share */
	gitDir: string;
	commonDir: string;
	workTree: string;
	indexFile: string;
	/** null: there is none yet */
	head: string | null;
	config: readonly Entry[];
	env: Environment;
	/** a descriptor that git holds */
	holds?: number | undefined;
}

/** One such git. */
export class OwnGit {
	readonly #of: OwnGitOf;
	readonly #gitDir: string;

	constructor(of: OwnGitOf, gitDir: string) {
		this.#of = of;
		this.#gitDir = gitDir;
	}

	/** @throws DISPATCH_GIT */
	async run(
		args: readonly string[],
		options: { input?: string; encoding?: "latin1" } = {},
	): Promise<GitAnswer> {
		const { workTree, indexFile, env, holds, signal, limitMs } = this.#of;
		const place = { gitDir: this.#gitDir, workTree, indexFile, isOwn: true };
		const answer = await git({ args, place, cwd: workTree, env, holds, signal, limitMs, ...options });
		// A filter that fails is told as the user wrote it.
		return { ...answer, stderr: answer.stderr.replaceAll(WITHOUT_LOCK, "") };
	}

	/** @returns what it printed. @throws DISPATCH_GIT */
	async must(what: string, args: readonly string[], options: { input?: string } = {}): Promise<string> {
		const done = await this.run(args, options);
		if (done.code === 0) return done.stdout;
		throw new DispatchError(
			"DISPATCH_GIT",
			`git could not ${what} in ${this.#of.workTree}: ${reasonOf(done)}.`,
		);
	}
}

/** @param beside the path of the task's worktree. @throws DISPATCH_DISK, and what `use` throws */
export async function withOwnGit<T>(
	beside: string,
	of: OwnGitOf,
	use: (own: OwnGit) => Promise<T>,
): Promise<T> {
	const path = pathOfOurs(`${beside}${MARK}`);
	// In turns, but for a process that ends this very moment.
	const kept = goesWithUs(() => rmSync(path, { recursive: true, force: true }));
	try {
		try {
			await furnish(path, of);
		} catch (error) {
			throw error instanceof DispatchError ? error : diskError(path, error);
		}
		return await use(new OwnGit(of, path));
	} finally {
		// What cannot be taken away now is swept at the next start, or goes with the worktree: what was done is done.
		await removePath(path).catch(() => {});
		kept();
	}
}

async function furnish(path: string, { gitDir, commonDir, config, head }: OwnGitOf): Promise<void> {
	mkdirSync(join(path, "info"), { recursive: true, mode: 0o700 });
	const entries = config.map((entry) => withoutOurLock(withStorageOf(commonDir, entry)));
	writeFileSync(join(path, "config"), configFile(entries), { mode: 0o600 });
	writeFileSync(join(path, "HEAD"), `${head ?? NO_HEAD}\n`);
	// The filter of LFS makes it on its first file: it must not be made, and lost, in here.
	if (config.some(({ name }) => name.startsWith("filter.lfs.")))
		mkdirSync(join(commonDir, "lfs"), { recursive: true });
	const folders = commonDir === gitDir ? [commonDir] : [commonDir, gitDir];
	for (const from of folders) await linkAll(from, path, (name) => !NOT_LINKED.test(name));
	const isShared = (name: string) => name !== "sparse-checkout";
	await linkAll(join(commonDir, "info"), join(path, "info"), isShared);
	await linkAll(join(gitDir, "info"), join(path, "info"), (name) => !isShared(name));
}

/** LFS takes a relative path from its git directory: the objects would go with ours. */
function withStorageOf(commonDir: string, { scope, name, value }: Entry): Entry {
	const isRelative = name === "lfs.storage" && !["", "/", "~"].includes((value ?? "").slice(0, 1));
	return { scope, name, value: isRelative && value !== null ? join(commonDir, value) : value };
}

/** What a filter leaves to live on would hold our lock, as long as it lives, once we were killed. */
function withoutOurLock({ scope, name, value }: Entry): Entry {
	const isProgram = FILTER.test(name) && value !== null && value !== "";
	return { scope, name, value: isProgram ? WITHOUT_LOCK + value : value };
}

/** @throws DISPATCH_BAD_CWD for a folder that somebody filled */
async function linkAll(from: string, to: string, isWanted: (name: string) => boolean): Promise<void> {
	let left = NAMES_LIMIT;
	for await (const name of namesInTurns(from)) {
		if (left-- === 0)
			throw new DispatchError("DISPATCH_BAD_CWD", `${from} holds more than ${NAMES_LIMIT} files.`, {
				hint: "Take away from there what is not git's, then `dispatch retry` it if its work was not committed.",
			});
		if (isWanted(name)) linkOnce(join(from, name), join(to, name));
	}
}

/** What is there already stays. */
function linkOnce(target: string, path: string): void {
	try {
		symlinkSync(target, path);
	} catch (error) {
		if (codeOf(error) !== "EEXIST") throw error;
	}
}

const MARK = ".git-";

/** Whose it is stands in its name. @param start its path so far */
export function pathOfOurs(start: string): string {
	return `${start}${process.pid}-${randomBytes(4).toString("hex")}`;
}

/** Takes away what processes left that are no more. @param isAll also those of processes that live */
export function sweepOwnGits(beside: string, { isAll = false } = {}): Promise<void> {
	return sweepLeft(`${beside}${MARK}`, { isAll });
}

/** Of `pathOfOurs`. */
export async function sweepLeft(start: string, { isAll = false } = {}): Promise<void> {
	const [folder, named] = [dirname(start), basename(start)];
	for await (const name of namesInTurns(folder)) {
		if (!name.startsWith(named)) continue;
		if (isAll || !isAlive(Number.parseInt(name.slice(named.length), 10)))
			await removePath(join(folder, name));
	}
}

function isAlive(pid: number): boolean {
	try {
		return pid > 0 && process.kill(pid, 0);
	} catch (error) {
		return codeOf(error) === "EPERM";
	}
}
