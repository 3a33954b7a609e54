/** The repository of a directory, as it is when a task with a worktree is submitted. */
import { resolve } from "node:path";
import type { Environment } from "../process/environment.ts";
import { type GitAnswer, git } from "../process/git.ts";
import { DispatchError } from "../task/errors.ts";
import { oneLine } from "../task/outcome/text.ts";
import { BRANCHES, branchNameOf, type WorktreeSpec } from "../task/worktree.ts";
import { programsIn, readConfig } from "./config.ts";

export interface Found {
	worktree: WorktreeSpec;
	/** ids whose branch is there already */
	taken: ReadonlySet<string>;
	/** whether there are changes that are in no commit, and so not in the worktree */
	isDirty: boolean;
}

const HEADS = "refs/heads/";
const SUBMODULE = /(?:^|\0)160000 /;

/**
 * @param cwd where the task is to work
 * @param folder of the host's worktrees
 * @throws DISPATCH_BAD_CWD with the reason why it can have no worktree, DISPATCH_GIT
 */
export async function inspectRepository(cwd: string, folder: string, env: Environment): Promise<Found> {
	const ask = (args: readonly string[], at = cwd) => git({ args, cwd: at, place: null, env });
	const refuse = (why: string, hint: string) =>
		new DispatchError("DISPATCH_BAD_CWD", `No worktree can be made of ${cwd}: ${why}.`, { hint });
	const places = await ask([
		"rev-parse",
		"--is-inside-work-tree",
		"--show-toplevel",
		"--show-prefix",
		"--git-common-dir",
	]);
	if (places.code !== 0)
		throw refuse(
			reasonOf(places),
			"Leave --worktree out, or name a directory of a git repository with --cwd.",
		);
	const [, repository = "", prefix = "", common = ""] = places.stdout.split("\n");
	const gitDir = resolve(cwd, common);
	const base = await yesOrNo("read HEAD", ask(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]));
	if (base === null)
		throw refuse("its repository has no commit yet", "Commit something first, or leave --worktree out.");
	const inside = prefix.replace(/\/$/, "");
	const [held, tree, branches, status, config] = await Promise.all([
		yesOrNo("read HEAD", ask(["rev-parse", "--verify", "--quiet", `${base}:${inside}`])),
		ask(["ls-tree", "-r", "-z", base], repository),
		ask(["for-each-ref", "--format=%(refname)", `${HEADS}${BRANCHES}`]),
		ask(["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"]),
		readConfig({ place: null, cwd, env }),
	]);
	if (held === null)
		throw refuse(
			`nothing of ${inside} is in the commit ${base.slice(0, 7)}`,
			"Commit it first, or leave --worktree out.",
		);
	if (tree.code !== 0) throw refuse(reasonOf(tree), "Leave --worktree out.");
	if (SUBMODULE.test(tree.stdout))
		throw refuse(
			"its repository has submodules, which a worktree would lack, and whose commits would go with it",
			"Leave --worktree out, or work in a clone of your own.",
		);
	const names = branches.stdout.split("\n").filter(Boolean);
	if (names.includes(`${HEADS}${BRANCHES}`))
		throw refuse(
			`a branch named "${BRANCHES}" stands in the way of ${branchNameOf("ID")}`,
			`Rename it: git branch -m ${BRANCHES} another-name`,
		);
	const start = `${HEADS}${BRANCHES}/`;
	return {
		worktree: { repository, gitDir, base, inside, folder, programs: programsIn(config) },
		// A branch below it is in its way as much as itself.
		taken: new Set(names.map((name) => name.slice(start.length).split("/")[0] ?? "")),
		isDirty: status.stdout !== "",
	};
}

/**
 * To a question that may be answered with no, for which git ends with 1: one that was killed, or had no memory, answered
 * nothing.
 * @param what that git could not do, for the message
 * @returns what it printed, without spaces around; null: no. @throws DISPATCH_GIT
 */
export async function yesOrNo(what: string, asked: Promise<GitAnswer>): Promise<string | null> {
	const answer = await asked;
	if (answer.code === 0) return answer.stdout.trim();
	if (answer.code === 1) return null;
	throw new DispatchError("DISPATCH_GIT", `git could not ${what}: ${reasonOf(answer)}.`);
}

/** The first line of what git said. */
export function reasonOf({ stderr, code }: Pick<GitAnswer, "stderr" | "code">): string {
	const [line = ""] = stderr.split("\n").filter((each) => !/^(?:hint|warning):/.test(each));
	// It quotes files of an agent's: what is no text there says nothing.
	const said = oneLine(line.replace(/^(?:fatal|error): /, "").replace(/\uFFFD+/g, "…")).replace(/\.$/, "");
	return said === "" ? `git ended with ${code ?? "a signal"}` : said;
}
