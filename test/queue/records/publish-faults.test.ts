/**
 * Whoever writes to Redis may have put anything anywhere, also between the staging of a batch and its publication. In the
 * place of every key that a publication touches, whatever stands there: all of it is there then, or nothing.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newestBatches, readBatches, tasksOfBatch } from "../../../src/queue/records/batches.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import { type NewBatch, publish, type StagedTask, stageTasks } from "../../../src/queue/records/staging.ts";
import { newNonce, type Store } from "../../../src/queue/records/store.ts";
import { BATCH_STORED } from "../../../src/task/batch.ts";
import { DispatchError } from "../../../src/task/errors.ts";
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

const SUBMISSION = "submission";
const IDS = ["one", "two", "three", "skipped"];

/** One that starts, one that waits for it, one that waits for another one, one that is skipped. */
const TASKS: readonly StagedTask[] = [[], ["one"], ["done", "two"], ["broken"]].map((after, n) => ({
	spec: specOf(IDS[n] ?? "", { after }),
	signature: `1.${n}`,
	key: n === 1 ? null : { key: `key-${n}`, hash: "h" },
}));

const batchOf = (changes: Partial<NewBatch> = {}): NewBatch => ({
	...{ id: "nightly", nonce: "batch-nonce", name: "Nightly", key: "k", file: "/p/t.yaml", host: HOST },
	createdBy: "ann@here",
	maxParallel: 0,
	onFailure: "skip_dependents",
	budgetUsd: null,
	...changes,
});

/** What was there before: two tasks that others need, and one that joins the batch. */
async function prepare(): Promise<void> {
	await store.client.flushall();
	for (const [id, to] of [
		["done", "completed"],
		["broken", "failed"],
	] as const) {
		await runningTask(store, id);
		await store.move({ id, from: ["running"], to });
	}
	await store.create(specOf("joins"));
	await stageTasks(store, SUBMISSION, TASKS);
}

const put = (batch = batchOf()) => publish(store, SUBMISSION, batch, TASKS, ["joins"], newNonce());

/** The keys that the scripts of some work touch. */
async function touchedBy(work: () => Promise<unknown>): Promise<string[]> {
	const watcher = await store.client.monitor();
	const keys = new Set<string>();
	const head = `${store.keys.prefix}:`;
	let seen = (_: string) => {};
	const isOver = new Promise<void>((resolve) => {
		seen = (word) => word === "all-is-done" && resolve();
	});
	watcher.on("monitor", (_time: string, words: string[], source: string) => {
		for (const word of words) {
			if (source === "lua" && word.startsWith(head) && !word.includes("*")) keys.add(word);
			seen(word);
		}
	});
	try {
		await work();
		await store.client.echo("all-is-done");
		await isOver;
	} finally {
		watcher.disconnect();
	}
	// Named anew with each call, and a channel.
	return [...keys].filter((key) => !key.includes(":call:") && key !== store.keys.wake).sort();
}

const LAST = (2n ** 64n - 1n).toString();

/** What may stand in the place of a key; a stream that takes no more, a number that nothing comes behind. */
const PLANTS: Record<string, (key: string) => Promise<unknown>> = {
	text: (key) => store.client.set(key, "x"),
	"the last number": (key) => store.client.set(key, "9223372036854775807"),
	"a number of 15 digits": (key) => store.client.set(key, "999999999999999"),
	list: (key) => store.client.lpush(key, "x"),
	set: (key) => store.client.sadd(key, "x"),
	"sorted set": (key) => store.client.zadd(key, "9e300", "x"),
	hash: (key) => store.client.hset(key, "x", "x"),
	"full stream": (key) => store.client.xadd(key, `${LAST}-${LAST}`, "e", "{}"),
	"stream with room for two": (key) => store.client.xadd(key, `${LAST}-${BigInt(LAST) - 2n}`, "e", "{}"),
};

/** What is there of these, by where it is looked for; of a whole all say the same. */
async function traces(ids: readonly string[]): Promise<Record<string, string[]>> {
	const { client, keys } = store;
	const listed = await store.ids();
	const states = await store.states();
	const fields = await store.fieldsOf(ids, "nonce", "batch");
	const outbox = await client.zrange(keys.outbox, "0", "-1");
	const among = (list: readonly string[]) => ids.filter((id) => list.includes(id));
	const queued = outbox.map((member) => member.split(" ")[0] ?? "");
	const waiting = ids.filter((id) => ["waiting", "cancelled"].includes(states.get(id) ?? ""));
	return {
		records: ids.filter((_, n) => fields[n]?.[0]),
		"in the list": among(listed),
		"in line, waiting or skipped": among([...queued, ...waiting]),
	};
}

async function isWholeOrNothing(ids: readonly string[]): Promise<boolean> {
	const found = await traces(ids);
	const whole = (found.records ?? []).length > 0;
	for (const [where, list] of Object.entries(found)) expect(list, where).toEqual(whole ? ids : []);
	return whole;
}

/** @returns null: it was refused */
async function refusable<T>(work: Promise<T>): Promise<T | null> {
	try {
		return await work;
	} catch (error) {
		if (error instanceof DispatchError && error.code !== "DISPATCH_INTERNAL") return null;
		throw error;
	}
}

describe("whatever stands in the place of a key", () => {
	beforeEach(prepare);

	test("all of a batch is published, or nothing of it", async () => {
		const touched = await touchedBy(put);
		// As it says, among them those of the tasks that were staged.
		for (const key of [store.keys.events, store.keys.staged(SUBMISSION, 3), store.keys.members("nightly")])
			expect(touched).toContain(key);
		const ends = { whole: 0, nothing: 0 };
		for (const key of touched) {
			for (const [held, plant] of Object.entries(PLANTS)) {
				await prepare();
				// A task that is there, damaged, refuses what needs it; its name is taken.
				await store.client.del(key);
				await plant(key);
				try {
					const reply = await refusable(put());
					const isTaken = key.includes(":task:") && IDS.includes(key.split(":task:")[1] ?? "");
					const isWhole = isTaken ? false : await isWholeOrNothing(IDS);
					expect(isWhole).toBe(reply?.result === "published");
					ends[isWhole ? "whole" : "nothing"]++;
					const { records, damaged } = await store.read(isWhole ? IDS : []);
					expect(damaged).toEqual([]);
					const batch = records[0]?.batch ?? "";
					expect(records.map((record) => record.batch)).toEqual(records.map(() => batch));
					expect(isWhole ? await tasksOfBatch(store, batch) : IDS).toEqual(expect.arrayContaining(IDS));
				} catch (error) {
					throw new Error(`with a ${held} in the place of ${key}`, { cause: error });
				}
			}
		}
		expect(Math.min(ends.whole, ends.nothing)).toBeGreaterThan(0);
	});

	test("a single task is made, or nothing of it", async () => {
		const one = () => store.create(specOf("new", { after: ["broken"], nonce: "n" }));
		for (const key of await touchedBy(one)) {
			for (const [held, plant] of Object.entries(PLANTS)) {
				await prepare();
				await store.client.del(key);
				await plant(key);
				try {
					const reply = await refusable(one());
					const isTaken = key === store.keys.task("new") && (await store.exists("new"));
					expect(isTaken || (await isWholeOrNothing(["new"])) === (reply?.result === "created")).toBe(true);
				} catch (error) {
					throw new Error(`with a ${held} in the place of ${key}`, { cause: error });
				}
			}
		}
	});
});

describe("a staged record that is not as it was staged", () => {
	beforeEach(prepare);

	test.each([
		["nonce", "another"],
		["host", "elsewhere"],
		["state", "completed"],
		["revision", "nan"],
		["revision", "9223372036854775807"],
		["revision", "99999999999999"],
		["epoch", "-1"],
		["generation", ""],
	])("by its %s %j: nothing is published", async (field, value) => {
		await store.client.hset(store.keys.staged(SUBMISSION, 3), field, value);
		expect(await put()).toEqual({ result: "lost", place: 2 });
		expect(await isWholeOrNothing(IDS)).toBe(false);
	});
});

test("the stream of events that has no room left while a batch is told takes all of it", async () => {
	await prepare();
	await store.client.del(store.keys.events);
	await store.client.xadd(store.keys.events, `${LAST}-${BigInt(LAST) - 2n}`, "e", "{}");
	expect(await put()).toEqual({ result: "published", batch: "nightly" });
	expect(await isWholeOrNothing(IDS)).toBe(true);
});

describe("numbers that are counted up leave room to count", () => {
	beforeEach(prepare);

	test.each(["999999999999999", "99999999999999", "9999999999999", "9999999999990"])(
		"at a counter of %s all of a batch is sound, and so is what comes after it",
		async (given) => {
			await store.client.set(`${store.keys.prefix}:generation`, given);
			for (const id of IDS) await store.client.set(store.keys.epoch(id), given);
			expect(await put()).toMatchObject({ result: "published" });
			await store.create(specOf("after"));
			for (const id of ["one", "after", "joins"])
				expect(await store.move({ id, from: ["queued"], to: "running", runNonce: newNonce() })).toMatchObject(
					{ result: "moved" },
				);
			await store.move({ id: "one", from: ["running"], to: "completed" });
			const { records, damaged } = await store.read([...IDS, "after", "joins"]);
			expect(damaged).toEqual([]);
			const line = (await store.client.zrange(store.keys.outbox, "0", "-1")).sort();
			const { generation } = records.find(({ spec }) => spec.id === "two") ?? {};
			expect(line).toContain(`two ${generation}`);
		},
	);

	test("a record with the last number takes the counter from no other task", async () => {
		await store.client.hset(store.keys.task("broken"), "generation", "999999999999998");
		await store.move({ id: "broken", from: ["failed"], to: "queued" });
		expect(await store.client.zrange(store.keys.outbox, "0", "-1")).toContain("broken 999999999999999");
		await store.create(specOf("after"));
		expect((await store.need("after")).generation).toBeLessThan(100);
	});
});

/** What else is none; of texts anything is one. */
const WRONG_IN: Record<string, string[]> = {
	file: [],
	createdBy: [],
	createdAt: ["../x", "9e300", "-5"],
	size: ["../x", "9e300", "-5"],
	budgetUsd: ["../x", "inf", "nan", "0x10", "-5", "1e999", "1e", "1e6x"],
	spentUsd: ["../x", "inf", "nan", "0x10", "-5", "1e999", "1e", "1e6x"],
};

/** What an earlier version wrote, or stands for none. */
const SOUND: Record<string, string[]> = {
	maxParallel: ["missing"],
	onFailure: ["missing"],
	budgetUsd: ["missing", ""],
	spentUsd: ["missing", ""],
};

describe("a batch that somebody wrote down under the key of a new one", () => {
	beforeEach(prepare);

	/** The new batch is of its own, and whole. */
	async function isUnharmed(): Promise<void> {
		const reply = await put();
		expect(reply).toMatchObject({ result: "published", batch: expect.stringMatching(/^nightly/) });
		expect((await store.read(IDS)).damaged).toEqual([]);
		const { batch } = await store.need("one");
		expect(await readBatches(store, [batch ?? ""])).toMatchObject({
			batches: [{ id: batch, key: "k", size: 5 }],
			damaged: [],
		});
	}

	test.each(["none it is", "-rf", "UP", "a--b", "x".repeat(65), "\u001b]0;x\u0007", "../x", ""])(
		"under the name %j is not joined",
		async (name) => {
			const record = {
				nonce: "n",
				key: "k",
				file: "/p",
				createdBy: "a@b",
				createdAt: 1,
				host: HOST,
				size: 1,
			};
			await store.client.hset(store.keys.batch(name), record);
			await store.client.zadd(store.keys.batches, 9e15, name);
			await isUnharmed();
		},
	);

	const WRONG: [string, string][] = BATCH_STORED.filter((field) => !["name", "key"].includes(field))
		.flatMap((field) =>
			["missing", "", ...(WRONG_IN[field] ?? ["../x"])].map((value): [string, string] => [field, value]),
		)
		.filter(([field, value]) => !SOUND[field]?.includes(value));

	test.each(WRONG)("with a %s that is %j is not joined", async (field, value) => {
		const record = { nonce: "n", key: "k", file: "/p", createdBy: "a@b", createdAt: 1, host: HOST, size: 1 };
		await store.client.hset(store.keys.batch("evil"), { ...record, [field]: value });
		if (value === "missing") await store.client.hdel(store.keys.batch("evil"), field);
		await store.client.zadd(store.keys.batches, 9e15, "evil");
		const { damaged } = await newestBatches(store);
		// What the reader takes for damaged nobody joins.
		expect(damaged.map(({ id }) => id)).toContain("evil");
		await isUnharmed();
	});
});
