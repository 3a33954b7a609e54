/** A link to another ref or file in the place of a ref that dispatch writes: nothing is changed through it, and nothing that only it holds is lost. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { applyWork } from "../../src/workspace/apply.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { leftByRemoval, removeWorktree } from "../../src/workspace/remove.ts";
import { GIT_ENV, gitIn, writeIn } from "../git.ts";
import {
	branch,
	commitThere,
	filesOf,
	onWorktreeOfItsOwn,
	repository,
	setTheStage,
	submitted,
	there,
	worktree,
} from "./stage.ts";

setTheStage();
beforeEach(onWorktreeOfItsOwn);

const git = (...args: string[]) => gitIn(repository, ...args);
const inGit = (name: string) => join(repository, ".git", name);
/** Each ref with what it is at, and each log, but for those of the task itself. */
const others = () => [
	git("for-each-ref", "--format=%(refname) %(objectname)")
		.split("\n")
		.filter((line) => !line.includes("dispatch/")),
	["main", "release"].map((name) => readFileSync(inGit(`logs/refs/heads/${name}`), "utf8")),
];

const inPlaceOf = (path: string, target: string) => {
	mkdirSync(dirname(path), { recursive: true });
	rmSync(path, { recursive: true, force: true });
	symlinkSync(target, path);
};
/** How the branch of the task leads to another one. */
const LINKS: Record<string, () => void> = {
	"a symbolic ref to the branch that is checked out": () =>
		void there("symbolic-ref", `refs/heads/${branch}`, "refs/heads/main"),
	"a symbolic ref to another branch": () =>
		void there("symbolic-ref", `refs/heads/${branch}`, "refs/heads/release"),
	"a symbolic ref to one that is not there": () =>
		void there("symbolic-ref", `refs/heads/${branch}`, "refs/heads/nowhere"),
	"a file that is a link to another ref's": () => inPlaceOf(inGit(`refs/heads/${branch}`), "../main"),
	"a log that is a link to another one": () => inPlaceOf(inGit(`logs/refs/heads/${branch}`), "../release"),
	"a folder that is a link to another one": () => {
		git("update-ref", `refs/heads/theirs/${worktree.task}`, "main");
		renameSync(inGit("refs/heads/dispatch"), inGit("refs/heads/dispatch.aside"));
		symlinkSync("theirs", inGit("refs/heads/dispatch"));
	},
};

describe.each(Object.entries(LINKS))("the branch of a task is %s:", (_, link) => {
	beforeEach(() => {
		git("branch", "release");
		writeIn(worktree.path, "c.txt", "c\n");
	});

	test("neither the end of a task, nor applying, nor removing it changes any other ref, and the work stays", async () => {
		link();
		const before = others();
		const refused = {
			code: "DISPATCH_BAD_CWD",
			message: expect.stringContaining("is a link to"),
			hint: expect.stringContaining("Remove the link"),
		};
		await expect(saveWork(worktree, "start 1")).rejects.toMatchObject(refused);
		const apply = applyWork(worktree, { cwd: repository, way: "merge", env: GIT_ENV });
		await expect(apply).rejects.toMatchObject(refused);
		expect(existsSync(join(worktree.path, "c.txt"))).toBe(true);
		await Promise.allSettled([removeWorktree(worktree, { force: true })]);
		expect(others()).toEqual(before);
	});
});

test("a branch that was a link is saved to again once the link is gone", async () => {
	writeIn(worktree.path, "c.txt", "c\n");
	there("symbolic-ref", `refs/heads/${branch}`, "refs/heads/main");
	await expect(saveWork(worktree, "start 1")).rejects.toMatchObject({ code: "DISPATCH_BAD_CWD" });
	git("symbolic-ref", "--delete", `refs/heads/${branch}`);
	await saveWork(worktree, "start 1");
	expect(filesOf()).toContain("c.txt");
	expect(git("rev-parse", "main")).toBe(worktree.spec.base);
});

test("removing a task whose branch is a link takes the link away; one in a folder that is a link is refused", async () => {
	LINKS["a symbolic ref to the branch that is checked out"]?.();
	await removeWorktree(worktree, { force: false });
	expect(git("for-each-ref", "refs/heads/dispatch")).toBe("");
	await onWorktreeOfItsOwn();
	LINKS["a folder that is a link to another one"]?.();
	await expect(removeWorktree(worktree, { force: true })).rejects.toMatchObject({ code: "DISPATCH_BAD_CWD" });
	expect(existsSync(worktree.path)).toBe(true);
});

test("a worktree is not made where a link stands in the place of its branch", async () => {
	const next = await submitted(`next${worktree.task}`);
	git("symbolic-ref", next.branch.ref, "refs/heads/of-nobody");
	await expect(makeWorktree(next)).rejects.toMatchObject({ code: "DISPATCH_BAD_CWD" });
	expect(git("for-each-ref", "refs/heads/of-nobody")).toBe("");
});

test("ORIG_HEAD is written as itself, though it leads to a branch", async () => {
	git("branch", "release");
	git("symbolic-ref", "ORIG_HEAD", "refs/heads/release");
	const before = git("rev-parse", "release");
	commitThere("c.txt");
	writeIn(repository, "mine.txt", "mine\n");
	git("add", "--all");
	git("commit", "--quiet", "--message", "mine");
	await applyWork(worktree, { cwd: repository, way: "merge", env: GIT_ENV });
	expect(git("rev-parse", "release")).toBe(before);
	expect(git("rev-parse", "ORIG_HEAD")).toBe(git("rev-parse", "HEAD^1"));
});

describe("a link to what goes with the task is nobody's branch:", () => {
	test("commits that are on the task's branch alone keep it, though another ref leads to it", async () => {
		commitThere("c.txt");
		git("symbolic-ref", "refs/heads/other", `refs/heads/${branch}`);
		const kept = { branchKept: { name: branch, commits: 1 } };
		expect(await leftByRemoval(worktree, { force: false, gone: new Set() })).toEqual(kept);
		expect(await removeWorktree(worktree, { force: false })).toEqual(kept);
	});

	test("a commit that only the worktree's HEAD holds keeps the worktree, though a ref leads to that", async () => {
		there("checkout", "--quiet", "--detach");
		commitThere("c.txt");
		writeIn(repository, ".git/refs/heads/other", `ref: worktrees/${basename(worktree.path)}/HEAD\n`);
		await expect(removeWorktree(worktree, { force: false })).rejects.toMatchObject({
			code: "DISPATCH_UNSAVED_WORK",
		});
	});
});
