import { expect, test } from "vitest";
import type { RunJob } from "../../src/queue/jobs/run-queue.ts";
import { holdUntil, noteLasting } from "../../src/queue/records/gates.ts";
import { noteUsage } from "../../src/queue/records/spend.ts";
import { gatedBy } from "../../src/task/record.ts";
import { lifeOf } from "../../src/worker/lives.ts";
import { Places } from "../../src/worker/places.ts";
import { type RunJobDeps, runJob } from "../../src/worker/run-job.ts";
import { monitorStage } from "../monitor/stage.ts";
import { HOST, putGraph, specOf } from "../queue/records/store-support.ts";

const stage = monitorStage();

/**
 * The deps of a worker with one place; `started` lists what it was told to start.
 * @param whileMade happens while a start makes its worktree
 */
function worker(places = new Places({ work: 1, live: 4 }), whileMade?: () => unknown) {
	const { store, hub } = stage();
	const started: string[] = [];
	// As the daemon does.
	hub.on("state", (task, state) => places.tell(task, lifeOf(state)));
	const deps: RunJobDeps = {
		store,
		host: HOST,
		hub,
		places,
		dailyUsd: null,
		reconcile: async () => {},
		fallback: async (_, { kind, until }) => ({ kind, until }),
		start: async (task, _, { mayStart }) => {
			await whileMade?.();
			if (!(await mayStart())) return;
			started.push(task);
			const moved = await store.move({ id: task, from: ["queued"], to: "running", runNonce: `n-${task}` });
			if (moved.result === "moved") hub.emit("state", task, moved.state);
		},
		fault: () => {},
	};
	return { deps, started, places };
}

function jobOf(task: string, generation: number): RunJob & { stop(): void; drain(): void } {
	const stopping = new AbortController();
	const draining = new AbortController();
	return {
		task,
		generation,
		signal: stopping.signal,
		draining: draining.signal,
		placed: () => {},
		progress: async () => {},
		stop: () => stopping.abort(),
		drain: () => draining.abort(),
	};
}

async function queued(id: string): Promise<number> {
	const { store } = stage();
	await store.create(specOf(id));
	return (await store.need(id)).generation;
}

test("what kept it from a start before is told no more once it waits for something else", async () => {
	const { store } = stage();
	const { deps } = worker();
	const generation = await queued("t");
	await store.follow("t", 0, { trouble: { epoch: 0, step: "start", why: "No room" } });
	const job = jobOf("t", generation);
	const end = runJob(job, { ...deps, start: async () => job.drain() });
	expect(await end).toEqual({ kind: "release" });
	expect((await store.need("t")).trouble).toBeNull();
});

test("starts the task once, waits for its end, and tells it", async () => {
	const { store, hub } = stage();
	const { deps, started, places } = worker();
	const generation = await queued("t");
	const end = runJob(jobOf("t", generation), deps);
	await expect.poll(() => store.stateOf("t")).toBe("running");
	expect(places.taken).toBe(1);
	await store.move({
		id: "t",
		from: ["running"],
		to: "failed",
		epoch: 1,
		set: {
			reason: "crashed",
			outcome: { kind: "failed", message: "Boom.", exitCode: 1, signal: null, logTail: [], warnings: [] },
		},
	});
	hub.emit("state", "t", "failed");
	expect(await end).toEqual({ kind: "failed", message: "Boom." });
	expect(started).toEqual(["t"]);
});

test("a job of an older generation, or of a removed task, ends without acting", async () => {
	const { deps, started } = worker();
	const generation = await queued("t");
	expect(await runJob(jobOf("t", generation - 1), deps)).toMatchObject({ kind: "done" });
	expect(await runJob(jobOf("gone", 1), deps)).toMatchObject({ kind: "done", state: "removed" });
	expect(started).toEqual([]);
});

test("a daemon that stops gives the job back and leaves the agent alone", async () => {
	const { store } = stage();
	const { deps } = worker();
	const job = jobOf("t", await queued("t"));
	const end = runJob(job, deps);
	await expect.poll(() => store.stateOf("t")).toBe("running");
	job.stop();
	expect(await end).toEqual({ kind: "release" });
	expect(await store.stateOf("t")).toBe("running");
});

const gated = gatedBy({ spec: specOf("t"), chosen: null, host: HOST });
const nothing = { inputTokens: 0, outputTokens: 0 };
const SPENT = { session: "s", epoch: 1, ofSession: { ...nothing, costUsd: 9 }, ofRun: null, budgetUsd: null };
const FAR = Date.now() + 3_600_000;

test.each([
	["drained", async (job: ReturnType<typeof jobOf>) => job.drain(), { kind: "release" }],
	["stopped", async (job: ReturnType<typeof jobOf>) => job.stop(), { kind: "release" }],
	[
		"its backend is held",
		() =>
			holdUntil(stage().store, gated, { kind: "rate_limited", until: FAR, message: "limit", limited: null }),
		{ kind: "later" },
	],
	["the day is spent", () => noteUsage(stage().store, "t", SPENT), { kind: "later" }],
] as const)("while its worktree is made the host is %s: nothing is started", async (_, meanwhile, end) => {
	const job = jobOf("t", await queued("t"));
	const { deps, started, places } = worker(new Places({ work: 1, live: 4 }), () => meanwhile(job));
	expect(await runJob(job, { ...deps, dailyUsd: 5 })).toMatchObject(end);
	expect([started, await stage().store.stateOf("t"), places.taken]).toEqual([[], "queued", 0]);
});

test("while its worktree is made its batch stops: nothing is started", async () => {
	const { store } = stage();
	await putGraph(store, { f: [], t: [] }, "stop");
	await store.move({ id: "f", from: ["queued"], to: "running", runNonce: "n-f" });
	const { deps, started, places } = worker(new Places({ work: 2, live: 4 }), () =>
		store.move({ id: "f", from: ["running"], to: "failed" }),
	);
	const { generation } = await store.need("t");
	expect(await runJob(jobOf("t", generation), deps)).toMatchObject({ kind: "done", state: "cancelled" });
	expect([started, (await store.need("t")).reason, places.taken]).toEqual([[], "skipped", 0]);
});

test("a gate without an end is not looked at over and over: who opens it wakes those that wait", async () => {
	const { deps, started } = worker();
	const job = jobOf("t", await queued("t"));
	for (let failed = 0; failed < 2; failed++) await noteLasting(stage().store, gated, "auth", "not logged in");
	const end = await runJob(job, deps);
	expect(end).toMatchObject({ kind: "later" });
	expect("at" in end ? end.at - Date.now() : 0).toBeGreaterThan(30 * 60_000);
	expect([started, (await stage().store.need("t")).hold]).toEqual([[], { kind: "auth", until: null }]);
});

test("one that drains, or has no place, starts nothing", async () => {
	const { store } = stage();
	const { deps, started, places } = worker();
	places.tell("busy", "works");
	const job = jobOf("t", await queued("t"));
	const end = runJob(job, deps);
	job.drain();
	expect(await end).toEqual({ kind: "release" });
	expect([started, await store.stateOf("t"), places.taken]).toEqual([[], "queued", 1]);
});

test("whatever throws on the way: the job comes back later, and its place is free", async () => {
	const { store } = stage();
	const broken = async () => {
		throw new Error("broken");
	};
	const { deps, places } = worker();
	const generation = await queued("t");
	const faults: string[] = [];
	const fault = (task: string, error: unknown) => faults.push(`${task}: ${String(error)}`);
	for (const broke of [{ reconcile: broken }, { start: broken }])
		expect(await runJob(jobOf("t", generation), { ...deps, fault, ...broke })).toMatchObject({
			kind: "later",
		});
	expect(faults).toEqual(["t: Error: broken", "t: Error: broken"]);
	expect([places.taken, places.waiting, await store.stateOf("t")]).toEqual([0, 0, "queued"]);
});

test("what lives by its record, though no look has told of it, is counted before a start", async () => {
	const { store, hub } = stage();
	const { deps, started, places } = worker(new Places({ work: 4, live: 1 }));
	await queued("untold");
	await store.move({ id: "untold", from: ["queued"], to: "running", runNonce: "n-untold" });
	const job = jobOf("t", await queued("t"));
	const end = runJob(job, deps);
	await expect.poll(() => [places.living, places.waiting]).toEqual([1, 1]);
	expect(started).toEqual([]);
	await store.move({ id: "untold", from: ["running"], to: "asking", epoch: 1 });
	hub.emit("state", "untold", "asking");
	expect([places.living, places.waiting]).toEqual([1, 1]);
	await store.move({ id: "untold", from: ["asking"], to: "cancelled", epoch: 1 });
	hub.emit("state", "untold", "cancelled");
	await expect.poll(() => started).toEqual(["t"]);
	job.stop();
	expect(await end).toEqual({ kind: "release" });
});
