/**
 * The lists of batches are anybody's who writes to Redis: what stands in them takes nothing from anybody else, names no
 * task that does not say so itself, and costs nobody more than a bounded look.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findBatch, isSound, listBatches } from "../../../src/actions/batches.ts";
import { checkBatches } from "../../../src/cli/doctor/check-tasks.ts";
import { dropIfEmpty, newestBatches, tasksOfBatch } from "../../../src/queue/records/batches.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { BATCHES_SEARCHED } from "../../../src/task/batch.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { HOST, putBatch, specOf } from "./store-support.ts";

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
beforeEach(async () => {
	await store.client.flushall();
	await store.create(specOf("joins"));
	await putBatch(store, "a", {}, ["joins"]);
	await putBatch(store, "b");
	await store.create(specOf("alone"));
});

const RECORD = { nonce: "n", key: "k", file: "/p", createdBy: "a@b", createdAt: 1, host: HOST, size: 1 };

async function shown(): Promise<Record<string, string>> {
	const { listed } = await listBatches(store, null);
	return Object.fromEntries(
		listed.map(({ batch, counts }) => [
			batch.id,
			isSound(batch) ? JSON.stringify(counts) : `damaged: ${batch.damage}`,
		]),
	);
}

const WELL = { nightly: '{"queued":2}', "nightly-2": '{"queued":1}' };

describe.each(["evil", "\u001b]0;owned\u0007\n::error::", "ci/42", "-rf", "x".repeat(100)])(
	"somebody's batch %j, of which no task is",
	(name) => {
		beforeEach(() => store.client.zadd(store.keys.batches, 9e15, name));

		test.each<[string, () => Promise<unknown>]>([
			["text in the place of its list", () => store.client.set(store.keys.members(name), "x")],
			["a list in its place", () => store.client.lpush(store.keys.members(name), "x")],
			["names that no task has", () => store.client.zadd(store.keys.members(name), 1, "nosuch")],
			["names of tasks of others", () => store.client.zadd(store.keys.members(name), 1, "a", 2, "alone")],
			["text in the place of its record", () => store.client.set(store.keys.batch(name), "x")],
			[
				"a record that is none, and a text in the place of its list",
				() =>
					store.client
						.multi()
						.hset(store.keys.batch(name), { ...RECORD, size: "nan" })
						.set(store.keys.members(name), "x")
						.exec(),
			],
		])("with %s: the others are listed, doctor names it, and a command takes it away", async (_is, plant) => {
			await plant();
			expect(await shown()).toEqual({ ...WELL, [name]: expect.stringMatching(/^damaged: /) });
			expect(await checkBatches(store)).toHaveLength(1);
			expect(JSON.stringify(await checkBatches(store))).not.toContain("\\u001b");
			const found = await findBatch(store, name);
			expect(found).toMatchObject({ batch: { id: name }, records: [], damaged: [] });
			await dropIfEmpty(store, name);
			expect(await shown()).toEqual(WELL);
			expect(await checkBatches(store)).toEqual([]);
			expect(await store.client.exists(store.keys.batch(name), store.keys.members(name))).toBe(0);
			expect((await store.read(["a", "b", "alone"])).records).toHaveLength(3);
		});

		test("is gone when a host starts", async () => {
			await store.client.set(store.keys.members(name), "x");
			await store.mend({ hosts: [HOST], relist: true });
			expect(await shown()).toEqual(WELL);
		});
	},
);

test("a sound record under the name of a key hides no batch that has the key", async () => {
	await store.client.zadd(store.keys.batches, 9e15, "ci/42");
	await store.client.hset(store.keys.batch("ci/42"), { ...RECORD, key: "ci/42" });
	await store.client.hset(store.keys.batch("nightly"), "key", "ci/42");
	expect((await findBatch(store, "ci/42")).batch).toMatchObject({ id: "nightly" });
});

test.each<[string, (key: string) => Promise<unknown>]>([
	["a text", (key) => store.client.set(key, "x")],
	["nothing", (key) => store.client.del(key)],
])(
	"%s in the place of a batch's list takes no task from it, and a look at the records mends it",
	async (_is, plant) => {
		const key = store.keys.members("nightly");
		await store.client.del(key);
		await plant(key);
		// Made anew: in the order of their creation, which may be one moment.
		expect((await tasksOfBatch(store, "nightly")).sort()).toEqual(["a", "joins"]);
		// It has tasks: it stays.
		await dropIfEmpty(store, "nightly");
		expect(await shown()).toEqual(WELL);
		expect((await store.client.zrange(key, "0", "-1")).sort()).toEqual(["a", "joins"]);
	},
);

describe("of a batch is what says so itself", () => {
	const ids = async (batch: string) => (await findBatch(store, batch)).records.map(({ spec }) => spec.id);

	test.each(["b", "alone"])("`%s`, which is in its list alone, is not", async (id) => {
		await store.client.zadd(store.keys.members("nightly"), 9, id);
		expect(await ids("nightly")).toEqual(["joins", "a"]);
		expect(await shown()).toEqual(WELL);
		await store.mend({ hosts: [HOST], relist: true });
		expect(await store.client.zrange(store.keys.members("nightly"), "0", "-1")).toEqual(["joins", "a"]);
	});

	test("a task that was taken out of its list is", async () => {
		await store.client.zrem(store.keys.members("nightly"), "joins");
		expect((await ids("nightly")).sort()).toEqual(["a", "joins"]);
		await store.client.del(store.keys.members("nightly"));
		expect((await ids("nightly")).sort()).toEqual(["a", "joins"]);
	});

	test("one whose record cannot be read at all is, by the list", async () => {
		await store.client.multi().del(store.keys.task("a")).lpush(store.keys.task("a"), "x").exec();
		await store.mend({ hosts: [HOST], relist: true });
		expect((await findBatch(store, "nightly")).damaged.map(({ id }) => id)).toEqual(["a"]);
		expect((await listBatches(store, null)).listed.map(({ damaged }) => damaged)).toEqual([0, 1]);
	});

	test("one whose record is damaged elsewhere is", async () => {
		await store.client.hset(store.keys.task("a"), "spec", "{x");
		expect((await findBatch(store, "nightly")).damaged.map(({ id }) => id)).toEqual(["a"]);
		await store.client.hset(store.keys.task("b"), "spec", "{x");
		await store.client.zadd(store.keys.members("nightly"), 9, "b");
		expect((await findBatch(store, "nightly")).damaged.map(({ id }) => id)).toEqual(["a"]);
	});
});

describe("false names in the list of batches, more than are searched", () => {
	const FALSE = 3 * BATCHES_SEARCHED;
	beforeEach(async () => {
		const pipeline = store.client.pipeline();
		for (let n = 0; n < FALSE; n++) {
			pipeline.zadd(store.keys.batches, 9e15, `false-${n}`);
			pipeline.hset(store.keys.batch(`false-${n}`), { ...RECORD, key: `false/${n}` });
		}
		await pipeline.exec();
	});

	/** @returns how many commands Redis ran for it */
	async function costOf(work: () => Promise<unknown>): Promise<number> {
		await store.client.config("RESETSTAT");
		await work();
		const stats = await store.client.info("commandstats");
		const calls = [...stats.matchAll(/:calls=(\d+)/g)].map(([, count]) => Number(count));
		return calls.reduce((sum, count) => sum + count, 0);
	}

	/** A record, its list, its key: less than so many for each name. */
	const EACH = 3;

	test("a batch is found by its id; a search, a key and a submission read no more than the newest", async () => {
		expect(await costOf(() => findBatch(store, "nightly"))).toBeLessThan(BATCHES_SEARCHED / 100);
		expect(await costOf(() => findBatch(store, "nosuch").catch(() => null))).toBeLessThan(
			EACH * BATCHES_SEARCHED,
		);
		expect(await costOf(() => putBatch(store, "new"))).toBeLessThan(EACH * BATCHES_SEARCHED);
		expect(await costOf(() => newestBatches(store))).toBeLessThan(EACH * BATCHES_SEARCHED);
	});

	test("a list of five reads about as many", async () => {
		const found: number[] = [];
		const cost = await costOf(async () => {
			const { listed, total } = await listBatches(store, 5);
			found.push(listed.length, total);
		});
		expect(found).toEqual([5, FALSE + 2]);
		expect(cost).toBeLessThan(BATCHES_SEARCHED / 10);
	});
});
