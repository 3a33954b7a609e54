/** Limits of backends and batches: never exceeded by a start, and nobody else is held back. */
import { expect, test } from "vitest";
import { jobIdOf, type RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import type { StartLimits } from "../../../src/queue/jobs/start-limits.ts";
import { takeTurn } from "../../../src/queue/jobs/turns.ts";
import { choose } from "../../../src/queue/records/choose.ts";
import { limitsHolding } from "../../../src/queue/records/limited.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { HOST_GONE_MS } from "../../../src/task/host.ts";
import { HOST, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

let store: Store;
let queues: RunQueues;
withQueues((made) => {
	({ store, queues } = made);
});

interface Queued {
	id: string;
	batch?: string;
	backend?: string;
	host?: string;
}

/** A host that lives says so; one whose word is older is gone. */
const beat = (host: string, agoMs = 0) =>
	store.client.hset(store.keys.host(host), "beatAt", Date.now() - agoMs);

/** Queued tasks with their jobs in line; of a batch as its record says. */
async function put(...tasks: Queued[]): Promise<void> {
	for (const host of new Set(tasks.map((task) => task.host ?? HOST))) await beat(host);
	for (const { id, batch = "", backend = "claude", host = HOST } of tasks) {
		await store.create(specOf(id, { backend, host }));
		if (batch !== "") await store.client.hset(store.keys.task(id), "batch", batch);
		await store.client.sadd(store.keys.hosts, host);
		await queues.add(await store.need(id), Date.now());
	}
}

/** What a worker takes now, which leaves its job active; "" where nothing may be. */
async function next(limits: StartLimits = {}, host = HOST): Promise<string> {
	await takeTurn(store, host, { hasRoom: true, limits });
	const queue = queues.of(host);
	const job = await store.client.rpoplpush(queue.toKey("wait"), queue.toKey("active"));
	return job?.slice(0, job.lastIndexOf(".")) ?? "";
}

/** Its agent is started. */
async function start(id: string): Promise<void> {
	const { spec } = await store.need(id);
	const set = { startedWith: spec.backend };
	await store.move({ id, from: ["queued"], to: "running", runNonce: `n-${id}`, set });
}

/** Its turn came to no start. */
async function sendBack(id: string): Promise<void> {
	const job = jobIdOf(id, (await store.need(id)).generation);
	await store.client.lrem(queues.of(HOST).toKey("active"), 1, job);
}

const moves = (id: string, to: "asking" | "running" | "completed") =>
	store.move({ id, from: ["running", "asking"], to });

const ONE: StartLimits = { claude: { concurrency: 1 } };

test("of a backend only so many work, taken ones included; others start, and an end lets the next one start", async () => {
	await put({ id: "a" }, { id: "b" }, { id: "c", backend: "codex" }, { id: "d" });
	expect(await next(ONE)).toBe("a");
	expect([await next(ONE), await next(ONE)]).toEqual(["c", ""]);
	expect(await limitsHolding(store, HOST)).toEqual(
		new Map([[" claude", { kind: "backend", used: 1, all: 1, until: null, away: null }]]),
	);
	await start("a");
	expect(await next(ONE)).toBe("");
	// One that asks does not work; answered it goes on, over the limit, and nothing more starts.
	await moves("a", "asking");
	expect(await next(ONE)).toBe("b");
	await start("b");
	await moves("a", "running");
	await moves("b", "completed");
	expect(await next(ONE)).toBe("");
	await moves("a", "completed");
	expect(await next(ONE)).toBe("d");
	expect(await next(ONE)).toBe("");
});

test("of a batch only so many work on all hosts together, and what stands behind it starts", async () => {
	await put(
		...[1, 2, 3].map((n) => ({ id: `here-${n}`, batch: "nightly" })),
		...[1, 2].map((n) => ({ id: `there-${n}`, batch: "nightly", host: "h2" })),
		{ id: "mine" },
		{ id: "other", batch: "other" },
	);
	await store.client.hset(store.keys.batch("nightly"), "maxParallel", "2");
	expect(await next({}, "h2")).toBe("there-1");
	expect([await next(), await next(), await next(), await next()].sort()).toEqual([
		"",
		"here-1",
		"mine",
		"other",
	]);
	expect(await next({}, "h2")).toBe("");
	expect([...(await limitsHolding(store, HOST)).values()]).toEqual([
		{ kind: "batch", used: 2, all: 2, until: null, away: null },
	]);
	await start("there-1");
	await moves("there-1", "completed");
	expect([await next(), await next({}, "h2")]).toEqual(["here-2", ""]);
});

test("what a host had chosen holds nobody once it is gone; an agent of it counts, and is named, until it ends or is taken over", async () => {
	await put({ id: "here", batch: "nightly" }, { id: "there", batch: "nightly", host: "h2" });
	await store.client.hset(store.keys.batch("nightly"), "maxParallel", "1");
	expect([await next({}, "h2"), await next()]).toEqual(["there", ""]);
	await beat("h2", HOST_GONE_MS);
	expect(await next()).toBe("here");
	await sendBack("here");
	await put({ id: "more", batch: "nightly" });
	await start("there");
	expect(await next()).toBe("");
	expect([...(await limitsHolding(store, HOST)).values()]).toEqual([
		{ kind: "batch", used: 1, all: 1, until: null, away: { task: "there", host: "h2" } },
	]);
	await beat("h2");
	expect(await next()).toBe("");
	expect([...(await limitsHolding(store, HOST)).values()]).toEqual([
		{ kind: "batch", used: 1, all: 1, until: null, away: null },
	]);
	await moves("there", "completed");
	expect(await next()).toBe("more");
});

test("so many starts within a minute, and when the next one may start", async () => {
	const limits: StartLimits = { claude: { startsPerMinute: 2 } };
	await put({ id: "a" }, { id: "b" }, { id: "c" }, { id: "d", backend: "codex" });
	expect([await next(limits), await next(limits), await next(limits), await next(limits)]).toEqual([
		"a",
		"b",
		"d",
		"",
	]);
	const [held] = [...(await limitsHolding(store, HOST)).values()];
	expect(held).toMatchObject({ kind: "starts", used: 2, all: 2 });
	const turn = await takeTurn(store, HOST, { hasRoom: true, limits });
	expect(turn).toMatchObject({ isNext: false, isLimited: true });
	expect(Math.abs((turn.later ?? 0) - (held?.until ?? 0))).toBeLessThan(1_000);
	for (const id of ["a", "b"]) await start(id);
	await moves("a", "completed");
	expect(await next(limits)).toBe("");
	// A minute later.
	const starts = await store.client.zrange(store.keys.starts(HOST), "0", "-1");
	expect(starts).toEqual(["a.1 claude", "b.1 claude"]);
	for (const one of starts) await store.client.zincrby(store.keys.starts(HOST), -60_000, one);
	expect(await next(limits)).toBe("c");
});

test("a turn that comes to no start uses none up: one that is sent back, and one that is queued anew", async () => {
	const limits: StartLimits = { claude: { startsPerMinute: 1 } };
	await put({ id: "a" }, { id: "b" }, { id: "c" });
	expect([await next(limits), await next(limits)]).toEqual(["a", ""]);
	await sendBack("a");
	expect([await next(limits), await next(limits)]).toEqual(["b", ""]);
	// It is another backend's by now, whatever its job of before is yet.
	const record = await store.need("b");
	await choose(store, record, {
		chosen: { ...record.spec, backend: "codex" },
		signature: null,
		sessionId: null,
	});
	expect([await next(limits), await next(limits)]).toEqual(["c", ""]);
});

test("a backend that is full says so, also where nobody waits for it", async () => {
	await put({ id: "a" });
	expect([await next(ONE), await next(ONE)]).toEqual(["a", ""]);
	expect([...(await limitsHolding(store, HOST)).keys()]).toEqual([" claude"]);
	await start("a");
	await moves("a", "completed");
	expect((await takeTurn(store, HOST, { hasRoom: true, limits: ONE })).isLimited).toBe(false);
	expect((await limitsHolding(store, HOST)).size).toBe(0);
});

test("what cannot be in the place of a limit's keys holds nobody", async () => {
	await put({ id: "a", batch: "nightly" }, { id: "b", batch: "nightly" });
	await store.client.hset(store.keys.batch("nightly"), "maxParallel", "1e9");
	await store.client.zadd(store.keys.starts(HOST), Date.now() + 3_600_000, "x.1 claude");
	await store.client.set(store.keys.limited(HOST), "x");
	const limits: StartLimits = { claude: { startsPerMinute: 1 } };
	expect(await next(limits)).toBe("a");
	await sendBack("a");
	await store.client.del(store.keys.batch("nightly"), store.keys.starts(HOST));
	await store.client.set(store.keys.batch("nightly"), "x");
	await store.client.lpush(store.keys.starts(HOST), "x");
	await store.client.hset(store.keys.limited(HOST), "nightly claude", '{"kind":"no"}');
	expect(await next(limits)).toBe("b");
	await store.client.del(store.keys.starts(HOST));
	await store.client.set(store.keys.starts(HOST), "x");
	await store.create(specOf("c", { backend: "claude" }));
	await start("c");
	expect(await store.client.zrange(store.keys.starts(HOST), "0", "-1")).toEqual(["c.1 claude"]);
	expect(await queues.of(HOST).getJobState(jobIdOf("b", (await store.need("b")).generation))).toBe("active");
});
