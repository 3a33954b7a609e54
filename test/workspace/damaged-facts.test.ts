/** The file beside a worktree that says whose it is, and whether it is whole, damaged: no work is deleted for it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { saveWork } from "../../src/workspace/commit.ts";
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
	"says that it is not whole, by the seal of a whole one": () => change({ isWhole: false, seal: seal(true) }),
};

describe.each(Object.entries(DAMAGE))("what is kept beside it %s:", (_, damage) => {
	test("the next start deletes nothing of it, and says what to do", async () => {
		damage();
		await expect(worktree.make(seal)).rejects.toMatchObject({
			code: "DISPATCH_BAD_CWD",
			message: expect.stringContaining(facts()),
			hint: expect.stringContaining(`git worktree remove --force ${worktree.path}`),
		});
		expect(existsSync(join(worktree.path, "c.txt"))).toBe(true);
		there("worktree", "remove", "--force", worktree.path);
		await worktree.make(seal);
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

test("one that nothing is kept beside is saved all the same", async () => {
	rmSync(facts());
	expect(worktree.isUsed).toBe(true);
	await saveWork(worktree, "start 1");
	expect(filesOf()).toContain("c.txt");
});

test("one of which this host has sealed that it is not whole is made anew, and removed though its files are missing", async () => {
	const next = await submitted("next");
	await next.make(seal);
	writeFileSync(`${next.path}.json`, JSON.stringify({ ...next.facts(), isWhole: false, seal: seal(false) }));
	rmSync(join(next.path, "a.txt"));
	await next.make(seal);
	expect([next.facts()?.seal, existsSync(join(next.path, "a.txt"))]).toEqual([seal(true), true]);
	writeFileSync(`${next.path}.json`, JSON.stringify({ ...next.facts(), isWhole: false, seal: seal(false) }));
	rmSync(join(next.path, "a.txt"));
	await removeWorktree(next, { force: false });
	expect(existsSync(next.path)).toBe(false);
});
