/** What the caller of a command had, and what its worker and agents have. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { PROGRAM, User } from "./harness.ts";

let user: User;
afterEach(() => user.cleanup());

/** A repository with two files in its first commit. @returns runs git in it */
function repository(path: string): (...args: string[]) => string {
	mkdirSync(path, { recursive: true });
	const git = (...args: string[]) =>
		execFileSync("git", args, { cwd: path, env: { ...user.env, HOME: user.path }, encoding: "utf8" });
	git("init", "-q");
	for (const [name, value] of [
		["user.name", "Ann"],
		["user.email", "ann@example.com"],
	])
		git("config", name ?? "", value ?? "");
	for (const name of ["a.txt", "b.txt"]) writeFileSync(join(path, name), `${name}\n`);
	git("add", ".");
	git("commit", "-qm", "first");
	return git;
}

test("a git hook that enqueues starts a worker; a later task's commit in another repository holds its own change alone", async () => {
	user = new User({ agent: "commits.sh" });
	const first = join(user.path, "first");
	const git = repository(first);
	repository(user.project);
	const hook = join(first, ".git/hooks/pre-commit");
	const line = `${process.execPath} ${PROGRAM} enqueue --id hooked --cwd '${first}' --delay 1h x`;
	writeFileSync(hook, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
	writeFileSync(join(first, "a.txt"), "changed\n");
	git("commit", "-qam", "second", "--author", "Bob <bob@example.com>");
	expect(user.daemonPid()).not.toBeNull();
	await user.ok(["enqueue", "--id", "later", "y"]);
	await user.waitForState("later", "completed");
	expect(await user.ok(["output", "later"])).toBe("A\tmine.txt\n");
	const author = execFileSync("git", ["log", "-1", "--format=%an"], { cwd: user.project, encoding: "utf8" });
	expect(author).toBe("Ann\n");
});
