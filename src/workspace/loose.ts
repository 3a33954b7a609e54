/**
 * Commits that go with a worktree, since only its own part of the repository leads to them: what is checked out, what
 * was left behind there on no branch (git itself warns of these), what an unfinished rebase, merge or bisection keeps,
 * and refs of its own. What an agent gave up on purpose (amended, reset, rebased) is none of these, nor what another
 * machine had when it was fetched here.
 */
import { join } from "node:path";
import { isThere } from "../process/atomic-file.ts";
import { readRegularFile } from "../process/read-file.ts";
import type { Worktree } from "./worktree.ts";

/** They are dropped without a word, or are of no branch's commits. */
const NO_HOLDER = /^refs\/(?:stash$|notes\/|replace\/|original\/)/;
/** Each worktree has its own. */
const OWN_REFS = ["refs/worktree", "refs/bisect", "refs/rewritten"];
const OWN_HEADS = ["HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "MERGE_AUTOSTASH"];
/** They hold a commit, and are no refs. */
const OWN_FILES = ["rebase-merge", "rebase-apply"].flatMap((folder) =>
	["autostash", "orig-head"].map((name) => `${folder}/${name}`),
);
const FILE_LIMIT_BYTES = 4096;
/** Of some hundred thousand moves. */
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
const COMMIT = /^[0-9a-f]{40,64}$/;
/** In FETCH_HEAD: of a repository on another machine. One on this may be the agent's, and go at any time. */
const FETCHED =
	/^([0-9a-f]{40,64})\t(?:not-for-merge)?\t(?:.* of )?(?:(?:https?|ssh|git):\/\/|[\w.-]+@[\w.-]+:)\S+$/;
/** In the log of HEAD: from a commit that was checked out as itself. */
const LEFT_BEHIND = /^([0-9a-f]{40,64}) .*\tcheckout: moving from [0-9a-f]{40,64} to /;

/** @returns the commits, the newest first, and files of git's that cannot be read. @throws DISPATCH_GIT */
export async function looseIn(worktree: Worktree): Promise<{ commits: string[]; unreadable: string[] }> {
	if (!isThere(join(worktree.adminDir, "HEAD"))) return { commits: [], unreadable: [] };
	const { named, fetched, unreadable } = namedIn(worktree.adminDir);
	const list = ["for-each-ref", "--format=%(objectname) %(refname) %(symref)"];
	const refs = (await worktree.must("look at the branches", worktree.runBeside(list))).split("\n");
	const isOwn = (ref: string) => OWN_REFS.some((start) => ref.startsWith(`${start}/`));
	const revisions = refs.filter(Boolean).flatMap((line) => {
		const [object = "", ref = "", symref = ""] = line.split(" ");
		if (isOwn(ref)) return [object];
		// A link to another ref holds nothing by itself.
		return symref === "" && !NO_HOLDER.test(ref) ? [`^${object}`] : [];
	});
	const elsewhere = [...fetched].map((commit) => `^${commit}`);
	const input = [...OWN_HEADS, ...named, ...new Set(revisions), ...elsewhere]
		.map((each) => `${each}\n`)
		.join("");
	// Not all of them are there, and git may have dropped a commit of the log by now.
	const walk = ["rev-list", "--ignore-missing", "--stdin"];
	const lost = await worktree.must("look at the commits", worktree.runBeside(walk, { input }));
	return { commits: lost.split("\n").filter(Boolean), unreadable };
}

/** By files, not refs. */
function namedIn(adminDir: string): { named: Set<string>; fetched: Set<string>; unreadable: string[] } {
	const unreadable: string[] = [];
	const textOf = (name: string, limitBytes: number) => {
		const path = join(adminDir, name);
		const file = readRegularFile(path, limitBytes);
		if (file.kind === "refused" || (file.kind === "text" && file.cut)) unreadable.push(path);
		return file.kind === "text" ? file.text : "";
	};
	const held = OWN_FILES.map((name) => textOf(name, FILE_LIMIT_BYTES).trim());
	const log = textOf("logs/HEAD", LOG_LIMIT_BYTES).split("\n");
	const left = log.map((line) => LEFT_BEHIND.exec(line)?.[1] ?? "");
	// Where it cannot be read it holds nothing.
	const file = readRegularFile(join(adminDir, "FETCH_HEAD"), LOG_LIMIT_BYTES);
	const found = file.kind === "text" ? file.text.split("\n") : [];
	const fetched = found.map((line) => FETCHED.exec(line)?.[1] ?? "");
	const commits = (all: string[]) => new Set(all.filter((each) => COMMIT.test(each)));
	return { named: commits([...held, ...left]), fetched: commits(fetched), unreadable };
}
