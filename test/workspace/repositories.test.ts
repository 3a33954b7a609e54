/** Which repositories a task can have a worktree of: each kind is usable, or refused with its reason. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newNonce } from "../../src/queue/records/store.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, locksIn, makeRepository, writeIn } from "../git.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const folder = temporaryFolder("repositories");
const worktrees = join(folder, "worktrees");
let made = 0;

function fresh(files?: Record<string, string>): string {
	made += 1;
	const path = join(folder, `r${made}`);
	makeRepository(path, files);
	return path;
}

/** The place where the task is to work. */
const USABLE: Record<string, () => string> = {
	"the top of a repository": () => fresh(),
	"a subfolder": () => join(fresh({ "a.txt": "one\n", "sub/deep/b.txt": "two\n" }), "sub/deep"),
	"a subfolder with spaces and umlauts": () =>
		join(fresh({ "a.txt": "1\n", "süß und breit/b": "2\n" }), "süß und breit"),
	"a detached HEAD": () => {
		const path = fresh();
		gitIn(path, "checkout", "--quiet", "--detach");
		return path;
	},
	"a linked worktree": () => {
		const path = fresh();
		gitIn(path, "worktree", "add", "--quiet", `${path}-linked`, "-b", "linked");
		return `${path}-linked`;
	},
	"a link to a repository": () => {
		const path = fresh();
		symlinkSync(path, `${path}-link`);
		return `${path}-link`;
	},
	"a shallow clone": () => {
		const path = fresh();
		gitIn(folder, "clone", "--quiet", "--depth=1", `file://${path}`, `${path}-shallow`);
		return `${path}-shallow`;
	},
	"a repository whose .git lies elsewhere": () => {
		const path = `${fresh()}-apart`;
		gitIn(folder, "init", "--quiet", `--separate-git-dir=${path}.git`, path);
		writeIn(path, "a.txt", "one\n");
		gitIn(path, "add", "--all");
		gitIn(path, "commit", "--quiet", "--message", "first");
		return path;
	},
	"a tree with changes that are in no commit": () => {
		const path = fresh();
		writeIn(path, "a.txt", "mine\n");
		writeIn(path, "untracked.txt", "mine\n");
		return path;
	},
	"a submodule itself": () => {
		const outer = fresh();
		gitIn(outer, "submodule", "--quiet", "add", fresh(), "inner");
		return join(outer, "inner");
	},
	"hooks that refuse everything": () => {
		const path = fresh();
		for (const hook of ["pre-commit", "post-checkout", "reference-transaction", "commit-msg"]) {
			writeIn(path, `.git/hooks/${hook}`, "#!/bin/sh\nexit 1\n");
			execFileSync("chmod", ["+x", join(path, ".git/hooks", hook)]);
		}
		return path;
	},
	"signatures asked for by the config": () => {
		const path = fresh();
		gitIn(path, "config", "commit.gpgSign", "true");
		gitIn(path, "config", "gpg.program", "false");
		return path;
	},
	"nobody's name in the config": () => {
		const path = fresh();
		for (const name of ["user.name", "user.email"]) gitIn(path, "config", "--unset", name);
		gitIn(path, "config", "user.useConfigOnly", "true");
		return path;
	},
	"files by a filter, as those of LFS": () => {
		const path = fresh();
		gitIn(path, "config", "filter.upper.clean", "tr a-z A-Z");
		gitIn(path, "config", "filter.upper.smudge", "tr A-Z a-z");
		writeIn(path, ".gitattributes", "*.up filter=upper\n");
		writeIn(path, "big.up", "some text\n");
		gitIn(path, "add", "--all");
		gitIn(path, "commit", "--quiet", "--message", "filtered");
		return path;
	},
};

const {
	GIT_AUTHOR_NAME: _a,
	GIT_AUTHOR_EMAIL: _b,
	GIT_COMMITTER_NAME: _c,
	GIT_COMMITTER_EMAIL: _d,
	...NAMELESS
} = GIT_ENV;
/** As a hook, or a broken shell, would hand it on. */
const ENV = {
	...NAMELESS,
	GIT_DIR: "/nowhere",
	GIT_INDEX_FILE: "/nowhere/index",
	GIT_WORK_TREE: "/nowhere",
	GIT_EDITOR: "false",
	GIT_EXTERNAL_DIFF: "false",
	GIT_TRACE: "1",
};

describe("a task in", () => {
	test.each(Object.entries(USABLE))(
		"%s works on a branch of its own, and the place itself stays as it is",
		async (_, make) => {
			const cwd = make();
			const before = gitIn(cwd, "status", "--porcelain");
			const { worktree: spec } = await inspectRepository(cwd, worktrees, ENV);
			expect(spec.base).toBe(gitIn(cwd, "rev-parse", "HEAD"));
			const worktree = new Worktree({ id: "job", nonce: newNonce(), worktree: spec }, ENV);
			await makeWorktree(worktree);
			const place = join(worktree.path, spec.inside);
			expect(gitIn(place, "rev-parse", "--show-prefix")).toBe(gitIn(cwd, "rev-parse", "--show-prefix"));
			expect(gitIn(place, "status", "--porcelain")).toBe("");
			writeIn(place, "new.txt", "of the task\n");
			writeIn(place, ".dispatch/tasks/job/output.md", "no part of it\n");
			const { changes, left } = await saveWork(worktree, "start 1");
			expect({ ...changes, left }).toMatchObject({ files: 1, insertions: 1, deletions: 0, left: null });
			const names = gitIn(cwd, "diff", "--name-only", spec.base, "dispatch/job");
			expect(names.includes("new.txt")).toBe(true);
			expect(
				gitIn(cwd, "log", "-1", "--format=%(trailers:key=Dispatch-Task,valueonly)", "dispatch/job"),
			).toContain("job");
			expect(gitIn(place, "status", "--porcelain", "--untracked-files=no")).toBe("");
			expect(gitIn(cwd, "status", "--porcelain")).toBe(before);
			expect(locksIn(realpathSync(spec.repository)).filter((path) => !path.includes("modules"))).toEqual([]);
		},
	);
});

const REFUSED: Record<string, [() => string, RegExp]> = {
	"a directory in no repository": [
		() => {
			mkdirSync(join(folder, "plain"), { recursive: true });
			return join(folder, "plain");
		},
		/not a git repository/,
	],
	"a repository without a commit": [
		() => {
			gitIn(folder, "init", "--quiet", "empty");
			return join(folder, "empty");
		},
		/has no commit yet/,
	],
	"a bare repository": [
		() => {
			gitIn(folder, "init", "--quiet", "--bare", "bare.git");
			return join(folder, "bare.git");
		},
		/work tree/,
	],
	"the inside of .git": [() => join(fresh(), ".git"), /work tree/],
	"a subfolder that is in no commit": [
		() => {
			const path = fresh();
			writeIn(path, "new/b.txt", "x");
			return join(path, "new");
		},
		/nothing of new is in the commit/,
	],
	"a repository with submodules": [
		() => {
			const path = fresh();
			gitIn(path, "submodule", "--quiet", "add", fresh(), "inner");
			gitIn(path, "commit", "--quiet", "--message", "with one");
			return path;
		},
		/submodules/,
	],
	'a branch named "dispatch"': [
		() => {
			const path = fresh();
			gitIn(path, "branch", "dispatch");
			return path;
		},
		/git branch -m dispatch/,
	],
};

test.each(Object.entries(REFUSED))("%s is refused with the reason", async (_, [make, reason]) => {
	const cwd = make();
	const refusal = await inspectRepository(cwd, worktrees, ENV).catch((error: unknown) => error);
	expect(refusal).toMatchObject({ code: "DISPATCH_BAD_CWD" });
	expect((refusal as { inFull: string }).inFull).toMatch(reason);
});

test.each(["dispatch/job", "dispatch/job/x", "dispatch/job/x/y"])(
	"the branch %s takes the id",
	async (branch) => {
		const cwd = fresh();
		gitIn(cwd, "branch", branch);
		expect([...(await inspectRepository(cwd, worktrees, ENV)).taken]).toEqual(["job"]);
	},
);

test("a file by a filter is there as in the user's own tree, and committed as the filter wants it", async () => {
	const cwd = USABLE["files by a filter, as those of LFS"]?.() ?? "";
	const { worktree: spec } = await inspectRepository(cwd, worktrees, ENV);
	const worktree = new Worktree({ id: "filtered", nonce: newNonce(), worktree: spec }, ENV);
	await makeWorktree(worktree);
	expect(readFileSync(join(worktree.path, "big.up"), "utf8")).toBe("some text\n");
	writeIn(worktree.path, "more.up", "more\n");
	await saveWork(worktree, "start 1");
	expect(gitIn(cwd, "cat-file", "blob", "dispatch/filtered:more.up")).toBe("MORE");
});
