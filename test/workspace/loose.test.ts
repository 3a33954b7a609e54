/** Commits to which only a worktree's own part of the repository leads: they would go with it. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { saveWork } from "../../src/workspace/commit.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { writeIn } from "../git.ts";
import {
	branch,
	commitThere,
	onWorktreeOfItsOwn,
	repository,
	setTheStage,
	there,
	worktree,
} from "./stage.ts";

setTheStage();
beforeEach(onWorktreeOfItsOwn);

const back = () => there("checkout", "--quiet", branch);

/** On a HEAD that is no branch. */
function detached(name = "c.txt"): string {
	there("checkout", "--quiet", "--detach");
	commitThere(name);
	return there("rev-parse", "HEAD");
}

/** Checked out as `git fetch origin pull/7/head && git checkout FETCH_HEAD` does. */
function fetched(from = "https://host.example/project"): void {
	const commit = made();
	writeIn(worktree.adminDir, "FETCH_HEAD", `${commit}\tnot-for-merge\t'refs/pull/7/head' of ${from}\n`);
	there("checkout", "--quiet", "--detach", commit);
}

/** Nothing leads to it. */
const made = () => there("commit-tree", "-m", "made", "-p", "HEAD", "HEAD^{tree}");

function heldBy(ref: string): () => string {
	return () => {
		const commit = made();
		there("update-ref", ref, commit);
		return commit;
	};
}

function writtenIn(file: string): () => string {
	return () => {
		const commit = made();
		writeIn(worktree.adminDir, file, `${commit}\n`);
		return commit;
	};
}

/** @returns the commit; the files are as their branch has them */
const LOOSE: Record<string, () => string> = {
	"is checked out": detached,
	"was checked out, before the agent went back to its branch": () => {
		const commit = detached();
		back();
		return commit;
	},
	"was checked out, before the agent went on elsewhere": () => {
		const commit = detached();
		there("checkout", "--quiet", "--detach", branch);
		detached("d.txt");
		there("checkout", "--quiet", "-b", "kept");
		back();
		return commit;
	},
	"a rebase under way has stashed": () => {
		commitThere("c.txt");
		writeIn(worktree.path, "a.txt", "mine\n");
		const edit = ["-c", "sequence.editor=sed -i s/^pick/edit/"];
		there(...edit, "rebase", "--quiet", "--autostash", "--interactive", "HEAD~1");
		return readFileSync(join(worktree.adminDir, "rebase-merge/autostash"), "utf8").trim();
	},
	"a ref of the worktree's own holds": heldBy("refs/worktree/kept"),
	"a bisection holds": heldBy("refs/bisect/bad"),
	"was fetched from a repository on this machine": () => {
		const commit = detached();
		there("fetch", "--quiet", repository, "HEAD");
		writeIn(worktree.adminDir, "FETCH_HEAD", `${commit}\t\tbranch 'x' of ${repository}\n`);
		return commit;
	},
	"only a stash holds besides": () => {
		const commit = detached();
		there("update-ref", "refs/stash", commit);
		return commit;
	},
	"was made on top of what was fetched": () => {
		fetched();
		commitThere("d.txt");
		const commit = there("rev-parse", "HEAD");
		back();
		return commit;
	},
	"a merge under way has stashed": writtenIn("MERGE_AUTOSTASH"),
	"is being picked": writtenIn("CHERRY_PICK_HEAD"),
	"a rebase began at": writtenIn("rebase-merge/orig-head"),
	"a series of patches began at": writtenIn("rebase-apply/orig-head"),
};

describe.each(Object.entries(LOOSE))("a commit that %s keeps the worktree", (_, act) => {
	test.each(["as it is", "also without its files"])(
		"%s, until a branch holds it, or by force",
		async (how) => {
			const commit = act();
			if (how === "also without its files") rmSync(worktree.path, { recursive: true });
			const removal = () => removeWorktree(worktree, { force: false });
			await expect(removal()).rejects.toMatchObject({
				code: "DISPATCH_UNSAVED_WORK",
				message: expect.stringContaining(`the commit ${commit.slice(0, 7)}, which is on no branch`),
				hint: expect.stringContaining(`git branch NAME COMMIT) in ${worktree.spec.repository}`),
			});
			expect(existsSync(worktree.adminDir)).toBe(true);
			await worktree.runThere(["branch", "holder", commit]);
			await removal();
			expect(existsSync(worktree.adminDir)).toBe(false);
		},
	);
});

test("by force it goes with the commits that only it leads to", async () => {
	detached();
	await removeWorktree(worktree, { force: true });
	expect(existsSync(worktree.adminDir)).toBe(false);
});

/** What was given up, or is held: no more than git would keep it for. */
const NOT_LOOSE: Record<string, () => void> = {
	"amended its commit": () => {
		commitThere("c.txt");
		there("commit", "--quiet", "--amend", "--message", "again");
	},
	"reset its branch": () => {
		commitThere("c.txt");
		there("reset", "--hard", "--quiet", "HEAD~1");
	},
	"rebased its branch": () => {
		commitThere("c.txt");
		commitThere("d.txt");
		there("-c", "sequence.editor=sed -i 1s/^pick/drop/", "rebase", "--quiet", "--interactive", "HEAD~2");
	},
	"made a branch of what it had detached": () => {
		detached();
		there("checkout", "--quiet", "-b", "kept");
		back();
	},
	"looked at what it had fetched": () => {
		fetched();
		back();
	},
	"looked at what it had fetched by ssh": () => {
		fetched("git@host.example:project");
		back();
	},
	"looked at what another ref of the repository holds": () => {
		heldBy("refs/pull/7/head")();
		there("checkout", "--quiet", "--detach", "refs/pull/7/head");
		back();
	},
	"looked at an older commit": () => {
		commitThere("c.txt");
		there("checkout", "--quiet", "--detach", "HEAD~1");
		back();
	},
};

test.each(Object.entries(NOT_LOOSE))("an agent that %s leaves none", async (_, act) => {
	act();
	await saveWork(worktree, "start 1");
	await removeWorktree(worktree, { force: false });
	expect(existsSync(worktree.path)).toBe(false);
});

test("a log of HEAD that cannot be read keeps the worktree: nobody can tell what it leads to", async () => {
	const log = join(worktree.adminDir, "logs/HEAD");
	rmSync(log);
	mkdirSync(log);
	await expect(removeWorktree(worktree, { force: false })).rejects.toMatchObject({
		code: "DISPATCH_UNSAVED_WORK",
		message: expect.stringContaining(log),
	});
});
