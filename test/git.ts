/** Real git for tests: whoever runs them, whatever their own config says. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** No config but the repository's own, and a home that not even root can make. */
export const GIT_ENV = {
	PATH: process.env.PATH ?? "/usr/bin:/bin",
	HOME: "/dev/null",
	GIT_CONFIG_NOSYSTEM: "1",
	GIT_AUTHOR_NAME: "Ann",
	GIT_AUTHOR_EMAIL: "ann@here",
	GIT_COMMITTER_NAME: "Ann",
	GIT_COMMITTER_EMAIL: "ann@here",
};

/** @returns what it printed, without the last newline. @throws with what it said */
export function gitIn(cwd: string, ...args: string[]): string {
	const env = {
		...GIT_ENV,
		GIT_CONFIG_COUNT: "1",
		GIT_CONFIG_KEY_0: "protocol.file.allow",
		GIT_CONFIG_VALUE_0: "always",
	};
	return execFileSync("git", args, {
		cwd,
		env,
		encoding: "utf8",
		stdio: ["ignore", "pipe", "pipe"],
	}).trimEnd();
}

export function writeIn(folder: string, name: string, text: string): void {
	mkdirSync(dirname(join(folder, name)), { recursive: true });
	writeFileSync(join(folder, name), text);
}

/** A repository with one commit of these files; @param files texts by name */
export function makeRepository(path: string, files: Record<string, string> = { "a.txt": "one\n" }): void {
	mkdirSync(path, { recursive: true });
	gitIn(path, "init", "--quiet", "--initial-branch=main");
	gitIn(path, "config", "user.name", "Ann");
	gitIn(path, "config", "user.email", "ann@here");
	for (const [name, text] of Object.entries(files)) writeIn(path, name, text);
	gitIn(path, "add", "--all");
	gitIn(path, "commit", "--quiet", "--message", "first");
}

/** What git leaves when somebody ended over it. */
export function locksIn(repository: string): string[] {
	const found = execFileSync("find", [join(repository, ".git"), "-name", "*.lock"], { encoding: "utf8" });
	return found.split("\n").filter(Boolean);
}
