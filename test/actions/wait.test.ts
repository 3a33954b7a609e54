import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type WaitEnd, type WaitOptions, waitFor } from "../../src/actions/wait.ts";
import { openStore } from "../../src/queue/records/open.ts";
import { newNonce, type Store } from "../../src/queue/records/store.ts";
import type { DispatchError } from "../../src/task/errors.ts";
import { question, runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

let redis: TestRedis;
let store: Store;

beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "wait", role: "service" });
});

afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

function wait(ids: string[], changes: Partial<WaitOptions> = {}) {
	return waitFor(store, ids, {
		any: false,
		forQuestion: false,
		timeoutMs: null,
		signal: new AbortController().signal,
		onLook: () => {},
		...changes,
	});
}

const end = (id: string, to: "completed" | "failed") =>
	store.move({ id, from: ["running", "asking"], to, set: {} });

test("returns when all have ended or parked, or with `any` one of them", async () => {
	await runningTask(store, "a");
	const epoch = await runningTask(store, "b");
	let looks = 0;
	const all = wait(["a", "b"], { onLook: () => looks++ });
	const any = wait(["a", "b"], { any: true });
	await end("a", "completed");
	expect(await any).toMatchObject({ kind: "ended", records: [{ spec: { id: "a" } }] });
	await store.ask("b", epoch, [question("001", "Which?")]);
	expect(await wait(["a", "b"], { forQuestion: true })).toMatchObject({
		kind: "asks",
		record: { spec: { id: "b" } },
	});
	await store.move({ id: "b", from: ["asking"], to: "parked", set: {} });
	expect(await all).toMatchObject({ kind: "ended", records: [{ state: "completed" }, { state: "parked" }] });
	expect(looks).toBeGreaterThan(0);
});

test("a server that a script blocks is waited out, and to a command it is away", async () => {
	await runningTask(store, "w");
	const blocking = store.client.duplicate();
	blocking.on("error", () => {});
	await store.client.config("SET", "lua-time-limit", "10");
	let looks = 0;
	const waiting = wait(["w"], { onLook: () => looks++ });
	await expect.poll(() => looks).toBeGreaterThan(0);
	const blocked = blocking.eval("while true do end", 0).catch(() => {});
	await expect
		.poll(() => store.stateOf("w").catch(({ code }: DispatchError) => code))
		.toBe("DISPATCH_REDIS_UNREACHABLE");
	const before = looks;
	await store.client.script("KILL");
	await blocked;
	await expect.poll(() => looks).toBeGreaterThan(before);
	await end("w", "completed");
	expect(await waiting).toMatchObject({ kind: "ended" });
	blocking.disconnect();
});

test("a time limit, an interruption and a removal end the wait, and say so", async () => {
	await runningTask(store, "c");
	expect(await wait(["c"], { timeoutMs: 300 })).toMatchObject({
		kind: "timedOut",
		records: [{ state: "running" }],
	});
	// As `kubectl wait --timeout=0`: one look, and what it saw.
	expect(await wait(["c"], { timeoutMs: 0 })).toMatchObject({
		kind: "timedOut",
		records: [{ state: "running" }],
	});
	const interruption = new AbortController();
	const interrupted = wait(["c"], { signal: interruption.signal });
	interruption.abort();
	expect(await interrupted).toEqual({ kind: "interrupted" });
	await store.create(specOf("gone"));
	await store.cancel("gone", "tester");
	await store.remove("gone");
	expect(await wait(["c", "gone"])).toEqual({ kind: "removed", id: "gone" });
});

test("a time limit holds while Redis is away, and an outage only delays the wait", async () => {
	await runningTask(store, "d");
	const waiting = wait(["d"]);
	const begunAt = Date.now();
	let looks = 0;
	const seen = wait(["d"], { timeoutMs: 8_000, onLook: () => looks++ });
	await expect.poll(() => looks).toBeGreaterThan(0);
	process.kill(redis.pid, "SIGSTOP");
	expect(await wait(["d"], { timeoutMs: 300 })).toMatchObject({ kind: "timedOut", records: [] });
	// What was seen before is known, and since when nothing is.
	const over = await seen;
	expect(over).toMatchObject({ kind: "timedOut", records: [{ state: "running" }] });
	const { awaySince } = over as WaitEnd & { kind: "timedOut" };
	expect(awaySince).toBeGreaterThan(begunAt);
	expect(awaySince).toBeLessThan(Date.now());
	process.kill(redis.pid, "SIGCONT");
	expect(await wait(["d"], { timeoutMs: 300 })).toMatchObject({ kind: "timedOut", awaySince: null });
	await end("d", "failed");
	expect(await waiting).toMatchObject({ kind: "ended", records: [{ state: "failed" }] });
});

test("a damaged record ends nobody's wait for the others, and is never a good end", async () => {
	await runningTask(store, "e");
	await runningTask(store, "bad");
	await store.client.hset(store.keys.task("bad"), "spec", "{x");
	const waiting = wait(["bad", "e"]);
	expect((await wait(["bad", "e"], { timeoutMs: 300 })).kind).toBe("timedOut");
	await end("e", "completed");
	const damaged = { kind: "damaged", damaged: { id: "bad", damage: "spec is not JSON" } };
	expect(await waiting).toMatchObject({ ...damaged, records: [{ state: "completed" }] });
	expect(await wait(["bad"])).toMatchObject(damaged);
	expect(await wait(["bad", "e"], { any: true })).toMatchObject({ kind: "ended", records: [{}] });
});

test("one that waits for a parked one ends the wait, as that one does; with others still at work it does not", async () => {
	const epoch = await runningTask(store, "p1");
	await store.create(specOf("p2", { after: ["p1"] }));
	await store.create(specOf("p3", { after: ["p2"] }));
	await runningTask(store, "at-work");
	await store.ask("p1", epoch, [question("001", "Which?")]);
	await store.move({ id: "p1", from: ["asking"], to: "parked", set: {} });
	const waits = { kind: "ended", records: [{ spec: { id: "p3" }, state: "waiting" }] };
	expect(await wait(["p3"])).toMatchObject(waits);
	expect(await wait(["p2", "p1", "p3"])).toMatchObject({ kind: "ended" });
	const all = wait(["p3", "at-work"]);
	expect(await wait(["p3", "at-work"], { timeoutMs: 1 })).toMatchObject({ kind: "timedOut" });
	await end("at-work", "completed");
	expect(await all).toMatchObject({ kind: "ended", records: [{ state: "waiting" }, { state: "completed" }] });
	await store.answer("p1", { text: "a", by: "me" });
	expect(await wait(["p3"], { timeoutMs: 1 })).toMatchObject({ kind: "timedOut" });
});

test("one that waits for a damaged one ends the wait, which says so", async () => {
	await runningTask(store, "d1");
	await store.create(specOf("d2", { after: ["d1"] }));
	await store.client.hset(store.keys.task("d1"), "epoch", "garbage");
	expect(await wait(["d2"])).toMatchObject({ kind: "damaged", damaged: { id: "d1" } });
});

test("one whose need does not complete has ended: it is cancelled", async () => {
	await runningTask(store, "e1");
	await store.create(specOf("e2", { after: ["e1"] }));
	const waiting = wait(["e2"]);
	await end("e1", "failed");
	expect(await waiting).toMatchObject({
		kind: "ended",
		records: [{ state: "cancelled", reason: "skipped" }],
	});
});

describe("an end that was seen while another task is at work", () => {
	/** @returns the wait, once it has seen that end */
	async function seenEnding(id: string, to: "completed" | "failed" | "cancelled") {
		await runningTask(store, id);
		await runningTask(store, `${id}-beside`);
		const states: string[] = [];
		const waiting = wait([id, `${id}-beside`], {
			onLook: (records) =>
				states.push(...records.flatMap(({ spec, state }) => (spec.id === id ? [state] : []))),
		});
		await store.move({ id, from: ["running"], to, set: {} });
		await expect.poll(() => states).toContain(to);
		return { waiting, states };
	}

	const again = (id: string) =>
		store.move({ id, from: ["failed", "cancelled", "completed"], to: "queued", set: {} });

	test.each(["completed", "failed", "cancelled"] as const)(
		"is its end no more where the %s one was started again: what it comes to then counts",
		async (to) => {
			const id = `again-${to}`;
			const { waiting, states } = await seenEnding(id, to);
			await again(id);
			await end(`${id}-beside`, "completed");
			await expect.poll(() => states.at(-1)).toBe("queued");
			await store.move({ id, from: ["queued"], to: "running", runNonce: newNonce() });
			await end(id, "completed");
			expect(await waiting).toMatchObject({ kind: "ended", records: [{ state: "completed", epoch: 2 }, {}] });
		},
	);

	test("is not trusted at the last look: one that was started again meanwhile and failed has failed", async () => {
		const { waiting } = await seenEnding("worse", "completed");
		await again("worse");
		await store.move({ id: "worse", from: ["queued"], to: "running", runNonce: newNonce() });
		await end("worse", "failed");
		await end("worse-beside", "completed");
		expect(await waiting).toMatchObject({ kind: "ended", records: [{ state: "failed", epoch: 2 }, {}] });
	});

	test("is told anew while the other is still at work", async () => {
		const { waiting, states } = await seenEnding("early", "failed");
		await again("early");
		await expect.poll(() => states.at(-1)).toBe("queued");
		await store.cancel("early", "tester");
		await end("early-beside", "completed");
		expect(await waiting).toMatchObject({ kind: "ended", records: [{ state: "cancelled" }, {}] });
	});

	test("stays its end where it is removed afterwards, also once a new task has its id", async () => {
		const { waiting } = await seenEnding("pruned", "completed");
		await store.remove("pruned");
		const other = await seenEnding("reused", "failed");
		await store.remove("reused");
		await store.create(specOf("reused"));
		await end("pruned-beside", "completed");
		await end("reused-beside", "completed");
		expect(await waiting).toMatchObject({ kind: "ended", records: [{ state: "completed" }, {}] });
		expect(await other.waiting).toMatchObject({ kind: "ended", records: [{ state: "failed" }, {}] });
	});

	test("is never a good end once its record is damaged", async () => {
		const { waiting } = await seenEnding("hurt", "completed");
		await store.client.hset(store.keys.task("hurt"), "spec", "{x");
		await end("hurt-beside", "completed");
		expect(await waiting).toMatchObject({ kind: "damaged", damaged: { id: "hurt" } });
	});
});
