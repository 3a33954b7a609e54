/**
 * The programs that git would run by the config of one repository, while it adds or checks out files. An agent that
 * may write there must not have dispatch run its own ones: what stood there when the task was submitted is signed.
 */
import { createHash } from "node:crypto";
import { type GitCall, git } from "../process/git.ts";
import { DispatchError } from "../task/errors.ts";

/** Filters, with what the filter of LFS runs in its turn, and what merges files; no value of another name starts a program there. */
const NAMES =
	/^(?:filter|lfs\.customtransfer|lfs\.extension|credential)\.|^merge\..+\.driver$|^core\.(?:sshcommand|askpass|gitproxy)$/;
/** The user's own config is out of this: who can write to that needs no dispatch. */
const OF_THE_REPOSITORY = ["local", "worktree"];

/** @returns a digest; null: the repository's own config names none. @throws DISPATCH_GIT */
export async function programsOf(call: Omit<GitCall, "args">): Promise<string | null> {
	const { code, stdout } = await git({ ...call, args: ["config", "--list", "--show-scope", "-z"] });
	if (code !== 0) throw new DispatchError("DISPATCH_GIT", "git could not read the repository's config.");
	const parts = stdout.split("\0");
	const named: string[] = [];
	for (let at = 0; at + 1 < parts.length; at += 2) {
		const [scope = "", entry = ""] = parts.slice(at, at + 2);
		const [name = ""] = entry.split("\n", 1);
		if (OF_THE_REPOSITORY.includes(scope) && NAMES.test(name.toLowerCase())) named.push(entry);
	}
	if (named.length === 0) return null;
	return createHash("sha256").update(named.sort().join("\0")).digest("hex");
}
