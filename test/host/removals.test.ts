/** What a host keeps of removed tasks goes sooner or later, whatever it is short of at the moment. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { Clearings } from "../../src/host/clearings.ts";
import { clearRemovals } from "../../src/host/removals.ts";
import { StuckRemovals } from "../../src/host/stuck-removals.ts";
import { createTaskDir, taskDirSpec } from "../../src/ipc/task-dir.ts";
import { Serial } from "../../src/task/serial.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { BARS, barRuns, COPY, HOUR_MS, queues, setTheStage, stage, store } from "./removal-stage.ts";

setTheStage();

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
		const orders = new Orders(home, store.namespace);
		const clock = { ms: 0 };
		const held = new StuckRemovals(() => clock.ms);
		const clearings = new Clearings();
		const deps = { store, home, host: HOST, queues, orders, serial, held, clearings, graceMs: 0 };
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
		// What is short here may be so for longer than anybody else's lock.
		for (const hours of [0, 1, 25, 50]) {
			clock.ms = hours * HOUR_MS;
			await clear();
			expect(directories.map((each) => existsSync(each))).toEqual([false, true, false]);
		}
		// The same fault is told once.
		expect(told).toEqual(["short removal"]);
		serial.codes.clear();
		expect(await clear()).toBe(1);
		expect(directories.map((each) => existsSync(each))).toEqual([false, false, false]);
		expect(await store.client.llen(store.keys.removed(HOST))).toBe(0);
	},
);

test.each(["started here", "never started"])(
	"a removed task (%s) that was put back before its host looked at the notice is refused; a new one of its id goes on",
	async (which) => {
		const { home, orders, clear, enqueue, start, told } = stage();
		// Of an earlier version: only its start tells that it is one of ours.
		const record = await enqueue("back", which === "started here" ? "0123456789abcdef" : undefined);
		if (which === "started here") start(record);
		const saved = await store.client.hgetall(store.keys.task("back"));
		await store.cancel("back", "me");
		await store.remove("back");
		await store.client.hset(store.keys.task("back"), saved);
		expect(orders.refusal(await store.need("back"))).toBeNull();
		await clear();
		expect(orders.refusal(await store.need("back"))).toMatchObject(COPY);
		expect(existsSync(join(home, "runs", "back"))).toBe(which === "started here");
		expect(await store.client.llen(store.keys.removed(HOST))).toBe(0);
		await store.client.del(store.keys.task("back"));
		const anew = await enqueue("back");
		const at = { id: "back", nonce: record.spec.nonce, cwd: null };
		await store.client.rpush(store.keys.removed(HOST), JSON.stringify(at));
		await clear();
		expect(orders.refusal(anew)).toBeNull();
		expect(told).toEqual([]);
	},
);

test("who removes a task elsewhere under a changed nonce tells its host both, and the copy is refused", async () => {
	const { orders, clear, enqueue } = stage();
	const record = await enqueue("changed");
	await store.client.hset(store.keys.task("changed"), { nonce: "A".repeat(16), revision: "x" });
	await store.cancel("changed", "me");
	expect((await store.remove("changed")).result).toBe("removed");
	await clear();
	expect(orders.refusal(record)).toMatchObject(COPY);
});

test("false notices, any number of them, take no room on the disk; the true ones among them count, each once", async () => {
	const { home, orders, clear, enqueue, start, spent } = stage();
	const [mine, started] = [await enqueue("mine"), await enqueue("started", "fedcba9876543210")];
	start(started);
	const notice = (id: string, nonce: string) => JSON.stringify({ id, nonce, cwd: home });
	const texts = Array.from({ length: 1_000 }, (_, n) => notice(`false-${n % 7}`, `${n}`.padStart(32, "0")));
	texts.push(notice("mine", mine.spec.nonce), notice("started", started.spec.nonce));
	for (const id of ["mine", "x", "y"]) texts.push(notice(id, mine.spec.nonce));
	await store.client.rpush(store.keys.removed(HOST), ...texts);
	await clear();
	await store.client.rpush(store.keys.removed(HOST), ...texts);
	await clear();
	expect(spent()).toEqual([mine.spec.nonce, started.spec.nonce]);
	for (const record of [mine, started]) expect(orders.refusal(record)).toMatchObject(COPY);
});

test("a removed task whose starts cannot be looked at keeps no other from being cleared, and no copy of it starts", async () => {
	const { home, orders, clear, enqueue, spent, told } = stage();
	// Of an earlier version: only its start could tell that it is one of ours.
	const first = await enqueue("first", "0123456789abcdef");
	const third = await enqueue("third");
	const directory = await createTaskDir(home, taskDirSpec(third, store.namespace));
	for (const id of ["first", "third"]) {
		await store.cancel(id, "me");
		await store.remove(id);
	}
	barRuns(home, "first");
	await clear();
	expect(existsSync(directory)).toBe(false);
	expect(told).toEqual(["first removal"]);
	for (const record of [first, third]) expect(orders.refusal(record)).toMatchObject(COPY);
	// Another task's order is not spent by it.
	expect(spent()).toEqual(["first 0123456789abcdef", third.spec.nonce]);
	expect(orders.refusal(await enqueue("other", "0123456789abcdef"))).toBeNull();
});

test("an order that cannot be spent now is spent at the next time, and the files that tell whose it is stay until then", async () => {
	const { home, orders, clear, enqueue, start, spent, told } = stage();
	const record = await enqueue("first", "0123456789abcdef");
	start(record);
	await store.cancel("first", "me");
	await store.remove("first");
	mkdirSync(join(home, "removed-tasks"));
	await clear();
	await clear();
	expect(new Set(told)).toEqual(new Set(["first order"]));
	expect(existsSync(join(home, "runs", "first"))).toBe(true);
	expect(await store.client.llen(store.keys.removed(HOST))).toBe(1);
	rmSync(join(home, "removed-tasks"), { recursive: true });
	await clear();
	expect(spent()).toEqual([record.spec.nonce]);
	expect(orders.refusal(record)).toMatchObject(COPY);
	expect(existsSync(join(home, "runs", "first"))).toBe(false);
	expect(await store.client.llen(store.keys.removed(HOST))).toBe(0);
});

test("what cannot be cleared of a host's jobs keeps its tasks for the next time, and no task behind them from being cleared", async () => {
	const { home, orders, clear, enqueue, told } = stage();
	const key = queues.of(HOST).toKey("events");
	const records = [];
	// More than are followed at once.
	for (let n = 0; n < 201; n++) records.push(await enqueue(`t-${n}`));
	const last = await createTaskDir(home, taskDirSpec(await store.need("t-200"), store.namespace));
	for (const { spec } of records) {
		await store.cancel(spec.id, "me");
		await store.remove(spec.id);
	}
	await store.client.set(key, "none");
	await clear();
	expect(existsSync(last)).toBe(false);
	expect(told).toContain("t-200 jobs");
	for (const record of records) expect(orders.refusal(record)).toMatchObject(COPY);
	expect(await store.client.llen(store.keys.removed(HOST))).toBe(201);
	await store.client.del(key);
	expect(await clear()).toBe(201);
});

test.each(BARS)(
	"%s cannot be looked at: the removed task is cleared as soon as it can be, within a day",
	async (_what, bar) => {
		const { home, clear, clock, enqueue, start, told } = stage();
		const record = await enqueue("first");
		start(record);
		const directory = await createTaskDir(home, taskDirSpec(record, store.namespace));
		await store.cancel("first", "me");
		await store.remove("first");
		const open = bar(home);
		for (const hours of [0, 1, 22]) {
			clock.ms = hours * HOUR_MS;
			expect(await clear()).toBe(0);
		}
		expect(told).toEqual(["first removal"]);
		expect(await store.client.llen(store.keys.removed(HOST))).toBe(1);
		open();
		expect(await clear()).toBe(1);
		expect([directory, join(home, "runs", "first")].filter((each) => existsSync(each))).toEqual([]);
		expect(await store.client.llen(store.keys.removed(HOST))).toBe(0);
	},
);

test("a removed task that cannot be cleared for a day is given up, and the log says so", async () => {
	const { home, clear, clock, enqueue, told } = stage();
	await enqueue("first");
	await store.cancel("first", "me");
	await store.remove("first");
	barRuns(home, "first");
	await clear();
	clock.ms = 25 * HOUR_MS;
	expect(await clear()).toBe(1);
	expect(told).toEqual(["first removal", "first removal, tried for a day"]);
	expect(await store.client.llen(store.keys.removed(HOST))).toBe(0);
});
