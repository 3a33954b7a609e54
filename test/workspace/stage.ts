/** A worktree of a task, anew for each test: in a repository that all share, or in one of the test's own. */
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll } from "vitest";
import { newNonce } from "../../src/queue/records/store.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository, writeIn } from "../git.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export let folder: string;
export let shared: string;
export let worktrees: string;
export let number: number;
export let repository: string;
export let id: string;
export let branch: string;
export let worktree: Worktree;

/** Before the tests of the file that calls it. */
export function setTheStage(): void {
	beforeAll(() => {
		folder = temporaryFolder("work");
		worktrees = join(folder, "worktrees");
		shared = join(folder, "shared");
		number = 0;
		newRepository(shared);
	});
}

export function newRepository(path: string): void {
	makeRepository(path, { "a.txt": "one\n", "b.txt": "two\n", ".gitignore": "ignored\n" });
}

export async function onWorktreeOf(path: string): Promise<void> {
	number += 1;
	repository = path;
	id = `job${number}`;
	branch = `dispatch/${id}`;
	worktree = await submitted(id);
	await makeWorktree(worktree);
}

/** Its config is no other test's. */
export async function onWorktreeOfItsOwn(): Promise<void> {
	const own = join(folder, `own${number}`);
	newRepository(own);
	await onWorktreeOf(own);
}

export async function submitted(id: string): Promise<Worktree> {
	const { worktree: spec } = await inspectRepository(repository, worktrees, GIT_ENV);
	return new Worktree({ id, nonce: newNonce(), worktree: spec }, GIT_ENV);
}

export const there = (...args: string[]) => gitIn(worktree.path, ...args);
export const commitThere = (name: string) => {
	writeIn(worktree.path, name, `${name}\n`);
	there("add", "--all");
	there("commit", "--quiet", "--message", name);
};
/** Names of the files on the branch, and the subjects of its commits. */
export const filesOf = () => gitIn(repository, "ls-tree", "-r", "--name-only", branch).split("\n");
export const subjects = () => gitIn(repository, "log", "--format=%s", branch).split("\n");

/** @returns a program, and whether it ran */
export function marking(): { program: string; ran: () => boolean } {
	const mark = join(folder, `ran${number}`);
	const program = join(folder, `program${number}`);
	writeFileSync(program, `#!/bin/sh\n: >${mark}\ncat\n`);
	chmodSync(program, 0o755);
	return { program, ran: () => existsSync(mark) };
}
