/** What a host keeps of removed tasks goes sooner or later, whatever it is short of at the moment. */
import { existsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { clearRemovals } from "../../src/host/removals.ts";
import { createTaskDir, taskDirSpec } from "../../src/ipc/task-dir.ts";
import { RunQueues } from "../../src/queue/jobs/run-queue.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { Serial } from "../../src/task/serial.ts";
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

/** The host's own line of a task, in which everything fails that is named. */
class Failing extends Serial {
	readonly codes = new Map<string, string>();

	override run<T>(task: string, work: () => Promise<T>): Promise<T> {
		return super.run(task, () => {
			const code = this.codes.get(task);
			return code === undefined ? work() : Promise.reject(Object.assign(new Error(code), { code }));
		});
	}
}

test.each(["EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EDQUOT", "EIO"])(
	"%s while one is cleared: the others go, and that one at the next time",
	async (code) => {
		const project = temporaryFolder("rp");
		const home = temporaryFolder("rh");
		const serial = new Failing();
		const told: string[] = [];
		const deps = { store, home, host: HOST, queues, serial, graceMs: 0 };
		const clear = () => clearRemovals({ ...deps, fault: (task, step) => told.push(`${task} ${step}`) });
		const directories: string[] = [];
		for (const id of ["first", "short", "last"]) {
			await store.create(specOf(id, { cwd: project }));
			const record = await store.need(id);
			directories.push(await createTaskDir(project, taskDirSpec(record, store.namespace)));
			await store.cancel(id, "me");
			await store.remove(id);
		}
		serial.codes.set("short", code);
		for (let pass = 0; pass < 2; pass++) {
			await clear();
			expect(directories.map((each) => existsSync(each))).toEqual([false, true, false]);
		}
		expect(told).toEqual(["short removal", "short removal"]);
		serial.codes.clear();
		expect(await clear()).toBe(1);
		expect(directories.map((each) => existsSync(each))).toEqual([false, false, false]);
		expect(await store.client.llen(store.keys.removed(HOST))).toBe(0);
	},
);
