/** How an agent would have dispatch's git run a program of its own, or obey a config that nobody signed: none does. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { takeLock } from "../../src/process/lock.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { changedFiles } from "../../src/workspace/diff.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository, writeIn } from "../git.ts";
import { killIfThere, processesOf } from "../processes.ts";
import {
	branch,
	filesOf,
	folder,
	id,
	marking,
	newRepository,
	number,
	onWorktreeOf,
	onWorktreeOfItsOwn,
	repository,
	setTheStage,
	shared,
	submitted,
	there,
	worktree,
	worktrees,
} from "./stage.ts";

setTheStage();
beforeEach(() => onWorktreeOf(shared));

/** How an agent would have dispatch's git run a program of its own: each must not. */
const PLANTED: Record<string, (program: string) => void> = {
	"core.fsmonitor": (program) => there("config", "core.fsmonitor", program),
	"core.hooksPath": (program) => {
		const hooks = join(folder, `hooks${number}`);
		for (const name of readdirSync(join(repository, ".git/hooks")))
			writeIn(hooks, name.replace(".sample", ""), `#!/bin/sh\n${program}\n`);
		for (const name of ["post-index-change", "reference-transaction", "post-checkout"])
			writeIn(hooks, name, `#!/bin/sh\n${program}\n`);
		execFileSync("chmod", ["-R", "+x", hooks]);
		there("config", "core.hooksPath", hooks);
	},
	"gpg.program": (program) => {
		there("config", "commit.gpgSign", "true");
		there("config", "gpg.program", program);
	},
	"diff.external": (program) => there("config", "diff.external", program),
	"a textconv": (program) => {
		there("config", "diff.x.textconv", program);
		writeIn(worktree.path, ".gitattributes", "* diff=x\n");
	},
	"core.editor and core.pager": (program) => {
		for (const name of ["core.editor", "core.pager", "pager.diff"]) there("config", name, program);
	},
	"a .git of its own, whose config names programs": (program) => {
		rmSync(join(worktree.path, ".git"));
		gitIn(worktree.path, "init", "--quiet");
		for (const name of ["core.fsmonitor", "filter.x.clean"]) gitIn(worktree.path, "config", name, program);
		writeIn(worktree.path, ".gitattributes", "* filter=x\n");
	},
};

/** Repositories that the agent made in its worktree: git would run there what their own config names. */
const NESTED: Record<string, () => void> = {
	"committed as a link": () => {
		there("add", "sub");
		there("commit", "--quiet", "--message", "sub");
	},
	"in the index": () => there("add", "sub"),
	"not known": () => {},
	"committed, and ignored by its .gitmodules and the config": () => {
		writeIn(worktree.path, ".gitmodules", '[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n\tignore = all\n');
		there("config", "diff.ignoreSubmodules", "all");
		there("add", "--all");
		there("commit", "--quiet", "--message", "sub");
	},
};

describe("a repository in the worktree", () => {
	beforeEach(onWorktreeOfItsOwn);

	test.each(Object.entries(NESTED))("that is %s runs nothing, and is not deleted", async (_, add) => {
		const { program, ran } = marking();
		const sub = join(worktree.path, "sub");
		makeRepository(sub, { "k.txt": "1\n" });
		add();
		writeIn(sub, ".gitattributes", "* filter=evil\n");
		gitIn(sub, "config", "filter.evil.clean", program);
		gitIn(sub, "config", "core.fsmonitor", program);
		writeIn(sub, "k.txt", "2\n");
		writeIn(worktree.path, "c.txt", "c\n");
		rmSync(join(folder, `ran${number}`), { force: true });
		await changedFiles(worktree);
		expect(await saveWork(worktree, "start 1")).toMatchObject({ left: null });
		expect(filesOf()).toEqual(expect.arrayContaining(["c.txt", "sub"]));
		expect((await changedFiles(worktree)).map(({ path }) => path)).toContain("sub");
		await expect(removeWorktree(worktree, { force: false })).rejects.toMatchObject({
			code: "DISPATCH_UNSAVED_WORK",
			message: expect.stringContaining("sub (a repository)"),
		});
		expect([ran(), existsSync(join(sub, "k.txt"))]).toEqual([false, true]);
	});
});

/** How an agent has other programs signed than run: what is checked is what git obeys. */
const EVADED: Record<string, (program: string) => void> = {
	"an include that only worktrees see": (program) => {
		writeIn(repository, ".git/evil.inc", `[filter "x"]\n\tsmudge = ${program}\n\tclean = ${program}\n`);
		gitIn(repository, "config", "includeIf.gitdir:**/worktrees/**.path", "evil.inc");
	},
	"a filter": (program) => gitIn(repository, "config", "filter.x.smudge", program),
};

describe("a worktree is not checked out by", () => {
	beforeEach(onWorktreeOfItsOwn);

	test.each(Object.entries(EVADED))("%s that came since the task was submitted", async (_, plant) => {
		const { program, ran } = marking();
		writeIn(repository, ".git/info/attributes", "* filter=x\n");
		const next = await submitted(`next${number}`);
		plant(program);
		await expect(makeWorktree(next)).rejects.toMatchObject({ code: "DISPATCH_BAD_CWD" });
		expect(ran()).toBe(false);
	});
});

test("a git that the agent put in its worktree is not run, though PATH has that folder", async () => {
	const { program, ran } = marking();
	const { nonce, spec } = worktree;
	const env = { ...GIT_ENV, PATH: `./bin:bin::${GIT_ENV.PATH}` };
	writeIn(worktree.path, "bin/git", `#!/bin/sh\nexec ${program}\n`);
	writeIn(worktree.path, "git", `#!/bin/sh\nexec ${program}\n`);
	execFileSync("chmod", ["+x", join(worktree.path, "bin/git"), join(worktree.path, "git")]);
	await saveWork(new Worktree({ id, nonce, worktree: spec }, env), "start 1");
	expect(filesOf()).toContain("bin/git");
	expect(ran()).toBe(false);
});

test("git obeys the config that was checked, whatever is written there meanwhile", async () => {
	await onWorktreeOfItsOwn();
	const { program, ran } = marking();
	there("config", "user.name", 'A "B" \\ c');
	gitIn(repository, "config", "--add", 'branch.a"b\\c.description', "two\nlines # no comment; none");
	writeIn(repository, ".git/info/attributes", "* filter=x\n");
	const config = () => ["config", "--list", "-z"];
	await worktree.withOwnGit({ indexFile: join(worktree.adminDir, "index") }, async (own) => {
		const listed = (await own.must("read", config())).split("\0");
		expect(listed).toEqual(
			expect.arrayContaining([
				'user.name\nA "B" \\ c',
				'branch.a"b\\c.description\ntwo\nlines # no comment; none',
			]),
		);
		there("config", "filter.x.clean", program);
		there("config", "hook.x.command", program);
		writeIn(worktree.path, "c.txt", "c\n");
		await own.must("add", ["add", "--all"]);
	});
	expect(ran()).toBe(false);
	expect(readdirSync(worktrees).filter((name) => name.includes(".git-"))).toEqual([]);
});

test("a hook that a config names (git 2.54) is switched off for dispatch's git", async () => {
	await onWorktreeOfItsOwn();
	there("config", "hook.my.x.command", "true");
	await worktree.requirePrograms();
	const asked = await worktree.runThere(["config", "--get-all", "hook.my.x.enabled"]);
	expect(asked.stdout).toBe("false\n");
	expect((await worktree.run(["config", "hook.reference-transaction.enabled"])).stdout).toBe("false\n");
});

test("a signature of the agent's commit is not looked at: that would run its program", async () => {
	await onWorktreeOfItsOwn();
	const { program, ran } = marking();
	there("config", "gpg.program", program);
	there("config", "log.showSignature", "true");
	const text = there("cat-file", "commit", "HEAD");
	const signed = text.replace(
		"\n\n",
		"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\n",
	);
	writeIn(worktree.adminDir, "signed", `${signed}\n`);
	const commit = there("hash-object", "-t", "commit", "-w", join(worktree.adminDir, "signed"));
	there("update-ref", `refs/heads/${branch}`, commit);
	await worktree.branch.madeFor();
	expect(ran()).toBe(false);
});

test("no transport of a config runs its program, though the config allows that one", async () => {
	await onWorktreeOfItsOwn();
	const { program, ran } = marking();
	there("config", "protocol.ext.allow", "always");
	there("config", "remote.evil.url", `ext::${program}`);
	expect(await worktree.run(["ls-remote", "evil"])).toMatchObject({ code: 128 });
	expect(ran()).toBe(false);
});

describe("an agent's own program is not run by dispatch's git:", () => {
	beforeEach(onWorktreeOfItsOwn);

	test.each(Object.entries(PLANTED))("%s", async (_, plant) => {
		const { program, ran } = marking();
		plant(program);
		writeIn(worktree.path, "c.txt", "c\n");
		rmSync(join(folder, `ran${number}`), { force: true });
		const { changes } = await saveWork(worktree, "start 1");
		await changedFiles(worktree);
		await removeWorktree(worktree, { force: false });
		expect(filesOf()).toContain("c.txt");
		expect(changes.files).toBeGreaterThan(0);
		expect(ran()).toBe(false);
	});

	test.each(["filter.x.clean", "filter.x.process"])("%s, since another one was signed", async (name) => {
		const { program, ran } = marking();
		there("config", name, program);
		writeIn(worktree.path, ".gitattributes", "* filter=x\n");
		writeIn(worktree.path, "c.txt", "c\n");
		const refused = { code: "DISPATCH_BAD_CWD", message: expect.stringContaining("names other programs") };
		await expect(saveWork(worktree, "start 1")).rejects.toMatchObject(refused);
		await expect(changedFiles(worktree)).rejects.toMatchObject(refused);
		await expect(removeWorktree(worktree, { force: false })).rejects.toMatchObject(refused);
		expect(ran()).toBe(false);
		expect(existsSync(join(worktree.path, "c.txt"))).toBe(true);
	});
});

test("whoever a filter leaves behind keeps the worktree from nobody", async () => {
	const own = join(folder, `left${number}`);
	newRepository(own);
	gitIn(own, "config", "filter.x.clean", "sleep 1000 >/dev/null 2>&1 & cat");
	await onWorktreeOf(own);
	writeIn(worktree.path, ".gitattributes", "*.x filter=x\n");
	writeIn(worktree.path, "a.x", "one\n");
	await saveWork(worktree, "start 1");
	const left = processesOf(folder);
	expect(left).not.toEqual([]);
	const lock = await takeLock(`${worktree.path}.lock`);
	lock?.release();
	for (const { pid } of left) killIfThere(pid);
	await expect.poll(() => processesOf(folder)).toEqual([]);
	expect(lock).not.toBeNull();
});
