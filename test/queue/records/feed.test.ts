import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type FeedPosition, nextEvent, startOfFeed, waitForEvent } from "../../../src/queue/records/feed.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { question, runningTask } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
let position: FeedPosition;
beforeAll(async () => {
	// Nothing here dies: no write need wait for the disk.
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
	store = await openStore({ target: redis.target, namespace: "feed", role: "service" });
});
beforeEach(async () => {
	await store.client.flushall();
	position = await startOfFeed(store);
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

const ALL = { ids: null, questions: true };
const end = (id: string, to: "completed" | "failed") =>
	store.move({ id, from: ["running", "asking"], to, set: {} });

/** @returns the next event as `asked a 001`, `completed b`, or null */
async function next(filter: { ids: Set<string> | null; questions: boolean } = ALL): Promise<string | null> {
	const found = await nextEvent(store, position, filter);
	position = JSON.parse(JSON.stringify(found.position)) as FeedPosition;
	const { event } = found;
	if (event === null) return null;
	return event.kind === "asked" ? `asked ${event.task} ${event.seq}` : `${event.state} ${event.task}`;
}

test("each question and each end once, the oldest first, of tasks that came later too", async () => {
	const a = await runningTask(store, "a");
	await runningTask(store, "b");
	expect(await next()).toBeNull();
	await end("b", "completed");
	await expect.poll(() => Date.now() > Number(position.event.split("-")[0]) + 1).toBe(true);
	await store.ask("a", a, [question("001", "Which?"), question("002", "When?")]);
	expect([await next(), await next(), await next(), await next()]).toEqual([
		"completed b",
		"asked a 001",
		"asked a 002",
		null,
	]);
	await end("a", "failed");
	expect([await next(), await next()]).toEqual(["failed a", null]);
});

test("what is out of date is left out: an answered question, an end that was followed by a retry", async () => {
	const a = await runningTask(store, "a");
	await store.ask("a", a, [question("001", "Which?")]);
	await store.answer("a", { text: "This", by: "me@here" });
	await runningTask(store, "b");
	await end("b", "failed");
	await store.move({ id: "b", from: ["failed"], to: "queued", set: {} });
	expect(await next()).toBeNull();
});

test("a new reader is told open questions, and no end of before, unless it names the task", async () => {
	const a = await runningTask(store, "a");
	await store.ask("a", a, [question("001", "Which?")]);
	await runningTask(store, "b");
	await end("b", "completed");
	position = await startOfFeed(store);
	expect([await next(), await next()]).toEqual(["asked a 001", null]);
	position = await startOfFeed(store, await store.getMany(["a", "b"]));
	const named = { ids: new Set(["a", "b"]), questions: true };
	expect([await next(named), await next(named), await next(named)].sort()).toEqual([
		"asked a 001",
		"completed b",
		null,
	]);
});

test("what a filter keeps out is told when it is wanted, unless it is out of date by then", async () => {
	for (const id of ["c", "d", "e"]) await runningTask(store, id);
	for (const id of ["c", "d", "e"]) await end(id, "failed");
	const onlyD = { ids: new Set(["d"]), questions: false };
	expect([await next(onlyD), await next(onlyD)]).toEqual(["failed d", null]);
	await store.move({ id: "c", from: ["failed"], to: "queued", set: {} });
	expect([await next(), await next()]).toEqual(["failed e", null]);
});

test("a task that parks is told by its question, or as an end to who does not ask for questions", async () => {
	const a = await runningTask(store, "a");
	const other = position;
	await store.ask("a", a, [question("001", "Which?")]);
	await store.move({ id: "a", from: ["asking"], to: "parked", set: {} });
	expect([await next(), await next()]).toEqual(["asked a 001", null]);
	position = other;
	const ends = { ids: null, questions: false };
	expect([await next(ends), await next(ends)]).toEqual(["parked a", null]);
});

test("of two that wait at one position, each is told another event", async () => {
	const signal = new AbortController().signal;
	const keep = (moved: FeedPosition) => {
		position = moved;
	};
	const wait = { ...ALL, timeoutMs: 20_000, signal, keep };
	const waiting = ["x", "y", "z"].map(() => waitForEvent(store, () => position, wait));
	for (const id of ["a", "b", "c"]) await runningTask(store, id);
	for (const id of ["a", "b", "c"]) await end(id, "completed");
	const told = (await Promise.all(waiting)).map(({ event }) => event?.task);
	expect(told.sort()).toEqual(["a", "b", "c"]);
	expect(await next()).toBeNull();
});

test("waits until something happens, until its time is over, or until it is told to stop", async () => {
	const signal = new AbortController().signal;
	await runningTask(store, "a");
	const waiting = waitForEvent(store, () => position, { ...ALL, timeoutMs: 20_000, signal });
	await end("a", "completed");
	expect((await waiting).event).toMatchObject({ kind: "ended", task: "a" });
	position = await startOfFeed(store);
	expect((await waitForEvent(store, () => position, { ...ALL, timeoutMs: 1, signal })).event).toBeNull();
	const stop = AbortSignal.timeout(1);
	expect(
		(await waitForEvent(store, () => position, { ...ALL, timeoutMs: null, signal: stop })).event,
	).toBeNull();
});

test("a time limit and an interruption hold while Redis is away, and an outage only delays the event", async () => {
	await runningTask(store, "a");
	const signal = new AbortController().signal;
	const stop = new AbortController();
	process.kill(redis.pid, "SIGSTOP");
	try {
		const interrupted = waitForEvent(store, () => position, {
			...ALL,
			timeoutMs: null,
			signal: stop.signal,
		});
		stop.abort();
		expect((await interrupted).event).toBeNull();
		const begunAt = Date.now();
		const waited = await waitForEvent(store, () => position, { ...ALL, timeoutMs: 1, signal });
		expect(waited.event).toBeNull();
		expect(waited.awaySince).toBeGreaterThanOrEqual(begunAt - 1);
	} finally {
		process.kill(redis.pid, "SIGCONT");
	}
	expect(await waitForEvent(store, () => position, { ...ALL, timeoutMs: 1, signal })).toMatchObject({
		event: null,
		awaySince: null,
	});
	await end("a", "completed");
	expect(
		(await waitForEvent(store, () => position, { ...ALL, timeoutMs: null, signal })).event,
	).toMatchObject({
		task: "a",
	});
});

test("events that the stream dropped before they were read lose no end, and tell none twice", async () => {
	const task = fc.constantFrom("a", "b", "c", "d");
	const steps = fc.array(
		fc.oneof(
			fc.record({ do: fc.constant("end" as const), task, to: fc.constantFrom("completed", "failed") }),
			fc.record({ do: fc.constant("retry" as const), task }),
			fc.record({ do: fc.constant("drop" as const), kept: fc.constantFrom(0, 1, 2, 5) }),
			fc.record({ do: fc.constant("read" as const), only: fc.option(task) }),
		),
		{ minLength: 3, maxLength: 25 },
	);
	await fc.assert(
		fc.asyncProperty(steps, async (given) => {
			await store.client.flushall();
			position = await startOfFeed(store);
			for (const id of ["a", "b", "c", "d"]) await runningTask(store, id);
			const due = new Map<string, string>();
			const read = async (only: string | null) => {
				const told = await next(only === null ? ALL : { ids: new Set([only]), questions: true });
				if (told === null) return false;
				const [state = "", id = ""] = told.split(" ");
				expect(due.get(id), `${told} is due`).toBe(state);
				due.delete(id);
				return true;
			};
			for (const step of given) {
				if (step.do === "read") await read(step.only);
				else if (step.do === "drop") await store.client.xtrim(store.keys.events, "MAXLEN", String(step.kept));
				else if (step.do === "end") {
					if ((await end(step.task, step.to as "completed")).result === "moved") due.set(step.task, step.to);
				} else if ((await retry(step.task)) === "moved") due.delete(step.task);
			}
			while (await read(null));
			expect([...due]).toEqual([]);
		}),
		{ numRuns: 40 },
	);
});

test("2,000 tasks make more events than the stream holds: a reader of before is told all of them", async () => {
	const ids = Array.from({ length: 2_000 }, (_, n) => `t${n}`);
	await Promise.all(ids.map((id) => runningTask(store, id)));
	await Promise.all(ids.map((id) => end(id, "completed")));
	for (let n = 0; n < 12; n++) await store.client.xadd(store.keys.events, "*", "e", "{}");
	await store.client.xtrim(store.keys.events, "MAXLEN", "100");
	const told = new Set<string>();
	for (let event = await next(); event !== null; event = await next()) told.add(event);
	expect(told.size).toBe(2_000);
});

async function retry(id: string): Promise<string> {
	await store.move({ id, from: ["completed", "failed"], to: "queued", set: {} });
	return (await store.move({ id, from: ["queued"], to: "running", runNonce: "n" })).result;
}
