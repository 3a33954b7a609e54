/** What git says of the files of a directory. Names as they are on the disk (`-z`), whatever `core.quotePath` says. */
import { DispatchError } from "../task/errors.ts";
import { type GitAnswer, git as runGit } from "./git.ts";

const LIMIT_MS = 60_000;

/**
 * The files below a directory that git knows or does not ignore; deleted ones may be among them.
 * @returns paths from the directory; null: it is in no working tree of git, or there is no git
 * @throws DISPATCH_BAD_FILE for what git refuses
 */
export async function filesOfGit(directory: string): Promise<string[] | null> {
	const inside = await git(directory, ["rev-parse", "--is-inside-work-tree"]);
	// One that git does not trust, or cannot read, is one all the same: what it ignores would be taken.
	if (inside.code !== null && inside.code !== 0 && !inside.stderr.includes("not a git repository"))
		throw refused(`git cannot list the files of ${directory}`, inside);
	if (inside.stdout !== "true") return null;
	return namesOf(
		await git(directory, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]),
		directory,
	);
}

/**
 * The files below a directory that are not as they were where the work on HEAD left `ref`: committed, changed or new and
 * not ignored. A renamed one has its new name, a deleted one is left out.
 * @returns paths from the directory
 * @throws DISPATCH_USAGE for no working tree, an unknown ref, or one without a common history
 */
export async function filesChangedSince(directory: string, ref: string): Promise<string[]> {
	const inside = await git(directory, ["rev-parse", "--is-inside-work-tree", "--is-shallow-repository"]);
	const [isInside, isShallow] = inside.stdout.split("\n");
	if (inside.code !== 0 || isInside !== "true") throw refused(`${directory} is in no git repository`, inside);
	// A name with a dash would be an option, and none of a ref begins so.
	const found = ref.startsWith("-")
		? null
		: await git(directory, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
	if (found?.code !== 0)
		throw refused(
			`"${ref}" is no commit of the repository`,
			null,
			isShallow === "true" ? "the clone is shallow: fetch more of its history" : null,
		);
	const base = await git(directory, ["merge-base", found.stdout, "HEAD"]);
	if (base.code !== 0)
		throw refused(
			`"${ref}" and HEAD have no common history`,
			base,
			isShallow === "true" ? "the clone is shallow: fetch more of its history" : null,
		);
	const diff = ["diff", "--name-only", "-z", "--relative", "--no-renames", "--diff-filter=d"];
	const [changed, others] = await Promise.all([
		git(directory, [...diff, "--ignore-submodules=all", "--no-ext-diff", base.stdout, "--"]),
		git(directory, ["ls-files", "-z", "--others", "--exclude-standard"]),
	]);
	return [...new Set([...namesOf(changed, directory), ...namesOf(others, directory)])];
}

/** Of one that cannot be run there is no code, and what was said is why. @throws DISPATCH_GIT_ENDED */
async function git(directory: string, args: readonly string[]): Promise<GitAnswer> {
	try {
		const call = { args, place: null, cwd: directory, env: process.env, limitMs: LIMIT_MS };
		const { stdout, ...rest } = await runGit(call);
		return { ...rest, stdout: stdout.trimEnd() };
	} catch (error) {
		if (!(error instanceof DispatchError) || error.code === "DISPATCH_GIT_ENDED") throw error;
		return { code: null, stdout: "", stderr: error.message };
	}
}

function namesOf(answer: GitAnswer, directory: string): string[] {
	if (answer.code !== 0) throw refused(`git cannot list the files of ${directory}`, answer);
	return answer.stdout.split("\0").filter((name) => name !== "");
}

function refused(what: string, answer: GitAnswer | null, why: string | null = null): DispatchError {
	const [said = ""] = (answer?.stderr ?? "").split("\n");
	const reason = why ?? said;
	return new DispatchError(
		"DISPATCH_USAGE",
		`${what}${reason ? `: ${reason.replace(/^fatal: |\.$/g, "")}` : ""}.`,
	);
}
