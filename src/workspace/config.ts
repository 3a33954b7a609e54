/**
 * The config of one repository, as git reads it at one moment: the programs that it names are compared with those that
 * are signed, and git is then given these very lines (`own-git.ts`). An agent that may write there must not have
 * dispatch run its own programs.
 */
import { createHash } from "node:crypto";
import { type GitCall, git } from "../process/git.ts";
import { DispatchError } from "../task/errors.ts";

export interface Entry {
	/** system, global, local, worktree */
	scope: string;
	/** section and key in small letters */
	name: string;
	/** null: the name stands alone, which means true */
	value: string | null;
}

/** Filters, with what the filter of LFS runs in its turn, and what merges files; no value of another name starts a program there. */
const PROGRAMS =
	/^(?:filter|lfs\.customtransfer|lfs\.extension|credential)\.|^merge\..+\.driver$|^core\.(?:sshcommand|askpass|gitproxy)$/;
/** The user's own config is out of this: who can write to that needs no dispatch. */
const OF_THE_REPOSITORY = ["local", "worktree"];
const HOOK = /^hook\.(.+)\.[^.]+$/;
/** What is there already in these lines, or is another git directory's. */
const NOT_COPIED =
	/^(?:include|includeif|hook|safe)\.|^core\.(?:worktree|bare)$|^extensions\.(?:worktreeconfig|refstorage)$/;

/** All of it, files that it includes as well; without what dispatch itself says. @throws DISPATCH_GIT */
export async function readConfig(call: Omit<GitCall, "args">): Promise<Entry[]> {
	const { code, stdout } = await git({ ...call, args: ["config", "--list", "--show-scope", "-z"] });
	if (code !== 0) throw new DispatchError("DISPATCH_GIT", "git could not read the repository's config.");
	const parts = stdout.split("\0");
	const entries: Entry[] = [];
	for (let at = 0; at + 1 < parts.length; at += 2) {
		const [scope = "", entry = ""] = parts.slice(at, at + 2);
		const end = entry.indexOf("\n");
		if (scope === "command") continue;
		const [name, value] = end < 0 ? [entry, null] : [entry.slice(0, end), entry.slice(end + 1)];
		entries.push({ scope, name, value });
	}
	return entries;
}

/** @returns a digest of the programs that the repository's own config names; null: none */
export function programsIn(entries: readonly Entry[]): string | null {
	const named = entries
		.filter(({ scope, name }) => OF_THE_REPOSITORY.includes(scope) && PROGRAMS.test(name.toLowerCase()))
		.map(({ name, value }) => (value === null ? name : `${name}\n${value}`));
	if (named.length === 0) return null;
	return createHash("sha256").update(named.sort().join("\0")).digest("hex");
}

/** Settings by which each hook of the config (git 2.54) is none, whoever made it. */
export function withoutHooks(entries: readonly Entry[]): Record<string, string> {
	const names = entries.map(({ name }) => HOOK.exec(name)?.[1]).filter((name) => name !== undefined);
	return Object.fromEntries(names.map((name) => [`hook.${name}.enabled`, "false"]));
}

/** As one file that is all of a config. */
export function configFile(entries: readonly Entry[]): string {
	const escaped = (text: string) => text.replace(/[\\"]/g, "\\$&");
	const lines = entries
		.filter(({ name }) => !NOT_COPIED.test(name))
		.map(({ name, value }) => {
			const [first, last] = [name.indexOf("."), name.lastIndexOf(".")];
			const part = first === last ? "" : ` "${escaped(name.slice(first + 1, last))}"`;
			const given = value === null ? "" : ` = "${escaped(value).replaceAll("\n", "\\n")}"`;
			return `[${name.slice(0, first)}${part}]\n\t${name.slice(last + 1)}${given}\n`;
		});
	return lines.join("");
}
