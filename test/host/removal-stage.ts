/** A host with removed tasks to clear, in a Redis of the test file's own. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { Clearings } from "../../src/host/clearings.ts";
import { clearRemovals, spendRemoved } from "../../src/host/removals.ts";
import { StuckRemovals } from "../../src/host/stuck-removals.ts";
import { createTaskDir, taskDirSpec } from "../../src/ipc/task-dir.ts";
import { claimRun } from "../../src/process/run-dir.ts";
import { RunQueues } from "../../src/queue/jobs/run-queue.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { Serial } from "../../src/task/serial.ts";
import { worktreesOf } from "../../src/task/worktree.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository } from "../git.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export const HOUR_MS = 3_600_000;

let redis: TestRedis;
export let store: Store;
export let queues: RunQueues;

/** Before the tests of the file that calls it. */
export function setTheStage(): void {
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
}

/** A host with a notice of each kind to follow. */
export function stage() {
	const home = temporaryFolder("rh");
	const orders = new Orders(home, store.namespace);
	const clock = { ms: 0 };
	const stopped = new AbortController();
	const now = () => clock.ms;
	const own = { serial: new Serial(), held: new StuckRemovals(now), clearings: new Clearings(now) };
	const told: string[] = [];
	const fault = (task: string, step: string) => void told.push(`${task} ${step}`);
	const end = { graceMs: 0, signal: stopped.signal, env: GIT_ENV, fault };
	const deps = { store, home, host: HOST, queues, orders, ...own, ...end };
	const clear = (limits: { gitLimitMs?: number } = {}) => clearRemovals({ ...deps, ...limits });
	const spend = () => spendRemoved(deps);
	const stop = async () => {
		stopped.abort("the worker stops");
		await own.clearings.ended();
	};
	const list = join(home, "removed-tasks");
	const spent = () => (existsSync(list) ? readFileSync(list, "utf8").split("\n").filter(Boolean) : []);
	const enqueue = async (id: string, nonce = orders.newNonce()) => {
		const spec = specOf(id, { nonce, cwd: home });
		await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
		return store.need(id);
	};
	const start = ({ spec }: TaskRecord, epoch = 1) => {
		const { id: task, nonce: taskNonce, cwd } = spec;
		const facts = { task, epoch, taskNonce, nonce: `n${epoch}`, backend: "fake", cwd };
		claimRun(home, { ...facts, taskDir: cwd, startedAt: 1, sessionId: null });
	};
	const remove = async (id: string) => {
		await store.cancel(id, "me");
		await store.remove(id);
	};
	const ended = () => own.clearings.ended();
	const { serial } = own;
	return { home, orders, serial, clear, spend, stop, ended, clock, spent, told, enqueue, start, remove };
}

export type Stage = ReturnType<typeof stage>;

/** A task that has worked in a worktree, whose filter hangs as soon as `hang` is there. */
export async function withWorktree({ home, orders, start }: Stage, id: string) {
	const project = temporaryFolder("rp");
	const [hang, begun] = [join(project, ".git/hang"), join(project, ".git/begun")];
	makeRepository(project, { "a.in": "one\n", ".gitattributes": "*.in filter=in\n" });
	gitIn(
		project,
		"config",
		"filter.in.clean",
		`test ! -e ${hang} || { echo x >>${begun}; exec sleep 1000; }; cat`,
	);
	const folder = worktreesOf(home);
	const { worktree: made } = await inspectRepository(project, folder, GIT_ENV);
	const spec = specOf(id, { nonce: orders.newNonce(), cwd: home, worktree: made });
	await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	const record = await store.need(id);
	start(record);
	const worktree = new Worktree({ id, nonce: spec.nonce, worktree: made }, GIT_ENV);
	await makeWorktree(worktree, (isWhole) => orders.seal({ id, nonce: spec.nonce, worktree: made }, isWhole));
	const directory = await createTaskDir(home, taskDirSpec(record, store.namespace));
	/** git has to ask the filter what it is now */
	const touch = () => {
		writeFileSync(hang, "");
		writeFileSync(join(worktree.path, "a.in"), "two\n");
	};
	const letGo = () => rmSync(hang);
	const hung = () => (existsSync(begun) ? readFileSync(begun, "utf8").length / 2 : 0);
	return { record, worktree, directory, touch, letGo, hung };
}

/** A link to itself in the place of a task's starts: nobody can look at them, not even root. @returns what takes it away */
export function barRuns(home: string, task: string): () => void {
	const path = join(home, "runs", task);
	mkdirSync(dirname(path), { recursive: true });
	if (existsSync(path)) renameSync(path, `${path}.away`);
	symlinkSync(path, path);
	return () => {
		rmSync(path);
		if (existsSync(`${path}.away`)) renameSync(`${path}.away`, path);
	};
}

export const COPY = { why: "it is a copy of a task that was removed" };

/** @returns what takes it away again */
export type Bar = (home: string) => () => void;
export const BARS: [string, Bar][] = [
	["the directory of its starts", (home) => barRuns(home, "first")],
	["the directory of all tasks of its project", (home) => barred(join(home, ".dispatch", "tasks"))],
];

function barred(path: string): () => void {
	renameSync(path, `${path}.away`);
	symlinkSync(path, path);
	return () => {
		rmSync(path);
		renameSync(`${path}.away`, path);
	};
}
