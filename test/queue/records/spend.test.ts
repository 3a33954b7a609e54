import { afterAll, beforeAll, expect, test } from "vitest";
import { readBatches } from "../../../src/queue/records/batches.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import {
	batchBudget,
	noteUsage,
	spendersToday,
	spentBy,
	spentToday,
} from "../../../src/queue/records/spend.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { putBatch } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: { url: redis.url }, namespace: "spend", role: "command" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

test("sessions add up, a session's own totals do not, and a smaller figure takes nothing back", async () => {
	const note = (session: string, inputTokens: number, costUsd: number | null) =>
		noteUsage(store, "t", {
			session,
			epoch: 1,
			budgetUsd: null,
			ofRun: null,
			ofSession: { inputTokens, outputTokens: 1, costUsd },
		});
	expect((await note("start-1", 10, null)).task).toEqual({ inputTokens: 10, outputTokens: 1, costUsd: null });
	await note("a", 100, 0.25);
	await note("a", 200, 0.5);
	await note("a", 50, 0.125);
	const { task, today } = await note("b", 1, 0.25);
	expect(task).toEqual({ inputTokens: 211, outputTokens: 3, costUsd: 0.75 });
	expect(today).toBe(0.75);
	expect(await spentBy(store, "t")).toBe(0.75);
	expect(await spentBy(store, "other")).toBe(0);
	expect(await spentToday(store)).toBe(0.75);
});

test("of a session counts the larger of its own totals and the sum of its runs; the day grows by what is new", async () => {
	const before = await spentToday(store);
	const used = (costUsd: number | null) =>
		costUsd === null ? null : { inputTokens: 1, outputTokens: 1, costUsd };
	const note = (epoch: number, ofRun: number | null, ofSession: number | null) =>
		noteUsage(store, "killed", {
			...{ session: "s", epoch, budgetUsd: null },
			...{ ofRun: used(ofRun), ofSession: used(ofSession) },
		});
	expect((await note(1, 0.25, null)).task.costUsd).toBe(0.25);
	// Killed: its totals never came. The resumed run tells totals that lack them.
	expect((await note(2, 0.125, null)).task.costUsd).toBe(0.375);
	expect((await note(2, 0.125, 0.125)).task.costUsd).toBe(0.375);
	// What runs do not tell (a sub-agent's messages), the totals may.
	const { task, today } = await note(2, 0.125, 0.5);
	expect(task.costUsd).toBe(0.5);
	expect(today - before).toBe(0.5);
	expect(await spentBy(store, "killed")).toBe(0.5);
});

test("what several sessions tell adds up to no more than a record takes", async () => {
	for (const session of ["a", "b", "c"]) {
		const ofSession = { inputTokens: 1e13, outputTokens: 1e13, costUsd: 999_999 };
		const { task } = await noteUsage(store, "much", {
			...{ session, epoch: 1, budgetUsd: null, ofSession, ofRun: null },
		});
		expect(task.costUsd).toBeLessThanOrEqual(1_000_000);
		expect(task.inputTokens).toBeLessThanOrEqual(1e13);
	}
	// Nor does the day, which a figure beyond all measure would empty.
	expect(await spentToday(store)).toBe(1_000_000);
});

test("what a task tells beyond its budget uses up nobody else's day, and the day says who spent it", async () => {
	await store.client.flushall();
	const told = (task: string, session: string, costUsd: number, budgetUsd: number | null) =>
		noteUsage(store, task, {
			...{ session, epoch: 1, budgetUsd, ofRun: null },
			ofSession: { inputTokens: 1, outputTokens: 1, costUsd },
		});
	const before = await spentToday(store);
	// A last turn may cost as much again; no more is believed, however often and in whose sessions it is told.
	for (const session of ["a", "b", "c"]) await told("liar", session, 900_000, 5);
	expect((await spentToday(store)) - before).toBeCloseTo(10);
	expect((await told("honest", "a", 7, 5)).today - before).toBeCloseTo(17);
	// One turn is dearer than a small budget, and was paid for.
	expect((await told("small", "a", 3, 0.1)).today - before).toBeCloseTo(20);
	await told("free", "a", 20, null);
	// Its own account is as it told: it has spent its budget.
	expect(await spentBy(store, "liar")).toBeGreaterThan(5);
	const spenders = (await spendersToday(store)).map(({ task, usd }) => [task, usd]);
	expect(spenders).toEqual([
		["free", 20],
		["liar", 10],
		["honest", 7],
	]);
	await store.client.zadd(
		store.keys.spenders(new Date().toISOString().slice(0, 10)),
		1e300,
		"\u001b[31m$(x)",
	);
	expect((await spendersToday(store)).map(({ task }) => task)).not.toContain("\u001b[31m$(x)");
});

test("what the tasks of a batch cost is counted together, once, and by what each may cost", async () => {
	await store.client.flushall();
	expect(await putBatch(store, "a")).toBe("published");
	const key = store.keys.batch("nightly");
	const told = async (session: string, costUsd: number) =>
		(
			await noteUsage(store, "a", {
				...{ session, epoch: 1, budgetUsd: 5, ofRun: null },
				ofSession: { inputTokens: 1, outputTokens: 1, costUsd },
			})
		).batch;
	expect(await told("s", 1)).toBe(null);
	await store.client.hset(key, "budgetUsd", "4");
	for (let again = 0; again < 3; again++)
		expect(await told("s", 2)).toEqual({ batch: "nightly", budgetUsd: 4, spentUsd: 2 });
	expect(await told("other", 1e-7)).toMatchObject({ spentUsd: 2 + 1e-7 });
	expect(await batchBudget(store, "nightly")).toMatchObject({ spentUsd: 2 + 1e-7 });
	expect((await told("third", 900_000))?.spentUsd).toBe(10);
	// What another program wrote there is counted anew, and the batch stays one that can be read.
	await store.client.hset(key, "spentUsd", "inf");
	expect((await readBatches(store, ["nightly"])).damaged).toHaveLength(1);
	expect(await batchBudget(store, "nightly")).toMatchObject({ spentUsd: 0 });
	await store.client.del(store.keys.cost("a"));
	expect(await told("s", 3)).toMatchObject({ spentUsd: 3 });
	expect((await readBatches(store, ["nightly"])).damaged).toEqual([]);
	for (const budget of ["x", "-1", "1e999", "nan"]) {
		await store.client.hset(key, "budgetUsd", budget);
		expect(await told("s", 4)).toBe(null);
		expect((await readBatches(store, ["nightly"])).damaged).toHaveLength(1);
	}
	await store.client.del(key);
	await store.client.set(key, "another program's");
	expect([await told("s", 5), await batchBudget(store, "nightly")]).toEqual([null, null]);
});

test.each(["text", "list"])(
	"a %s in the place of what a task has cost: put aside, and counted anew",
	async (held) => {
		const used = { session: "s", epoch: 1, budgetUsd: 5, ofRun: null };
		const note = (task: string) =>
			noteUsage(store, task, { ...used, ofSession: { inputTokens: 1, outputTokens: 1, costUsd: 2 } });
		for (const [task, act] of [
			["reads", (id: string) => spentBy(store, id)],
			["notes", async (id: string) => (await note(id)).task.costUsd],
		] as const) {
			const key = store.keys.cost(task);
			await store.client.del(key);
			await (held === "text" ? store.client.set(key, "x") : store.client.lpush(key, "x"));
			expect(await act(task)).toBe(task === "reads" ? 0 : 2);
			expect((await note(task)).task.costUsd).toBe(2);
		}
	},
);
