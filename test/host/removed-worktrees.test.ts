/** The worktree of a removed task: git may hang over it, and all else of the task, and every other one, goes on. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { createTaskDir, taskDirSpec } from "../../src/ipc/task-dir.ts";
import { worktreesOf } from "../../src/task/worktree.ts";
import { processesOf } from "../processes.ts";
import { HOST } from "../queue/records/store-support.ts";
import {
	BARS,
	type Bar,
	barRuns,
	COPY,
	HOUR_MS,
	setTheStage,
	stage,
	store,
	withWorktree,
} from "./removal-stage.ts";

setTheStage();

const PARTS: [string, Bar][] = [
	...BARS,
	[
		"the lock of its worktree",
		(home) => {
			const [name] = readdirSync(worktreesOf(home)).filter((each) => each.endsWith(".json"));
			const path = join(worktreesOf(home), `${name?.slice(0, -5)}.lock`);
			rmSync(path, { force: true });
			mkdirSync(path);
			return () => rmSync(path, { recursive: true });
		},
	],
];

test.each(PARTS)(
	"%s cannot be looked at: all else of the removed task is cleared at once",
	async (what, bar) => {
		const here = stage();
		const { worktree, directory } = await withWorktree(here, "first");
		await here.remove("first");
		const left = () => {
			const parts = {
				"the directory of its starts": join(here.home, "runs", "first"),
				"the directory of all tasks of its project": directory,
				"the lock of its worktree": worktree.path,
			};
			return Object.entries(parts).flatMap(([name, path]) => (existsSync(path) ? [name] : []));
		};
		const open = bar(here.home);
		expect(await here.clear()).toBe(0);
		await here.ended();
		open();
		// Its starts tell the places: they stay as long as one of these does.
		expect(left()).toEqual([
			...new Set([...(what.includes("project") ? ["the directory of its starts"] : []), what]),
		]);
		// On a busy machine a pass may end before it does.
		await expect.poll(here.clear).toBe(1);
		expect(left()).toEqual([]);
	},
);

test("a removed task over whose worktree git hangs keeps no other from being cleared, and is begun once; a stop ends its git", async () => {
	const here = stage();
	const hanging = await withWorktree(here, "first");
	hanging.touch();
	const others = [];
	for (const id of ["second", "third"]) {
		const record = await here.enqueue(id);
		others.push({ record, directory: await createTaskDir(here.home, taskDirSpec(record, store.namespace)) });
	}
	await here.remove("first");
	for (const { record, directory } of others) {
		await here.remove(record.spec.id);
		expect(await here.clear()).toBe(1);
		expect(existsSync(directory)).toBe(false);
		expect(here.orders.refusal(record)).toMatchObject(COPY);
	}
	await expect.poll(hanging.hung).toBe(1);
	expect(existsSync(hanging.directory)).toBe(false);
	expect(await store.client.llen(store.keys.removed(HOST))).toBe(1);
	await here.stop();
	expect(processesOf(dirname(hanging.worktree.path))).toEqual([]);
	expect(existsSync(hanging.worktree.path)).toBe(true);
	// The next worker looks again.
	expect(await here.clear()).toBe(0);
	expect(await store.client.llen(store.keys.removed(HOST))).toBe(1);
	expect(here.told).toEqual([expect.stringMatching(/^first removal/)]);
});

test("a start spends the orders of removed tasks without waiting for their worktrees", async () => {
	const here = stage();
	const hanging = await withWorktree(here, "first");
	hanging.touch();
	await here.remove("first");
	await here.spend();
	expect(hanging.hung()).toBe(0);
	expect(here.orders.refusal(hanging.record)).toMatchObject(COPY);
	expect(await store.client.llen(store.keys.removed(HOST))).toBe(1);
});

test("git that is too slow over a removed task's worktree is tried again later, for longer, and that is told once", async () => {
	const here = stage();
	const { worktree, directory, touch, letGo, hung } = await withWorktree(here, "first");
	touch();
	await here.remove("first");
	const clear = () => here.clear({ gitLimitMs: 500 });
	await expect.poll(async () => [await clear(), here.told.length]).toEqual([0, 1]);
	for (let pass = 0; pass < 3; pass++) expect(await clear()).toBe(0);
	expect(hung()).toBe(1);
	here.clock.ms += 60_000;
	await expect.poll(async () => [await clear(), hung()]).toEqual([0, 2]);
	await here.ended();
	for (let pass = 0; pass < 3; pass++) expect(await clear()).toBe(0);
	// The pause has grown.
	here.clock.ms += 60_000;
	expect([await clear(), hung()]).toEqual([0, 2]);
	letGo();
	writeFileSync(join(worktree.path, "a.in"), "one\n");
	here.clock.ms += 60_000;
	await expect.poll(clear).toBe(1);
	expect(here.told).toEqual(["first removal"]);
	expect([worktree.path, directory].map((path) => existsSync(path))).toEqual([false, false]);
	expect(processesOf(dirname(worktree.path))).toEqual([]);
});

test("git that is too slow over it for a day is left alone: it stays, which is told", async () => {
	const here = stage();
	const { worktree, touch } = await withWorktree(here, "first");
	touch();
	await here.remove("first");
	// Longer than a pass waits: it is under way, and then has failed.
	const clear = () => here.clear({ gitLimitMs: 2_500 });
	await expect.poll(async () => [await clear(), here.told.length]).toEqual([0, 1]);
	here.clock.ms += 24 * HOUR_MS;
	await expect.poll(clear).toBe(1);
	expect(here.told).toEqual(["first removal", "first removal, tried for a day"]);
	expect(existsSync(worktree.path)).toBe(true);
});

test("a FIFO over which git would hang for ever is not tried again: the worktree stays, which is told once", async () => {
	const here = stage();
	const { worktree, directory } = await withWorktree(here, "first");
	const path = join(worktree.path, ".gitignore");
	execFileSync("mkfifo", [path]);
	await here.remove("first");
	// Something else keeps its notice.
	const open = barRuns(here.home, "first");
	await expect.poll(async () => [await here.clear(), here.told.length]).toEqual([0, 2]);
	for (let pass = 0; pass < 3; pass++) expect(await here.clear()).toBe(0);
	open();
	await expect.poll(here.clear).toBe(1);
	expect(here.told.sort()).toEqual(["first removal", "first worktree"]);
	expect([worktree.path, directory].map((path) => existsSync(path))).toEqual([true, false]);
});
