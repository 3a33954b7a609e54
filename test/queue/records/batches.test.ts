/** A batch is published at once or not at all, and its record lives as long as one of its tasks. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { drainOutbox } from "../../../src/queue/jobs/dispatcher.ts";
import { RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import { newestBatches, readBatches, tasksOfBatch } from "../../../src/queue/records/batches.ts";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import {
	dropStaged,
	keyedTasks,
	type NewBatch,
	publish,
	type StagedTask,
	stageTasks,
} from "../../../src/queue/records/staging.ts";
import { newNonce, type Store } from "../../../src/queue/records/store.ts";
import type { TaskSpec } from "../../../src/task/spec.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { HOST, runningTask, specOf } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});
beforeEach(() => store.client.flushall());

const batchOf = (changes: Partial<NewBatch> = {}): NewBatch => ({
	id: "nightly",
	nonce: newNonce(),
	name: null,
	key: null,
	file: "/p/tasks.yaml",
	createdBy: "ann@here",
	maxParallel: 0,
	onFailure: "skip_dependents",
	budgetUsd: null,
	host: HOST,
	...changes,
});

const staged = (id: string, changes: Partial<TaskSpec> = {}, key: string | null = null): StagedTask => ({
	spec: specOf(id, changes),
	signature: `1.${id}`,
	key: key === null ? null : { key, hash: `hash of ${key}` },
});

async function put(tasks: readonly StagedTask[], batch = batchOf(), earlier: string[] = []) {
	const submission = newNonce();
	await stageTasks(store, submission, tasks);
	return publish(store, submission, batch, tasks, earlier, newNonce());
}

const fail = async (id: string) => {
	await runningTask(store, id);
	await store.move({ id, from: ["running"], to: "failed" });
};
const complete = async (id: string) => {
	await runningTask(store, id);
	await store.move({ id, from: ["running"], to: "completed" });
};
const end = async (id: string) => {
	await store.move({ id, from: ["queued"], to: "running", runNonce: newNonce() });
	await store.move({ id, from: ["running"], to: "completed" });
};

/** All that is in Redis, but for what expires: every key with its content. */
async function everything(): Promise<Map<string, string>> {
	const { client } = store;
	const all = new Map<string, string>();
	for (const key of (await client.keys("*")).sort()) {
		if ((await client.pttl(key)) !== -1) continue;
		// A hash has its fields in any order.
		if ((await client.type(key)) === "hash")
			all.set(key, JSON.stringify(Object.entries(await client.hgetall(key)).sort()));
		else all.set(key, ((await client.dumpBuffer(key)) as Buffer).toString("hex"));
	}
	return all;
}

test("a published task is as one that was enqueued by itself", async () => {
	await store.create(specOf("alone", { nonce: "n" }), {
		key: { key: "k0", hash: "hash of k0" },
		signature: "1.x",
	});
	expect(await put([{ ...staged("both", { nonce: "n" }, "k0-2"), signature: "1.x" }])).toEqual({
		result: "published",
		batch: "nightly",
	});
	const [alone, both] = await Promise.all(
		["alone", "both"].map(async (id) => {
			const fields = await store.client.hgetall(store.keys.task(id));
			expect(await store.client.pttl(store.keys.task(id))).toBe(-1);
			for (const own of ["createdAt", "queuedAt"]) expect(Number(fields[own])).toBeGreaterThan(1e12);
			const { batch: _b, createdAt: _c, queuedAt: _q, generation: _g, key: _k, ...rest } = fields;
			// A field that is empty need not be written.
			const told = Object.entries(rest).filter(([, value]) => value !== "");
			return { ...Object.fromEntries(told), spec: JSON.parse(rest.spec ?? "").prompt };
		}),
	);
	expect(both).toEqual(alone);
	const record = await store.need("both");
	expect(record).toMatchObject({ state: "queued", batch: "nightly", generation: 2, epoch: 0 });
	expect(await store.ids()).toEqual(expect.arrayContaining(["alone", "both"]));
	expect(await store.activeIds(HOST)).toEqual(["alone", "both"]);
	expect((await eventsAfter(store, "0")).map(({ task, kind }) => `${task} ${kind}`)).toEqual([
		"alone created",
		"both created",
	]);
	const queues = new RunQueues(store);
	try {
		await drainOutbox(store, queues);
		expect(await queues.of(HOST).getJobState(`both.${record.generation}`)).toBe("prioritized");
	} finally {
		await queues.stop();
	}
});

test("many tasks keep the order of their file, in the list and in the line", async () => {
	const ids = Array.from({ length: 2_500 }, (_, n) => `t-${(n * 7919) % 2_500}`);
	await put(ids.map((id) => staged(id)));
	const line = await store.client.zrange(store.keys.outbox, "0", "-1");
	expect(line.map((member) => member.split(" ")[0])).toEqual(ids);
	expect(await store.ids()).toEqual([...ids].reverse());
	expect(await tasksOfBatch(store, "nightly")).toEqual(ids);
	const generations = (await store.getMany(ids)).map(({ generation }) => generation);
	expect(new Set(generations).size).toBe(ids.length);
	await store.create(specOf("next"));
	expect((await store.need("next")).generation).toBeGreaterThan(Math.max(...generations));
});

test("what waits is moved by what it needs, in the batch and outside of it", async () => {
	await complete("done");
	await fail("broken");
	const result = await put([
		staged("a"),
		staged("b", { after: ["a"] }),
		staged("c", { after: ["a", "done"] }),
		staged("d", { after: ["b", "c"] }),
		staged("skipped", { after: ["broken"] }),
		staged("after-it", { after: ["skipped"] }),
		staged("free", { after: ["done"] }),
	]);
	expect(result).toMatchObject({ result: "published" });
	const states = async () => Object.fromEntries(await store.states());
	expect(await states()).toMatchObject({
		...{ a: "queued", b: "waiting", c: "waiting", d: "waiting", free: "queued" },
		...{ skipped: "cancelled", "after-it": "cancelled" },
	});
	expect((await store.need("after-it")).outcome?.message).toContain("`broken`, by way of `skipped`");
	await end("a");
	expect(await states()).toMatchObject({ b: "queued", c: "queued", d: "waiting" });
	await end("b");
	await end("c");
	expect(await states()).toMatchObject({ d: "queued" });
});

describe("one task in the way keeps all of them out", () => {
	const three = (second: StagedTask) => [
		staged("one", {}, "k1"),
		second,
		staged("three", { after: ["one"] }),
	];
	test.each<[string, () => StagedTask[], Record<string, unknown>]>([
		["an id that is taken", () => three(staged("there")), { result: "taken", place: 1 }],
		["an id that holds something else", () => three(staged("strange")), { result: "taken", place: 1 }],
		["a key that was used", () => three(staged("two", {}, "used")), { result: "repeated", place: 1 }],
		[
			"a need that is not there",
			() => three(staged("two", { after: ["nosuch"] })),
			{ result: "no_need", place: 1, need: "nosuch" },
		],
		[
			"a need that is damaged",
			() => three(staged("two", { after: ["damaged"] })),
			{ result: "no_need", place: 1, need: "damaged" },
		],
	])("%s", async (_name, tasks, reply) => {
		await store.create(specOf("there"), { key: { key: "used", hash: "h" } });
		await store.create(specOf("damaged"));
		await store.client.hset(store.keys.task("damaged"), "state", "nonsense");
		await store.client.lpush(store.keys.task("strange"), "x");
		const before = await everything();
		expect(await put(tasks())).toEqual(reply);
		expect(await everything()).toEqual(before);
	});

	test("a record that has expired", async () => {
		const tasks = three(staged("two"));
		const submission = newNonce();
		await stageTasks(store, submission, tasks);
		expect(await store.client.pttl(store.keys.staged(submission, 2))).toBeGreaterThan(60_000);
		await store.client.del(store.keys.staged(submission, 2));
		const before = await everything();
		expect(await publish(store, submission, batchOf(), tasks, [], newNonce())).toEqual({
			result: "lost",
			place: 1,
		});
		expect(await everything()).toEqual(before);
		await dropStaged(store, submission, 3);
		expect(await store.client.keys("*staged*")).toEqual([]);
	});
});

test("a task's epoch is none that a removed task of its name had", async () => {
	const epoch = await runningTask(store, "a");
	await store.move({ id: "a", from: ["running"], epoch, to: "failed" });
	await store.remove("a");
	await put([staged("a")]);
	expect((await store.need("a")).epoch).toBeGreaterThanOrEqual(epoch);
	await store.move({ id: "a", from: ["queued"], to: "running", runNonce: "n" });
	expect((await store.need("a")).epoch).toBeGreaterThan(epoch);
});

test("a Redis that is full publishes nothing of it", async () => {
	const tasks = [staged("a"), staged("b")];
	await stageTasks(store, "full", tasks);
	await store.client.config("SET", "maxmemory", "1");
	try {
		await expect(publish(store, "full", batchOf(), tasks, [], newNonce())).rejects.toMatchObject({
			code: "DISPATCH_REDIS_FULL",
		});
	} finally {
		await store.client.config("SET", "maxmemory", "0");
	}
	expect(await store.ids()).toEqual([]);
	expect((await newestBatches(store)).batches).toEqual([]);
});

test("a call that is made again has published once", async () => {
	const tasks = [staged("one"), staged("two")];
	const submission = newNonce();
	await stageTasks(store, submission, tasks);
	const again = () => publish(store, submission, batchOf(), tasks, [], "call-1");
	expect(await again()).toEqual(await again());
	expect((await newestBatches(store)).batches).toMatchObject([{ id: "nightly", size: 2 }]);
});

test("a name that is taken gets a number; the same key is the same batch", async () => {
	const name = "n".repeat(48);
	expect(await put([staged("a")], batchOf({ id: name, key: "k" }))).toMatchObject({ batch: name });
	expect(await put([staged("b")], batchOf({ id: name }))).toMatchObject({ batch: `${name}-2` });
	expect(await put([staged("c")], batchOf({ id: "other", key: "k" }), ["a"])).toMatchObject({ batch: name });
	// Tasks of an earlier version are of no batch.
	await store.create(specOf("old"));
	expect(await put([], batchOf({ id: "other", key: "k" }), ["a", "old"])).toMatchObject({ batch: name });
	expect(await tasksOfBatch(store, name)).toEqual(["a", "c", "old"]);
	expect((await readBatches(store, [name])).batches).toMatchObject([{ id: name, key: "k", size: 3 }]);
	// One of other batches alone makes no new one.
	expect(await put([], batchOf({ id: "none" }), ["a"])).toMatchObject({ result: "published", batch: "" });
	expect((await newestBatches(store)).batches).toHaveLength(2);
});

test("a batch goes with its last task", async () => {
	await put([staged("a"), staged("b")], batchOf({ name: "Nightly – \u001b[1m", key: "k" }));
	expect((await newestBatches(store)).batches).toMatchObject([
		{
			id: "nightly",
			name: "Nightly – \u001b[1m",
			key: "k",
			file: "/p/tasks.yaml",
			createdBy: "ann@here",
			maxParallel: 0,
			onFailure: "skip_dependents",
			budgetUsd: null,
			host: HOST,
			size: 2,
		},
	]);
	for (const [id, left] of [
		["a", 1],
		["b", 0],
	] as const) {
		await store.cancel(id, "me");
		await store.remove(id);
		expect((await newestBatches(store)).batches).toHaveLength(left);
	}
	expect((await store.client.keys("*")).filter((key) => /:(batch|members|batches)\b/.test(key))).toEqual([]);
});

test.each(["x\u001b]0;owned\u0007\n::error::y", "--all", "two words", "Upper"])(
	"%j is no id: no batch of it is sound, and no key leads to a task of that name",
	async (id) => {
		await put([staged("one", {}, "own")], batchOf({ key: "k" }));
		const { client, keys } = store;
		await client.rename(keys.batch("nightly"), keys.batch(id));
		await client.zadd(keys.batches, 2, id);
		expect(await newestBatches(store)).toMatchObject({
			batches: [],
			damaged: expect.arrayContaining([{ id, damage: "its name is not a batch's id" }]),
		});
		await client.rename(keys.task("one"), keys.task(id));
		const held = JSON.parse((await client.hget(`${keys.prefix}:keys`, "own")) ?? "") as object;
		await client.hset(`${keys.prefix}:keys`, "own", JSON.stringify({ ...held, id }));
		expect(await keyedTasks(store, ["own"])).toEqual([null]);
		const said = await put([staged("two")], batchOf({ key: "k" }));
		expect("batch" in said ? said.batch : "").not.toBe(id);
	},
);

describe("what is damaged of a batch", () => {
	beforeEach(async () => {
		await put([staged("a"), staged("b")]);
		await put([staged("c")], batchOf({ id: "other" }));
	});
	const gone = async () => {
		for (const id of ["a", "b"]) {
			await store.cancel(id, "me");
			await store.remove(id);
		}
		expect(await newestBatches(store)).toMatchObject({ batches: [{ id: "other" }], damaged: [] });
		expect(await store.client.exists(store.keys.batch("nightly"), store.keys.members("nightly"))).toBe(0);
	};

	test.each<[string, () => Promise<unknown>]>([
		[
			"another type",
			async () => {
				await store.client.del(store.keys.batch("nightly"));
				await store.client.lpush(store.keys.batch("nightly"), "x");
			},
		],
		["a field that is none", () => store.client.hset(store.keys.batch("nightly"), "size", "nan")],
		["a host that is none", () => store.client.hset(store.keys.batch("nightly"), "host", "../../etc")],
		["a record that is gone", () => store.client.del(store.keys.batch("nightly"))],
	])("%s is told as damaged, and goes with its tasks", async (_name, damage) => {
		await damage();
		const { batches, damaged } = await newestBatches(store);
		expect(batches.map(({ id }) => id)).toEqual(["other"]);
		expect(damaged).toMatchObject([{ id: "nightly", damage: expect.any(String) }]);
		expect(await tasksOfBatch(store, "nightly")).toEqual(["a", "b"]);
		expect(await put([staged("d")])).toMatchObject({ batch: "nightly-2" });
		await store.cancel("d", "me");
		await store.remove("d");
		await gone();
	});

	test("lists that are lost are made anew from the records", async () => {
		await store.client.del(store.keys.batches, store.keys.members("nightly"));
		await store.mend({ hosts: [HOST], relist: true });
		expect(await tasksOfBatch(store, "nightly")).toEqual(["a", "b"]);
		expect((await newestBatches(store)).batches).toHaveLength(2);
		await gone();
	});

	test.each([
		["the list of all batches", () => store.keys.batches],
		["the list of its tasks", () => store.keys.members("nightly")],
	])("something else in the place of %s holds up no removal", async (_name, key) => {
		await store.client.del(key());
		await store.client.set(key(), "x");
		await gone();
	});

	test("a task whose record went by hand keeps no batch", async () => {
		await store.client.del(store.keys.task("c"));
		await store.mend({ hosts: [HOST], relist: true });
		expect((await newestBatches(store)).batches.map(({ id }) => id)).toEqual(["nightly"]);
	});

	test("a task whose record is damaged leaves its batch when it is removed", async () => {
		await store.client.hdel(store.keys.task("c"), "batch", "state");
		await store.remove("c");
		expect((await newestBatches(store)).batches.map(({ id }) => id)).toEqual(["nightly"]);
	});
});
