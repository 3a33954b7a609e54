/** An agent that makes files by the ten thousand, or large ones, where dispatch's git works: nobody else waits for what is done with them. */
import { execFileSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import { copyRegularFile } from "../../src/process/read-file.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { withOwnGit } from "../../src/workspace/own-git.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { GIT_ENV, writeIn } from "../git.ts";
import { filesOf, folder, onWorktreeOfItsOwn, setTheStage, worktree, worktrees } from "./stage.ts";

setTheStage();
beforeEach(onWorktreeOfItsOwn);

const MANY = 2_500;
/** Far fewer than there should be. */
const TURNS = 10;

function crowd(folder: string, count = MANY): void {
	mkdirSync(folder, { recursive: true });
	for (let n = 0; n < count; n++) writeFileSync(join(folder, `${n}`), "");
}

/** In how many states others see what `look` counts, until it is done. */
async function statesDuring(work: Promise<unknown>, look: () => number): Promise<number> {
	const seen = new Set<number>();
	let isDone = false;
	const done = work.finally(() => {
		isDone = true;
	});
	for (; !isDone; await turn()) seen.add(look());
	await done;
	return seen.size;
}

const namesIn = (path: string) => (existsSync(path) ? readdirSync(path).length : 0);

/** What is removed at which act. */
const REMOVED: Record<string, [() => string, () => Promise<unknown>]> = {
	"a folder in the place of a lock, at the next start": [
		() => join(worktree.adminDir, "index.lock"),
		() => makeWorktree(worktree),
	],
	"what looks like a git directory of a dead process, at the end": [
		() => `${worktree.path}.git-99999999-0badcafe`,
		() => saveWork(worktree, "start 1"),
	],
	"what looks like a git directory of a living one, with the task": [
		() => `${worktree.path}.git-${process.pid}-0badcafe`,
		() => removeWorktree(worktree, { force: true }),
	],
	"a folder in the place of the mark of the setup, with the task": [
		() => `${worktree.path}.setup`,
		() => removeWorktree(worktree, { force: true }),
	],
	"git's own part of the worktree": [
		() => join(worktree.adminDir, "crowd"),
		() => removeWorktree(worktree, { force: true }),
	],
};

test.each(Object.entries(REMOVED))("%s, is removed in turns", async (_, [at, act]) => {
	const path = at();
	crowd(path);
	expect(await statesDuring(act(), () => namesIn(path))).toBeGreaterThan(TURNS);
	expect(existsSync(path)).toBe(false);
});

/** Our own git directory of one act, without any git. */
function furnished(use: () => Promise<void>): Promise<void> {
	const { adminDir: gitDir, path: workTree, spec } = worktree;
	const paths = { gitDir, commonDir: spec.gitDir, workTree, indexFile: join(gitDir, "index") };
	return withOwnGit(workTree, { ...paths, head: null, config: [], env: GIT_ENV }, use);
}

test("a crowd beside what git has there is led to, and taken away again, in turns", async () => {
	crowd(worktree.adminDir);
	const own = () => readdirSync(worktrees).find((name) => name.includes(".git-"));
	const names = () => namesIn(join(worktrees, own() ?? "nothing"));
	expect(
		await statesDuring(
			furnished(async () => {}),
			names,
		),
	).toBeGreaterThan(2 * TURNS);
	expect(own()).toBeUndefined();
});

test("more of it than git can have is refused, and the work stays; the task can be removed", async () => {
	writeIn(worktree.path, "c.txt", "c\n");
	crowd(worktree.adminDir, 10_001);
	await expect(saveWork(worktree, "start 1")).rejects.toMatchObject({
		code: "DISPATCH_BAD_CWD",
		message: expect.stringMatching(/holds more than 10000 files/),
	});
	expect(existsSync(join(worktree.path, "c.txt"))).toBe(true);
	await removeWorktree(worktree, { force: true });
	expect(existsSync(worktree.adminDir)).toBe(false);
});

test("a link to nowhere beside git's own files, of either part, is in nobody's way", async () => {
	for (const path of [worktree.adminDir, worktree.spec.gitDir])
		symlinkSync("nowhere", join(path, "dangling"));
	writeIn(worktree.path, "c.txt", "c\n");
	await saveWork(worktree, "start 1");
	expect(filesOf()).toContain("c.txt");
});

test("an index larger than any is refused before a byte of it is read", async () => {
	const index = join(worktree.adminDir, "index");
	truncateSync(index, 800 * 1024 * 1024);
	await expect(saveWork(worktree, "start 1")).rejects.toMatchObject({
		code: "DISPATCH_BAD_CWD",
		message: expect.stringMatching(/is larger than 512 MiB/),
		hint: expect.stringContaining("Remove it"),
	});
	expect(readdirSync(worktree.adminDir).filter((name) => name.includes("dispatch-"))).toEqual([]);
});

test("a large file is copied in turns, without room for all of it", async () => {
	const large = join(folder, "large");
	writeFileSync(large, "begin");
	truncateSync(large, 24 * 1024 * 1024);
	const before = process.memoryUsage().arrayBuffers;
	const most: number[] = [];
	const look = () => {
		most.push(process.memoryUsage().arrayBuffers - before);
		return existsSync(`${large}.copy`) ? statSync(`${large}.copy`).size : 0;
	};
	expect(await statesDuring(copyRegularFile(large, `${large}.copy`, 2 ** 40), look)).toBeGreaterThan(TURNS);
	expect(readFileSync(`${large}.copy`).equals(readFileSync(large))).toBe(true);
	expect(Math.max(...most)).toBeLessThan(8 * 1024 * 1024);
});

test("what a file of an agent's holds is in no message as bytes that are no text", async () => {
	const index = join(worktree.adminDir, "index");
	const bytes = readFileSync(index);
	bytes.write("\xff\xfe\xfd\xfc", bytes.indexOf("TREE"), "latin1");
	writeFileSync(index, bytes);
	await expect(saveWork(worktree, "start 1")).rejects.toMatchObject({
		code: "DISPATCH_GIT",
		message: expect.not.stringContaining("\uFFFD"),
	});
});

test.each(["1 hour ago", "2099-01-01"])(
	"a lock of %s is left over: it goes at the next start",
	async (when) => {
		const lock = join(worktree.adminDir, "index.lock");
		writeFileSync(lock, "");
		execFileSync("touch", ["-d", when, lock]);
		await makeWorktree(worktree);
		expect(existsSync(lock)).toBe(false);
	},
);

test.each(["2 seconds ago", "2 seconds"])("a lock of %s is somebody's", async (when) => {
	const lock = join(worktree.adminDir, "index.lock");
	writeFileSync(lock, "");
	execFileSync("touch", ["-d", when, lock]);
	await expect(makeWorktree(worktree)).rejects.toMatchObject({ code: "DISPATCH_GIT" });
	expect(existsSync(lock)).toBe(true);
});
