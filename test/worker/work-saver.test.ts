/** Work that cannot be looked at for a moment is saved at a later look: no save is given up by one failure. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { WorkSaver } from "../../src/worker/workspace.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { worktreeOf } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository, writeIn } from "../git.ts";
import { holdShut } from "../leased.ts";
import { monitorStage } from "../monitor/stage.ts";
import { HOST, runningTask } from "../queue/records/store-support.ts";

const stage = monitorStage();

test.each([
	["what is kept beside the worktree", (path: string) => `${path}.json`],
	["the key by which the task is known as our own", (_: string, home: string) => join(home, "signing-key")],
])("%s, held shut by somebody while the work is to be saved", async (_, fileOf) => {
	const { store, home } = stage();
	const repository = join(home, "repository");
	makeRepository(repository);
	const { worktree: spec } = await inspectRepository(repository, join(home, "worktrees"), GIT_ENV);
	const orders = new Orders(home, store.namespace);
	await runningTask(store, "t", { worktree: spec, host: HOST }, orders);
	const record = await store.need("t");
	const worktree = worktreeOf(record.spec, GIT_ENV);
	if (worktree === null) throw new Error("it has no worktree");
	await makeWorktree(worktree);
	writeIn(worktree.path, "work.txt", "x\n");
	const saver = new WorkSaver({ store, orders: new Orders(home, store.namespace), env: GIT_ENV });
	const { letGo } = await holdShut([fileOf(worktree.path, home)]);
	await expect(saver.save(record)).rejects.toThrow("EAGAIN");
	await letGo();
	await expect.poll(() => saver.save(record)).toMatchObject({ kind: "saved", left: null });
	expect(gitIn(repository, "ls-tree", "-r", "--name-only", "dispatch/t")).toContain("work.txt");
	expect(saver.size).toBe(0);
});
