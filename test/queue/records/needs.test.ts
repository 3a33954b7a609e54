/** Tasks that need others: what a move of one means for the next ones is done in the same script. */
import { describe, expect, test } from "vitest";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { moveToHost } from "../../../src/queue/records/lost-hosts.ts";
import { expectSound } from "./needs-audit.ts";
import { needsStage, store } from "./needs-stage.ts";
import { HOST, runningTask, specOf } from "./store-support.ts";

const { task, start, retry, end, states } = needsStage();
const messageOf = async (id: string) => (await store.need(id)).outcome?.message;

async function diamond() {
	await task("a");
	await task("b", "a");
	await task("c", "a");
	await task("d", "b", "c");
}

describe("what a task needs", () => {
	test("has to be there: a task that needs an unknown or damaged one is not made", async () => {
		expect(await task("b", "a")).toEqual({ result: "no_need", id: "b", need: "a" });
		await task("a");
		await store.client.hset(store.keys.task("a"), "state", "garbage");
		expect(await task("b", "a")).toEqual({ result: "no_need", id: "b", need: "a" });
		expect(await store.exists("b")).toBe(false);
	});

	test("a call made again after its reply was lost finds its task, whatever became of what it needs", async () => {
		await task("a");
		const spec = specOf("b", { after: ["a"] });
		await store.create(spec);
		await store.cancel("a", "me");
		await store.remove("a");
		expect(await store.create(spec)).toEqual({ result: "created", id: "b" });
	});

	test("completed before: it is queued at once", async () => {
		await task("a");
		await end("a", "completed");
		await task("b", "a");
		expect(await states()).toEqual({ a: "completed", b: "queued" });
		expect((await store.need("b")).needs).toMatchObject({ a: { met: true } });
		await expectSound(store);
	});

	test("a diamond goes in order, and each of them once", async () => {
		await diamond();
		expect(await states()).toEqual({ a: "queued", b: "waiting", c: "waiting", d: "waiting" });
		expect(await store.client.zcard(store.keys.outbox)).toBe(1);
		expect((await start("b")).result).toBe("stale");
		await end("a", "completed");
		expect(await states()).toEqual({ a: "completed", b: "queued", c: "queued", d: "waiting" });
		await end("b", "completed");
		expect(await store.stateOf("d")).toBe("waiting");
		await end("c", "completed");
		expect(await store.stateOf("d")).toBe("queued");
		await end("d", "completed");
		const kinds = (await eventsAfter(store, "0")).map(({ task: id, kind }) => `${id} ${kind}`);
		expect(kinds.filter((each) => each.endsWith(" started"))).toHaveLength(4);
		expect(kinds.indexOf("d started")).toBeGreaterThan(kinds.indexOf("c completed"));
		await expectSound(store);
		expect(await store.client.keys(store.keys.dependents("*"))).toEqual([]);
	});

	test("is met once and for all, also where it is removed or started again meanwhile", async () => {
		await diamond();
		await end("a", "completed");
		await end("b", "completed");
		await retry("a");
		expect(await store.stateOf("d")).toBe("waiting");
		await store.remove("b");
		await end("c", "completed");
		expect(await store.stateOf("d")).toBe("queued");
		await expectSound(store);
	});

	test("another task of its name is none that was waited for", async () => {
		await task("a");
		await task("b", "a");
		await store.cancel("a", "me");
		await store.remove("a");
		await task("a");
		await end("a", "completed");
		expect(await store.stateOf("b")).toBe("cancelled");
		expect(await messageOf("b")).toMatch(/`a`, which was removed\. .*dispatch retry b$/);
		await expectSound(store);
	});
});

describe("a need that does not complete", () => {
	test.each(["failed", "cancelled"] as const)("%s: all that follow are skipped, and say why", async (to) => {
		await diamond();
		await end("a", "completed");
		await end("b", to);
		expect(await states()).toEqual({ a: "completed", b: to, c: "queued", d: "cancelled" });
		const { reason, endedAt, outcome } = await store.need("d");
		expect([reason, endedAt === null]).toEqual(["skipped", false]);
		expect(outcome?.message).toMatch(
			/^Not started: it needs `b`, which (failed|was cancelled)\. .*dispatch retry b$/,
		);
		await task("e", "d");
		expect(await messageOf("e")).toMatch(
			/^Not started: it needs `b`, by way of `d`, which .*dispatch retry b$/,
		);
		await end("c", "completed");
		await expectSound(store);
	});

	test("one that was skipped waits again when that is retried, and goes on when it completes", async () => {
		await diamond();
		await end("a", "failed");
		expect(await states()).toEqual({ a: "failed", b: "cancelled", c: "cancelled", d: "cancelled" });
		await retry("a");
		expect(await states()).toEqual({ a: "queued", b: "waiting", c: "waiting", d: "waiting" });
		expect(await store.need("d")).toMatchObject({ reason: null, outcome: null, endedAt: null });
		await expectSound(store);
		await end("a", "completed");
		await end("b", "completed");
		await end("c", "completed");
		expect(await store.stateOf("d")).toBe("queued");
		await expectSound(store);
	});

	test("one that two stood in the way of waits for both to be retried", async () => {
		await diamond();
		await end("a", "completed");
		await end("b", "failed");
		await end("c", "failed");
		await retry("b");
		expect(await store.stateOf("d")).toBe("cancelled");
		expect(await messageOf("d")).toMatch(/needs `c`/);
		await retry("c");
		expect(await store.stateOf("d")).toBe("waiting");
		await expectSound(store);
	});

	test("a retry of what was skipped is refused, and says because of what", async () => {
		await diamond();
		await end("a", "failed");
		expect(await retry("d")).toEqual({ result: "needs", state: "cancelled", need: "b", became: "cancelled" });
		expect(await retry("b")).toEqual({ result: "needs", state: "cancelled", need: "a", became: "failed" });
		await store.remove("a");
		expect(await messageOf("d")).toMatch(/`a`, by way of `b`, which was removed\. .*dispatch retry b$/);
		expect(await retry("b")).toMatchObject({ result: "moved", state: "queued" });
		expect(await states()).toEqual({ b: "queued", c: "cancelled", d: "cancelled" });
		await retry("c");
		expect(await store.stateOf("d")).toBe("waiting");
		await expectSound(store);
	});

	test("what a person has cancelled is not woken", async () => {
		await diamond();
		await store.cancel("c", "me");
		await end("a", "failed");
		await retry("a");
		expect(await states()).toEqual({ a: "queued", b: "waiting", c: "cancelled", d: "cancelled" });
		await retry("c");
		expect(await states()).toEqual({ a: "queued", b: "waiting", c: "waiting", d: "waiting" });
		await expectSound(store);
	});

	test("a task that ran waits for what it needs, where all of it is started again", async () => {
		await diamond();
		for (const id of ["a", "b", "c", "d"]) await end(id, "completed");
		for (const id of ["a", "b", "c", "d"]) await retry(id);
		expect(await states()).toEqual({ a: "queued", b: "waiting", c: "waiting", d: "waiting" });
		// Nobody jumps the queue.
		expect(await store.move({ id: "d", from: ["waiting"], to: "queued" })).toMatchObject({
			state: "waiting",
		});
		await end("a", "completed");
		expect(await states()).toEqual({ a: "completed", b: "queued", c: "queued", d: "waiting" });
		await expectSound(store);
	});

	test("removed while its record is damaged: those that waited are skipped", async () => {
		await task("a");
		await task("b", "a");
		await store.client.hset(store.keys.task("a"), "epoch", "garbage");
		expect(await store.stateOf("b")).toBe("waiting");
		await store.remove("a");
		expect(await messageOf("b")).toMatch(/`a`, which was removed/);
		await expectSound(store);
	});

	test("cancelled while its record is damaged: those that waited are skipped", async () => {
		await task("a");
		await task("b", "a");
		await store.client.hset(store.keys.task("a"), "epoch", "garbage");
		await store.cancel("a", "me");
		expect(await store.need("b")).toMatchObject({ state: "cancelled", reason: "skipped" });
	});
});

test("a waiting task is cancelled, removed, and taken over as one that waits", async () => {
	await task("a");
	await task("b", "a");
	await store.client.hset(store.keys.host(HOST), "beatAt", "1");
	const { revision } = await store.need("b");
	expect(await moveToHost(store, { id: "b", host: "h2", by: "me", revision, set: {} })).toMatchObject({
		result: "moved",
		state: "waiting",
	});
	await expectSound(store);
	await end("a", "completed");
	expect(await store.need("b")).toMatchObject({ state: "queued", host: "h2" });
	await task("c", "b");
	expect(await store.cancel("c", "me")).toMatchObject({ result: "cancelled" });
	expect(await store.remove("c")).toMatchObject({ result: "removed" });
	await expectSound(store);
});

test("one that was skipped is not taken over past what it needs", async () => {
	await task("a");
	await task("b", "a");
	await end("a", "failed");
	const { revision } = await store.need("b");
	expect(await moveToHost(store, { id: "b", host: "h2", by: "me", revision, set: {} })).toMatchObject({
		result: "needs",
		need: "a",
	});
	expect((await store.need("b")).host).toBe(HOST);
});

describe("the index of who waits", () => {
	test.each([
		["is lost", (key: string) => store.client.del(key)],
		["holds something else", (key: string) => store.client.multi().del(key).lpush(key, "x").exec()],
		["holds what is no task", (key: string) => store.client.zadd(key, 1, "../x", 2, "a", 3, "gone")],
	])("%s: nobody waits for ever, and it is made anew", async (_, harm) => {
		await diamond();
		await harm(store.keys.dependents("a"));
		await end("a", "completed");
		const queues = new RunQueues(store);
		try {
			await sweepLostJobs(store, queues, HOST);
			await drainOutbox(store, queues);
		} finally {
			await queues.stop();
		}
		expect(await states()).toEqual({ a: "completed", b: "queued", c: "queued", d: "waiting" });
		await store.mend({ relist: true });
		await expectSound(store);
	});

	test("a damaged task among those that wait keeps none of the others", async () => {
		await diamond();
		await store.client.hset(store.keys.task("b"), "needs", "[1]");
		await end("a", "completed");
		expect(await states()).toMatchObject({ b: "waiting", c: "queued" });
		expect((await store.newest(-1)).damaged).toMatchObject([{ id: "b" }]);
		expect(await store.cancel("b", "me")).toMatchObject({ result: "cancelled" });
		expect(await store.stateOf("d")).toBe("cancelled");
	});

	test("what only one reader of JSON takes ends no script half-way", async () => {
		await diamond();
		const needs = (await store.client.hget(store.keys.task("b"), "needs")) ?? "";
		await store.client.hset(store.keys.task("b"), "needs", needs.replace('"met"', '"more":nan,"met"'));
		await end("a", "completed");
		expect(await states()).toMatchObject({ a: "completed", b: "queued", c: "queued" });
		await expectSound(store);
	});

	test("a record of an earlier version needs nothing", async () => {
		await task("old");
		await store.client.hdel(store.keys.task("old"), "needs");
		const { after: _, ...spec } = specOf("old");
		await store.client.hset(store.keys.task("old"), "spec", JSON.stringify(spec));
		expect(await store.need("old")).toMatchObject({ needs: {}, spec: { after: [] } });
		await end("old", "failed");
		expect(await retry("old")).toMatchObject({ state: "queued" });
	});
});

test("a long chain is skipped, and woken, in one step", async () => {
	const LENGTH = 300;
	await task("t-0");
	for (let n = 1; n < LENGTH; n++) await task(`t-${n}`, `t-${n - 1}`);
	await end("t-0", "failed");
	expect(new Set((await store.states()).values())).toEqual(new Set(["failed", "cancelled"]));
	await retry("t-0");
	expect(new Set((await store.states()).values())).toEqual(new Set(["queued", "waiting"]));
	await expectSound(store);
});

test("a running task's end that meets nobody costs no more than before: no index is left", async () => {
	await runningTask(store, "alone");
	await store.move({ id: "alone", from: ["running"], to: "completed" });
	expect(await store.client.keys(store.keys.dependents("*"))).toEqual([]);
});
