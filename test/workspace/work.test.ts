/** What an agent may have done in its worktree by its end, out of habit or on purpose, and what becomes of it. */
import { execFileSync } from "node:child_process";
import {
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { newNonce } from "../../src/queue/records/store.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { knownWorktree, Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository, writeIn } from "../git.ts";
import {
	branch,
	commitThere,
	filesOf,
	folder,
	id,
	number,
	onWorktreeOf,
	onWorktreeOfItsOwn,
	repository,
	setTheStage,
	shared,
	subjects,
	submitted,
	there,
	worktree,
	worktrees,
} from "./stage.ts";

setTheStage();
beforeEach(() => onWorktreeOf(shared));

/** The agent's acts, and the files that the branch holds beside those of the first commit. */
const ACTS: Record<string, [act: () => void, files: string[]]> = {
	"commits nothing": [() => writeIn(worktree.path, "c.txt", "c\n"), ["c.txt"]],
	"commits all of it itself": [() => commitThere("c.txt"), ["c.txt"]],
	"commits, and goes on": [
		() => {
			commitThere("c.txt");
			writeIn(worktree.path, "d.txt", "d\n");
		},
		["c.txt", "d.txt"],
	],
	"amends its commit": [
		() => {
			commitThere("c.txt");
			writeIn(worktree.path, "d.txt", "d\n");
			there("add", "--all");
			there("commit", "--quiet", "--amend", "--message", "c and d");
		},
		["c.txt", "d.txt"],
	],
	"works on a branch of its own making": [
		() => {
			there("checkout", "--quiet", "-b", `feature${number}`);
			commitThere("c.txt");
			writeIn(worktree.path, "d.txt", "d\n");
		},
		["c.txt", "d.txt"],
	],
	"works on a detached HEAD": [
		() => {
			there("checkout", "--quiet", "--detach");
			commitThere("c.txt");
		},
		["c.txt"],
	],
	"goes back to look at what was, and ends there": [
		() => {
			commitThere("c.txt");
			there("checkout", "--quiet", "--detach", "HEAD^");
		},
		["c.txt"],
	],
	"commits on its branch, then on another one that lacks it": [
		() => {
			commitThere("c.txt");
			there("checkout", "--quiet", "-b", `feature${number}`, "HEAD^");
			commitThere("d.txt");
		},
		["d.txt"],
	],
	"deletes its branch": [
		() => {
			commitThere("c.txt");
			there("checkout", "--quiet", "--detach");
			there("branch", "-D", branch);
		},
		["c.txt"],
	],
	"begins a history of its own": [
		() => {
			there("checkout", "--quiet", "--orphan", `other${number}`);
			writeIn(worktree.path, "c.txt", "c\n");
		},
		["c.txt"],
	],
	"is killed over a commit": [
		() => {
			writeIn(worktree.path, "c.txt", "c\n");
			writeFileSync(join(worktree.adminDir, "index.lock"), "");
		},
		["c.txt"],
	],
	"takes its index away": [
		() => {
			writeIn(worktree.path, "c.txt", "c\n");
			rmSync(join(worktree.adminDir, "index"));
		},
		["c.txt"],
	],
	"adds what dispatch keeps there": [
		() => {
			writeIn(worktree.path, `.dispatch/tasks/${id}/output.md`, "x\n");
			there("add", "--force", "--all");
			writeIn(worktree.path, "c.txt", "c\n");
		},
		["c.txt"],
	],
	"makes names that look like options, and of several lines": [
		() => {
			writeIn(worktree.path, "--all", "x\n");
			writeIn(worktree.path, ":(top)x", "x\n");
		},
		["--all", ":(top)x"],
	],
	"has git assume that a file of it is unchanged, and skip another": [
		() => {
			writeIn(worktree.path, "c.txt", "c\n");
			there("add", "--all");
			for (const [name, option] of [
				["a.txt", "--assume-unchanged"],
				["b.txt", "--skip-worktree"],
			] as const) {
				there("update-index", option, name);
				writeIn(worktree.path, name, "changed\n");
			}
		},
		["c.txt"],
	],
	"works beside what its sparse checkout shows": [
		() => {
			there("sparse-checkout", "set", "--no-cone", "/a.txt");
			writeIn(worktree.path, "c.txt", "c\n");
		},
		["c.txt"],
	],
	"puts another repository in the place of its .git": [
		() => {
			rmSync(join(worktree.path, ".git"));
			gitIn(worktree.path, "init", "--quiet");
			writeIn(worktree.path, "c.txt", "c\n");
		},
		["c.txt"],
	],
};

describe("the branch holds the work of an agent that", () => {
	test.each(Object.entries(ACTS))("%s", async (_, [act, files]) => {
		act();
		await saveWork(worktree, "start 1");
		expect(filesOf()).toEqual([".gitignore", ...files, "a.txt", "b.txt"].sort());
		// Once more is nothing more.
		const before = subjects();
		await saveWork(worktree, "start 2");
		expect(subjects()).toEqual(before);
		expect(gitIn(repository, "fsck", "--no-dangling")).toBe("");
		expect(gitIn(repository, "status", "--porcelain")).toBe("");
		expect(existsSync(join(worktree.adminDir, "index"))).toBe(true);
		expect(readdirSync(worktree.adminDir).filter((name) => name.includes("dispatch"))).toEqual([]);
	});
});

describe("a worktree is taken away", () => {
	test("with its branch when that holds nothing of its own", async () => {
		expect(await removeWorktree(worktree, { force: false })).toEqual({ branchKept: null });
		expect(existsSync(worktree.path)).toBe(false);
		expect(gitIn(repository, "branch", "--list", branch)).toBe("");
		expect(gitIn(repository, "worktree", "list")).not.toContain(worktree.path);
		expect(
			readdirSync(worktrees).filter((name) => name.startsWith(`${id}-${worktree.nonce.slice(0, 8)}`)),
		).toEqual([]);
		// Gone is gone.
		expect(knownWorktree(worktrees, { id, nonce: worktree.nonce }, GIT_ENV, () => null)).toBeNull();
	});

	test("and its branch stays for what no other one holds, until one does", async () => {
		writeIn(worktree.path, "c.txt", "c\n");
		await saveWork(worktree, "start 1");
		const kept = { branchKept: { name: branch, commits: 1 } };
		expect(await removeWorktree(worktree, { force: false })).toEqual(kept);
		expect(filesOf()).toContain("c.txt");
		await onWorktreeOfItsOwn();
		writeIn(worktree.path, "c.txt", "c\n");
		await saveWork(worktree, "start 1");
		gitIn(repository, "merge", "--quiet", branch);
		expect(await removeWorktree(worktree, { force: false })).toEqual({ branchKept: null });
	});

	test.each(["refs/stash", "refs/notes/x", "refs/replace/x"])(
		"and its branch stays where only %s holds its commits",
		async (ref) => {
			await onWorktreeOfItsOwn();
			writeIn(worktree.path, "c.txt", "c\n");
			await saveWork(worktree, "start 1");
			gitIn(repository, "update-ref", ref, branch);
			const kept = { branchKept: { name: branch, commits: 1 } };
			expect(await removeWorktree(worktree, { force: false })).toEqual(kept);
		},
	);

	test("not with a commit that is on no branch", async () => {
		await saveWork(worktree, "start 1");
		there("checkout", "--quiet", "--detach");
		commitThere("c.txt");
		await expect(removeWorktree(worktree, { force: false })).rejects.toMatchObject({
			code: "DISPATCH_UNSAVED_WORK",
			message: expect.stringContaining(there("rev-parse", "HEAD").slice(0, 7)),
		});
	});

	const UNSAVED: Record<string, () => void> = {
		"a changed file that git is to assume unchanged": () => {
			there("update-index", "--assume-unchanged", "a.txt");
			writeIn(worktree.path, "a.txt", "other\n");
		},
		"a changed file that git is to skip": () => {
			there("update-index", "--skip-worktree", "a.txt");
			writeIn(worktree.path, "a.txt", "other\n");
		},
		"a changed file": () => writeIn(worktree.path, "a.txt", "other\n"),
		"a new file": () => writeIn(worktree.path, "c.txt", "c\n"),
		"a deleted file": () => rmSync(join(worktree.path, "a.txt")),
		"a repository of its own": () => makeRepository(join(worktree.path, "inner")),
		"a repository without a commit": () => {
			gitIn(worktree.path, "init", "--quiet", "inner");
			writeIn(worktree.path, "inner/c.txt", "c\n");
		},
	};

	test.each(Object.entries(UNSAVED))("not with %s, unless by force", async (what, act) => {
		act();
		const refused = { code: "DISPATCH_UNSAVED_WORK", hint: expect.stringContaining(`--force ${id}`) };
		await expect(removeWorktree(worktree, { force: false })).rejects.toMatchObject(refused);
		await saveWork(worktree, "start 1");
		const isSaved = !what.startsWith("a repository");
		const again = await removeWorktree(worktree, { force: false }).catch(
			(error: { code: string }) => error.code,
		);
		expect(again).toEqual(isSaved ? { branchKept: { name: branch, commits: 1 } } : "DISPATCH_UNSAVED_WORK");
		expect(await removeWorktree(worktree, { force: true })).toMatchObject({});
		expect(existsSync(worktree.path)).toBe(false);
	});

	test("by force with its branch", async () => {
		writeIn(worktree.path, "c.txt", "c\n");
		await saveWork(worktree, "start 1");
		expect(await removeWorktree(worktree, { force: true })).toEqual({ branchKept: null });
		expect(gitIn(repository, "branch", "--list", branch)).toBe("");
	});
});

describe("a worktree", () => {
	test("that a person removed is named, with the branch that has the work", async () => {
		rmSync(worktree.path, { recursive: true });
		const gone = { code: "DISPATCH_BAD_CWD", message: expect.stringContaining(worktree.path) };
		await expect(saveWork(worktree, "start 1")).rejects.toMatchObject(gone);
		await expect(makeWorktree(worktree)).rejects.toMatchObject(gone);
		expect(await removeWorktree(worktree, { force: false })).toEqual({ branchKept: null });
	});

	test("of which the branch is locked fails to be committed, and names the lock", async () => {
		writeIn(worktree.path, "c.txt", "c\n");
		const lock = join(repository, ".git/refs/heads", `${branch}.lock`);
		writeFileSync(lock, "");
		const refused = { code: "DISPATCH_GIT", message: expect.stringContaining(`${id}.lock`) };
		await expect(saveWork(worktree, "start 1")).rejects.toMatchObject(refused);
		rmSync(lock);
		expect((await saveWork(worktree, "start 1")).changes.files).toBe(1);
	});

	test("half made is made anew; the branch of somebody else is not taken", async () => {
		const other = await submitted("other");
		gitIn(repository, "branch", "dispatch/other");
		await expect(makeWorktree(other)).rejects.toMatchObject({ code: "DISPATCH_ID_EXISTS" });
		gitIn(repository, "branch", "-D", "dispatch/other");
		writeIn(other.path, "rest.txt", "of a start that was killed\n");
		await makeWorktree(other);
		expect(gitIn(other.path, "status", "--porcelain")).toBe("");
		expect(existsSync(join(other.path, "rest.txt"))).toBe(false);
	});

	/** By the subfolder that it works in. */
	const REPLACED: Record<string, (sub: string) => void> = {
		"a link that leads out": (sub) => symlinkSync(folder, sub),
		nothing: () => {},
	};

	test.each(Object.entries(REPLACED))(
		"whose directory the agent replaced by %s starts nowhere",
		async (_, put) => {
			const own = join(folder, `sub${number}`);
			makeRepository(own, { "pk/api/a.txt": "1\n" });
			const { worktree: spec } = await inspectRepository(join(own, "pk/api"), worktrees, GIT_ENV);
			const inner = new Worktree({ id: "inner", nonce: newNonce(), worktree: spec }, GIT_ENV);
			await makeWorktree(inner);
			await makeWorktree(inner);
			const sub = join(inner.path, "pk/api");
			rmSync(sub, { recursive: true });
			put(sub);
			await expect(makeWorktree(inner)).rejects.toMatchObject({
				code: "DISPATCH_BAD_CWD",
				message: expect.stringContaining(sub),
			});
		},
	);

	test("is the same at the next start, with what lies in it; a lock that is left over goes", async () => {
		writeIn(worktree.path, "c.txt", "c\n");
		const lock = join(worktree.adminDir, "index.lock");
		writeFileSync(lock, "");
		execFileSync("touch", ["-d", "1 hour ago", lock]);
		await makeWorktree(worktree);
		expect(existsSync(join(worktree.path, "c.txt"))).toBe(true);
		expect(existsSync(lock)).toBe(false);
		symlinkSync("index.lock", lock);
		await makeWorktree(worktree);
		expect(lstatSync(lock, { throwIfNoEntry: false })).toBeUndefined();
	});

	test.each<[string, () => Promise<unknown>]>([
		["the next start", () => makeWorktree(worktree)],
		["its end", () => saveWork(worktree, "start 1")],
	])(
		"what a killed process left of git's beside it goes at %s; what a living one has stays",
		async (_, act) => {
			const [dead, alive] = [2 ** 22 + 1, process.pid].map((pid) => `${worktree.path}.git-${pid}-0badcafe`);
			for (const path of [dead, alive]) mkdirSync(path as string);
			await act();
			expect([dead, alive].map((path) => existsSync(path as string))).toEqual([false, true]);
		},
	);
});

test("a change of the same size in the very second of the checkout is work as any other: it is committed, and kept", async () => {
	await onWorktreeOfItsOwn();
	const path = join(worktree.path, "a.txt");
	const secondOf = (file: string) => Math.floor(statSync(file).ctimeMs / 1_000);
	do {
		rmSync(path);
		there("checkout", "--quiet", "a.txt");
		writeFileSync(path, "two\n");
	} while (secondOf(path) !== secondOf(join(worktree.adminDir, "index")));
	// An index that is written from now on is younger.
	await expect.poll(() => Math.floor(Date.now() / 1_000)).toBeGreaterThan(secondOf(path));
	const removal = removeWorktree(worktree, { force: false });
	await expect(removal).rejects.toMatchObject({ code: "DISPATCH_UNSAVED_WORK" });
	await saveWork(worktree, "start 1");
	expect(gitIn(repository, "show", `${branch}:a.txt`)).toBe("two");
});
