/** The file beside a worktree that says whose it is, and whether it is whole, damaged: no work is deleted for it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { writeIn } from "../git.ts";
import { filesOf, onWorktreeOfItsOwn, setTheStage, submitted, there, worktree } from "./stage.ts";

setTheStage();
beforeEach(async () => {
	await onWorktreeOfItsOwn();
	writeIn(worktree.path, "c.txt", "c\n");
});

const seal = (isWhole: boolean) => `sealed ${isWhole}`;
const facts = () => `${worktree.path}.json`;
const change = (changes: object) => {
	const told = JSON.parse(readFileSync(facts(), "utf8"));
	writeFileSync(facts(), JSON.stringify({ ...told, ...changes }));
};

const DAMAGE: Record<string, () => void> = {
	"is gone": () => rmSync(facts()),
	"is empty": () => writeFileSync(facts(), ""),
	"is cut short": () => writeFileSync(facts(), readFileSync(facts(), "utf8").slice(0, 40)),
	"is of another shape": () => writeFileSync(facts(), "[]"),
	"is another task's": () => change({ task: "other" }),
	"says that it is not whole, unsealed": () => change({ isWhole: false }),
	"says that it is not whole, by the seal of an earlier version": () =>
		change({ isWhole: false, seal: seal(true) }),
};

describe.each(Object.entries(DAMAGE))("what is kept beside it %s:", (_, damage) => {
	test("the next start deletes nothing of it, and says what to do", async () => {
		damage();
		await expect(makeWorktree(worktree, seal)).rejects.toMatchObject({
			code: "DISPATCH_BAD_CWD",
			message: expect.stringContaining(facts()),
			hint: expect.stringContaining(`git worktree remove --force ${worktree.path}`),
		});
		expect(existsSync(join(worktree.path, "c.txt"))).toBe(true);
		there("worktree", "remove", "--force", worktree.path);
		await makeWorktree(worktree, seal);
		expect(existsSync(join(worktree.path, "c.txt"))).toBe(false);
	});

	test("a removal deletes no work of it unless by force", async () => {
		damage();
		const refused = { code: "DISPATCH_UNSAVED_WORK", message: expect.stringContaining("c.txt") };
		await expect(removeWorktree(worktree, { force: false })).rejects.toMatchObject(refused);
		await removeWorktree(worktree, { force: true });
		expect(existsSync(worktree.path)).toBe(false);
	});
});

/** Who noted that it is half made, and is not believed: no seal of this one stands there. */
const UNBELIEVED: Record<string, () => void> = {
	"an earlier version, sealed as one that is whole": () => change({ isWhole: false, seal: seal(true) }),
	"an earlier version, unsealed": () => change({ isWhole: false, seal: null }),
	"this one, before its key was lost": () => change({ isWhole: false, seal: "by another key" }),
	"nobody can tell who": () => rmSync(facts()),
};

/** How far git had got. It writes its index after all files. */
const HALF: Record<string, () => void> = {
	"before the first file": () => {
		for (const name of ["a.txt", "b.txt", ".gitignore"]) rmSync(join(worktree.path, name));
		rmSync(worktree.index);
	},
	"after some of its files": () => {
		rmSync(join(worktree.path, "a.txt"));
		rmSync(worktree.index);
	},
	"in the middle of a file": () => {
		writeFileSync(join(worktree.path, "a.txt"), "o");
		rmSync(worktree.index);
	},
	"after all of it": () => {},
};

describe.each(Object.entries(UNBELIEVED))("half made, as %s noted,", (_, noted) => {
	beforeEach(() => rmSync(join(worktree.path, "c.txt")));

	test.each(Object.entries(HALF))("when git was ended %s: it is made anew", async (_, end) => {
		noted();
		end();
		await makeWorktree(worktree, seal);
		expect(worktree.facts()).toMatchObject({ isWhole: true, seal: seal(true) });
		expect(there("status", "--porcelain")).toBe("");
	});

	test.each(Object.entries(HALF))("when git was ended %s: it goes unasked", async (_, end) => {
		noted();
		end();
		await removeWorktree(worktree, { force: false });
		expect(existsSync(worktree.path)).toBe(false);
	});

	/** What git has not made, by the file that is named. */
	const WORK: Record<string, () => void> = {
		"c.txt": () => writeIn(worktree.path, "c.txt", "c\n"),
		"a.txt": () => writeIn(worktree.path, "a.txt", "on\ne"),
		"b.txt": () => writeIn(worktree.path, "b.txt", "two\nand more\n"),
		ignored: () => writeIn(worktree.path, "ignored", "built\n"),
		".dispatch/": () => writeIn(worktree.path, ".dispatch/tasks/job/plan.md", "- [ ] all\n"),
		"on no branch": () => {
			there("checkout", "--quiet", "--detach");
			there("commit", "--quiet", "--allow-empty", "--message", "mine");
		},
	};

	test.each(Object.entries(WORK))(
		"but with work in it (%s) it stays, however far git was",
		async (name, put) => {
			put();
			noted();
			rmSync(worktree.index);
			const made = makeWorktree(worktree, seal);
			await expect(made).rejects.toMatchObject({
				code: "DISPATCH_BAD_CWD",
				message: expect.stringContaining(name),
			});
		},
	);
});

test("one that nothing is kept beside is saved all the same", async () => {
	rmSync(facts());
	expect(worktree.isUsed).toBe(true);
	await saveWork(worktree, "start 1");
	expect(filesOf()).toContain("c.txt");
});

test("one of which this host has sealed that it is not whole is made anew, and removed though its files are missing", async () => {
	const next = await submitted("next");
	await makeWorktree(next, seal);
	writeFileSync(`${next.path}.json`, JSON.stringify({ ...next.facts(), isWhole: false, seal: seal(false) }));
	rmSync(join(next.path, "a.txt"));
	await makeWorktree(next, seal);
	expect([next.facts()?.seal, existsSync(join(next.path, "a.txt"))]).toEqual([seal(true), true]);
	writeFileSync(`${next.path}.json`, JSON.stringify({ ...next.facts(), isWhole: false, seal: seal(false) }));
	rmSync(join(next.path, "a.txt"));
	await removeWorktree(next, { force: false });
	expect(existsSync(next.path)).toBe(false);
});
