/** Whatever an agent puts where git, or dispatch itself, reads a file: the work is kept, the reason is told, and no git is left. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { saveWork } from "../../src/workspace/commit.ts";
import { changedFiles } from "../../src/workspace/diff.ts";
import { writeIn } from "../git.ts";
import { processesOf } from "../processes.ts";
import { filesOf, folder, onWorktreeOfItsOwn, repository, setTheStage, there, worktree } from "./stage.ts";

setTheStage();
beforeAll(async () => {
	await onWorktreeOfItsOwn();
	writeIn(worktree.path, "sub/c.txt", "c\n");
});

const inTree = (name: string): [string, () => string] => [name, () => join(worktree.path, name)];
const inRepository = (name: string): [string, () => string] => [
	`.git/${name}`,
	() => join(repository, ".git", name),
];
const inAdminDir = (name: string): [string, () => string] => [
	`.git/worktrees/…/${name}`,
	() => join(worktree.adminDir, name),
];

const PLACES: [string, () => string][] = [
	...[".gitignore", "sub/.gitattributes"].map(inTree),
	...["config", "HEAD", "packed-refs", "info/exclude", "objects/info/alternates"].map(inRepository),
	[".git/refs/heads/dispatch/…", () => join(repository, ".git/refs/heads/dispatch", worktree.task)],
	...["HEAD", "commondir", "index"].map(inAdminDir),
];

/** Its file comes back afterwards, if there was one. */
async function behindFifo(path: string, work: () => Promise<void>): Promise<void> {
	mkdirSync(dirname(path), { recursive: true });
	if (existsSync(path)) renameSync(path, `${path}.aside`);
	execFileSync("mkfifo", [path]);
	await work();
	rmSync(path);
	if (existsSync(`${path}.aside`)) renameSync(`${path}.aside`, path);
}

const REFUSAL = {
	code: expect.stringMatching(/^DISPATCH_(GIT_ENDED|BAD_CWD)$/),
	message: expect.stringMatching(/wait for ever on a FIFO|is a FIFO/),
};

async function expectKept(): Promise<void> {
	await expect(saveWork(worktree, "start 1")).rejects.toMatchObject(REFUSAL);
	expect(processesOf(folder)).toEqual([]);
	expect(existsSync(join(worktree.path, "sub/c.txt"))).toBe(true);
}

test.each(PLACES)(
	"a FIFO as %s: the work is not committed, but kept, and git neither hangs nor stays",
	async (_, at) => {
		await behindFifo(at(), expectKept);
	},
);

test("a FIFO that a config names: likewise, also for a look; once all of them are gone, the work is committed", async () => {
	const named = join(repository, "named");
	there("config", "core.excludesFile", named);
	await behindFifo(named, async () => {
		await expectKept();
		await expect(changedFiles(worktree)).rejects.toMatchObject(REFUSAL);
	});
	await saveWork(worktree, "start 1");
	expect(filesOf()).toContain("sub/c.txt");
});
