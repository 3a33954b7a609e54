/** What an agent writes into the file that is kept beside its worktree: whoever removes the task obeys it in nothing. */
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { removeTask } from "../../src/actions/remove.ts";
import { Orders } from "../../src/config/orders.ts";
import { Clearings } from "../../src/host/clearings.ts";
import { clearRemovals } from "../../src/host/removals.ts";
import { StuckRemovals } from "../../src/host/stuck-removals.ts";
import { RunQueues } from "../../src/queue/jobs/run-queue.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { Serial } from "../../src/task/serial.ts";
import { programsIn, readConfig } from "../../src/workspace/config.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { worktreeOf } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository, writeIn } from "../git.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

let redis: TestRedis;
let store: Store;
let queues: RunQueues;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
	queues = new RunQueues(store);
});
afterEach(() => store.client.flushall());
afterAll(async () => {
	await queues?.stop();
	await store?.close();
	await redis?.stop();
});

/** An ended task whose agent named a program in the config, and its digest beside its worktree. */
async function stage(isSealed = true) {
	const home = temporaryFolder("wf");
	const cwd = join(home, "r");
	makeRepository(cwd);
	const orders = new Orders(home, store.namespace);
	const { worktree: found } = await inspectRepository(cwd, join(home, "worktrees"), GIT_ENV);
	const spec = specOf("victim", { nonce: orders.newNonce(), cwd, worktree: found });
	await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	await store.cancel("victim", "me");
	const worktree = worktreeOf(spec, GIT_ENV);
	if (worktree === null) throw new Error("it has a worktree");
	await makeWorktree(worktree, (isWhole) =>
		isSealed ? orders.seal({ ...spec, worktree: found }, isWhole) : null,
	);
	const facts = `${worktree.path}.json`;
	const change = (changes: object) => {
		const told = JSON.parse(readFileSync(facts, "utf8"));
		writeFileSync(facts, JSON.stringify({ ...told, worktree: { ...told.worktree, ...changes } }));
	};
	const mark = join(home, "ran");
	const program = join(home, "program");
	writeFileSync(program, `#!/bin/sh\n: >${mark}\ncat\n`);
	chmodSync(program, 0o755);
	/** in this repository */
	const plant = async (path: string) => {
		gitIn(path, "config", "filter.x.clean", program);
		writeIn(path, ".git/info/attributes", "* filter=x\n");
		return programsIn(await readConfig({ place: null, cwd: path, env: GIT_ENV }));
	};
	writeIn(worktree.path, "a.txt", "changed\n");
	const held = new StuckRemovals();
	const serial = new Serial();
	const clearings = new Clearings();
	const deps = { store, home, host: HOST, queues, orders, serial, held, clearings, env: GIT_ENV, graceMs: 0 };
	const faults: string[] = [];
	const fault = (_task: string, _step: string, error: unknown) => faults.push(String(error));
	const place = { path: home, hostId: HOST, env: GIT_ENV };
	const remove = async () => removeTask(store, { id: "victim", record: await store.need("victim") }, place);
	return {
		cwd,
		home,
		worktree,
		facts,
		change,
		changeRecord: async (changes: object, hasSignature: boolean) => {
			const told = JSON.stringify({ ...spec, worktree: { ...found, ...changes } });
			await store.client.hset(store.keys.task("victim"), "spec", told);
			if (!hasSignature) await store.client.hset(store.keys.task("victim"), "signature", "");
		},
		plant,
		remove,
		/** as from another machine */
		removeThere: async () => {
			await store.remove("victim");
			await clearRemovals({ ...deps, fault });
			await clearings.ended();
			return faults;
		},
		hasRun: () => existsSync(mark),
	};
}

const REFUSED = /names other programs .* dispatch runs none of them/;

test.each([true, false])("the digest of its own filter: rm runs none (sealed: %s)", async (isSealed) => {
	const { cwd, worktree, change, plant, remove, hasRun } = await stage(isSealed);
	change({ programs: await plant(cwd) });
	await expect(remove()).rejects.toMatchObject({ message: expect.stringMatching(REFUSED) });
	expect([hasRun(), existsSync(worktree.path)]).toEqual([false, true]);
});

test.each([true, false])(
	"the same, as the task was removed from another machine: its host runs none (sealed: %s)",
	async (isSealed) => {
		const { cwd, worktree, change, plant, removeThere, hasRun } = await stage(isSealed);
		change({ programs: await plant(cwd) });
		expect(await removeThere()).toEqual([expect.stringMatching(REFUSED)]);
		expect([hasRun(), existsSync(worktree.path)]).toEqual([false, true]);
	},
);

test("another repository, with a branch of the same name: it is left alone", async () => {
	const { cwd, home, worktree, change, remove, hasRun } = await stage();
	const other = join(home, "other");
	makeRepository(other);
	gitIn(other, "branch", "dispatch/victim");
	change({ gitDir: join(other, ".git") });
	rmSync(join(worktree.path, "a.txt"));
	writeIn(worktree.path, "a.txt", "one\n");
	expect(await remove()).toEqual({ task: "victim", fault: null });
	expect(gitIn(other, "branch", "--list", "dispatch/victim")).toContain("dispatch/victim");
	expect(gitIn(cwd, "branch", "--list", "dispatch/victim")).toBe("");
	expect(hasRun()).toBe(false);
});

test.each([true, false])(
	"another folder, with the same files in it: it is left alone (sealed: %s)",
	async (isSealed) => {
		const { home, worktree, change, removeThere } = await stage(isSealed);
		const other = join(home, "other");
		const copy = join(other, basename(worktree.path));
		writeIn(worktree.path, "a.txt", "one\n");
		cpSync(worktree.path, copy, { recursive: true });
		change({ folder: other });
		expect(await removeThere()).toEqual([]);
		expect([copy, worktree.path].map((path) => existsSync(path))).toEqual([true, false]);
	},
);

/** Somebody who can write to Redis changes the record; the signature stands there still, or none. */
const UNSIGNED = [true, false].flatMap((isSealed) =>
	[true, false].map((hasSignature) => [isSealed, hasSignature] as const),
);

test.each(UNSIGNED)(
	"an unsigned record that names the digest of its own filter: rm runs none (sealed: %s, a signature: %s)",
	async (isSealed, hasSignature) => {
		const { cwd, worktree, changeRecord, plant, remove, hasRun } = await stage(isSealed);
		await changeRecord({ programs: await plant(cwd) }, hasSignature);
		await expect(remove()).rejects.toMatchObject({ message: expect.stringMatching(REFUSED) });
		expect([hasRun(), existsSync(worktree.path)]).toEqual([false, true]);
	},
);

test.each(UNSIGNED)(
	"an unsigned record that names another repository: rm leaves that alone (sealed: %s, a signature: %s)",
	async (isSealed, hasSignature) => {
		const { cwd, home, worktree, changeRecord, remove } = await stage(isSealed);
		const other = join(home, "other");
		makeRepository(other);
		gitIn(other, "branch", "dispatch/victim");
		writeIn(worktree.path, "a.txt", "one\n");
		await changeRecord({ gitDir: join(other, ".git") }, hasSignature);
		expect(await remove()).toEqual({ task: "victim", fault: null });
		expect(gitIn(other, "branch", "--list", "dispatch/victim")).toContain("dispatch/victim");
		expect(gitIn(cwd, "branch", "--list", "dispatch/victim")).toBe("");
	},
);

test.each(["", "{}"])(
	"damaged (%j): rm goes by the signed record, and keeps what is in no commit",
	async (text) => {
		const { worktree, facts, remove } = await stage();
		writeFileSync(facts, text);
		const unsaved = { code: "DISPATCH_UNSAVED_WORK", message: expect.stringContaining("a.txt") };
		await expect(remove()).rejects.toMatchObject(unsaved);
		writeIn(worktree.path, "a.txt", "one\n");
		expect(await remove()).toEqual({ task: "victim", fault: null });
		expect(existsSync(worktree.path)).toBe(false);
	},
);

test("damaged, of a record that nobody has signed, or removed from another machine: it stays, which is said", async () => {
	const { worktree, facts, remove } = await stage();
	writeFileSync(facts, "");
	await store.client.hset(store.keys.task("victim"), "signature", "");
	expect((await remove()).fault).toContain(`It stays: ${worktree.path}`);
	await store.client.flushall();
	const there = await stage();
	writeFileSync(there.facts, "");
	expect(await there.removeThere()).toEqual([expect.stringContaining(`It stays: ${there.worktree.path}`)]);
	expect([worktree, there.worktree].map(({ path }) => existsSync(join(path, "a.txt")))).toEqual([true, true]);
});

test("what this host has sealed, and what an earlier version wrote, is removed as before", async () => {
	for (const isSealed of [true, false]) {
		const { worktree, removeThere } = await stage(isSealed);
		writeIn(worktree.path, "a.txt", "one\n");
		expect(await removeThere()).toEqual([]);
		expect(existsSync(worktree.path)).toBe(false);
		await store.client.flushall();
	}
});
