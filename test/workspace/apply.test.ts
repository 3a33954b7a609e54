/** `dispatch apply`: whole or not at all, whatever stands in the working tree. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newNonce } from "../../src/queue/records/store.ts";
import { applyWork, WAYS, type Way } from "../../src/workspace/apply.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, locksIn, makeRepository, writeIn } from "../git.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const folder = temporaryFolder("apply");
const repository = join(folder, "r");
const git = (...args: string[]) => gitIn(repository, ...args);
const read = (name: string) => readFileSync(join(repository, name), "utf8");
let number = 0;

/** Two tasks of one base that change the same line, and a third one that changes another file. */
const work: Record<"one" | "two" | "other", Worktree> = {} as never;

beforeAll(async () => {
	makeRepository(repository, { "a.txt": "1\n2\n3\n", "b.txt": "b\n", "c.txt": "c\n" });
	for (const [id, file] of [
		["one", "a.txt"],
		["two", "a.txt"],
		["other", "b.txt"],
	] as const) {
		const { worktree: spec } = await inspectRepository(repository, join(folder, "worktrees"), GIT_ENV);
		const worktree = new Worktree({ id, nonce: newNonce(), worktree: spec }, GIT_ENV);
		await makeWorktree(worktree);
		writeIn(worktree.path, file, `${id}\n`);
		writeIn(worktree.path, `${id}.txt`, "new\n");
		await saveWork(worktree, "start 1");
		work[id] = worktree;
	}
});

/** A branch of the test's own, at the first commit. */
beforeEach(() => {
	number += 1;
	git("reset", "--quiet", "--hard");
	git("clean", "--quiet", "--force", "-d");
	git("checkout", "--quiet", "-b", `test${number}`, "main");
});

const apply = (id: keyof typeof work, way: Way) =>
	applyWork(work[id], { cwd: repository, way, env: GIT_ENV });
/** Branch, index, files and what git is in the middle of. */
const state = () => [
	git("rev-parse", "HEAD"),
	git("status", "--porcelain=v2"),
	git("diff"),
	git("diff", "--cached"),
];

describe.each(WAYS)("as %s", (way) => {
	test("the files are there, and a second time it is said that they are", async () => {
		writeIn(repository, "c.txt", "mine, not touched\n");
		expect(await apply("one", way)).toMatchObject({ isNew: true, changes: { files: 2 } });
		expect([read("a.txt"), read("one.txt"), read("c.txt")]).toEqual([
			"one\n",
			"new\n",
			"mine, not touched\n",
		]);
		const before = state();
		expect(await apply("one", way)).toMatchObject({ isNew: false });
		expect(state()).toEqual(before);
	});

	test("two that conflict leave the repository as the first one left it, and the second names the file", async () => {
		await apply("one", way === "patch" ? "squash" : way);
		const before = state();
		await expect(apply("two", way)).rejects.toMatchObject({
			code: "DISPATCH_APPLY_CONFLICT",
			message: expect.stringContaining("a.txt"),
		});
		expect(state()).toEqual(before);
		expect(locksIn(repository)).toEqual([]);
		expect(git("fsck", "--no-dangling")).toBe("");
		expect(await apply("other", way)).toMatchObject({ isNew: true });
	});

	const IN_THE_WAY: Record<string, () => void> = {
		"a changed file": () => writeIn(repository, "a.txt", "mine\n"),
		"a staged change": () => {
			writeIn(repository, "a.txt", "mine\n");
			git("add", "a.txt");
		},
		"a file that git does not know": () => writeIn(repository, "one.txt", "mine\n"),
	};

	test.each(Object.entries(IN_THE_WAY))("%s in the way stays as it is, and is named", async (_, act) => {
		act();
		const before = state();
		await expect(apply("one", way)).rejects.toMatchObject({
			code: "DISPATCH_APPLY_CONFLICT",
			message: expect.stringMatching(/not committed: (?:a|one)\.txt/),
			// A merge by hand would be refused for the same.
			hint: expect.stringMatching(/^Commit it, stash /),
		});
		expect(state()).toEqual(before);
	});
});

test("a merge keeps both histories, a squash is one commit that names task and origin, a patch none", async () => {
	writeIn(repository, "c.txt", "since\n");
	git("commit", "--quiet", "--all", "--message", "since");
	await apply("one", "merge");
	expect(git("log", "-1", "--format=%p %(trailers:key=Dispatch-Task,valueonly)").split(" ")).toHaveLength(3);
	await apply("other", "squash");
	const tip = git("rev-parse", "dispatch/other");
	expect(git("log", "-1", "--format=%an%n%b")).toBe(`Ann\nDispatch-Task: other\nDispatch-Commit: ${tip}`);
	git("reset", "--quiet", "--hard", "main");
	const head = git("rev-parse", "HEAD");
	expect(await apply("one", "patch")).toMatchObject({ isNew: true, commit: null });
	expect([git("rev-parse", "HEAD"), git("diff", "--cached", "--name-only")]).toEqual([
		head,
		"a.txt\none.txt",
	]);
});

/** @returns a task whose agent did this */
async function taskWith(id: string, act: (path: string) => void): Promise<Worktree> {
	const { worktree: spec } = await inspectRepository(repository, join(folder, "worktrees"), GIT_ENV);
	const worktree = new Worktree({ id, nonce: newNonce(), worktree: spec }, GIT_ENV);
	await makeWorktree(worktree);
	act(worktree.path);
	await saveWork(worktree, "start 1");
	return worktree;
}

/** What the user has that git ignores or was told not to look at, and the agent's commit that takes its place. */
const MINE: Record<string, [mine: [name: string, act: () => void], theirs: string]> = {
	"an ignored file": [[".env", () => {}], ".env"],
	"an ignored file where a directory is to be": [["dist", () => {}], "dist/f"],
	"an ignored directory where a file is to be": [["dist/kept", () => {}], "dist"],
	"a file that is assumed unchanged": [
		["a.txt", () => git("update-index", "--assume-unchanged", "a.txt")],
		"a.txt",
	],
	"a file that git skips": [["a.txt", () => git("update-index", "--skip-worktree", "a.txt")], "a.txt"],
};

test.each(Object.entries(MINE))("%s is not written over", async (_, [[name, hide], theirs]) => {
	writeIn(repository, ".git/info/exclude", ".env\ndist\n");
	const task = await taskWith(`mine${number}`, (path) => {
		writeIn(path, theirs, "theirs\n");
		gitIn(path, "add", "--force", "--all");
		gitIn(path, "commit", "--quiet", "--message", "theirs");
	});
	writeIn(repository, name, "mine\n");
	hide();
	const head = git("rev-parse", "HEAD");
	const top = name.split("/")[0] ?? name;
	for (const way of WAYS) {
		await expect(applyWork(task, { cwd: repository, way, env: GIT_ENV })).rejects.toMatchObject({
			code: "DISPATCH_APPLY_CONFLICT",
			message: expect.stringContaining(top),
		});
		expect([read(name), git("rev-parse", "HEAD")]).toEqual(["mine\n", head]);
	}
	// Of several marks git takes one at a time.
	git("update-index", "--no-assume-unchanged", "a.txt");
	git("update-index", "--no-skip-worktree", "a.txt");
	rmSync(join(repository, top), { recursive: true });
	git("reset", "--quiet", "--hard");
});

/** Settings by which git's own commands do something else, or say it otherwise. */
const settings = (): [name: string, value: string][] => [
	["merge.autoStash", "true"],
	[`branch.test${number}.mergeOptions`, "--squash"],
	["commit.gpgSign", "true"],
	["diff.ignoreSubmodules", "all"],
	["diff.relative", "true"],
];

test.each(WAYS)("as %s it does the same whatever the config has git do besides", async (way) => {
	const set = settings();
	for (const [name, value] of set) git("config", name, value);
	try {
		writeIn(repository, "a.txt", "mine\n");
		const before = state();
		await expect(apply("one", way)).rejects.toMatchObject({ code: "DISPATCH_APPLY_CONFLICT" });
		expect([state(), git("stash", "list")]).toEqual([before, ""]);
		git("checkout", "--quiet", "a.txt");
		const head = git("rev-parse", "HEAD");
		const { commit } = await apply("one", way);
		expect(git("rev-parse", "HEAD")).toBe(commit ?? head);
		expect([read("a.txt"), git("diff", "--name-only", "HEAD")]).toEqual([
			"one\n",
			way === "patch" ? "a.txt\none.txt" : "",
		]);
	} finally {
		for (const [name] of set) git("config", "--unset", name);
	}
});

test("a filter that the config of the working tree alone names is not run", async () => {
	const mark = join(folder, "ran");
	writeIn(repository, ".git/info/attributes", "* filter=x\n");
	git("config", "extensions.worktreeConfig", "true");
	git("config", "--worktree", "filter.x.smudge", `touch ${mark}; cat`);
	await expect(apply("one", "merge")).rejects.toMatchObject({
		code: "DISPATCH_BAD_CWD",
		hint: expect.stringContaining("git merge dispatch/one"),
	});
	expect(existsSync(mark)).toBe(false);
	git("config", "--worktree", "--unset", "filter.x.smudge");
	git("config", "--unset", "extensions.worktreeConfig");
	rmSync(join(repository, ".git/info/attributes"));
	expect(await apply("one", "merge")).toMatchObject({ isNew: true });
});

test("as patch a second time nothing is changed, whatever else is staged", async () => {
	await apply("one", "patch");
	writeIn(repository, "c.txt", "staged\n");
	git("add", "c.txt");
	const before = state();
	expect(await apply("one", "patch")).toMatchObject({ isNew: false });
	expect(state()).toEqual(before);
});

test("two at once are both applied: one waits for the other", async () => {
	const both = await Promise.all([apply("one", "squash"), apply("other", "squash")]);
	expect(both.map(({ isNew }) => isNew)).toEqual([true, true]);
	expect([read("a.txt"), read("b.txt"), git("status", "--porcelain")]).toEqual(["one\n", "other\n", ""]);
	expect(git("rev-list", "--count", "main..HEAD")).toBe("2");
});

test("in the middle of a merge it is refused", async () => {
	writeIn(repository, ".git/MERGE_HEAD", `${git("rev-parse", "dispatch/other")}\n`);
	await expect(apply("one", "merge")).rejects.toMatchObject({
		message: expect.stringContaining("MERGE_HEAD"),
	});
	rmSync(join(repository, ".git/MERGE_HEAD"));
});

test("what lies uncommitted in the worktree comes along; another repository gets nothing", async () => {
	writeIn(work.other.path, "later.txt", "later\n");
	await apply("other", "merge");
	expect(read("later.txt")).toBe("later\n");
	makeRepository(join(folder, "elsewhere"));
	await expect(
		applyWork(work.one, { cwd: join(folder, "elsewhere"), way: "merge", env: GIT_ENV }),
	).rejects.toMatchObject({ code: "DISPATCH_USAGE", hint: expect.stringContaining(repository) });
});
