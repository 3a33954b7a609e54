/**
 * BullMQ can pause or limit a whole queue, which anybody's Bull Board or script can do to ours, and says it to nobody.
 * Dispatch sets none of that: the worker of a host takes it away, at its start and from time to time.
 */
import type { Queue } from "bullmq";
import { describe, expect, test, vi } from "vitest";
import { monitorQueueName, notifyQueueName, openQueue, runQueueName } from "../../../src/queue/jobs/bull.ts";
import { drainOutbox } from "../../../src/queue/jobs/dispatcher.ts";
import { MonitorLoop } from "../../../src/queue/jobs/monitor-queue.ts";
import { Notifier } from "../../../src/queue/jobs/notify-queue.ts";
import { jobIdOf, type RunQueues, RunWorker } from "../../../src/queue/jobs/run-queue.ts";
import { eventsAfter, noteEvent } from "../../../src/queue/records/events.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { HOST, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

/** What a limited worker of BullMQ sleeps, unless it is told otherwise. */
const BULLMQ_SLEEPS_MS = 30_000;

let store: Store;
let queues: RunQueues;
const cleanups = withQueues((made) => {
	({ store, queues } = made);
});

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const mend = () => store.mend({ hosts: [HOST] });
const HOUR_MS = 3_600_000;

const client = () => store.client;
/** What may be set of a queue. */
const HOLDS: Record<string, (queue: Queue) => Promise<unknown>> = {
	"a pause": (queue) => queue.pause(),
	"no concurrency": (queue) => client().hset(queue.toKey("meta"), "concurrency", 0),
	"a concurrency that is none": (queue) => client().hset(queue.toKey("meta"), "concurrency", "x"),
	"a limit that is reached": async (queue) => {
		await queue.setGlobalRateLimit(1, HOUR_MS);
		await client().set(queue.toKey("limiter"), 999_999, "PX", HOUR_MS);
	},
	"a limit without a duration": (queue) => client().hset(queue.toKey("meta"), "max", 5),
	"a length of events that is none": (queue) => client().hset(queue.toKey("meta"), "opts.maxLenEvents", "x"),
};

/** Something each queue does; @returns how often it was done */
const AT_WORK: Record<string, { name: (host: string) => string; start: () => Promise<() => number> }> = {
	run: {
		name: runQueueName,
		start: async () => {
			let ran = 0;
			const process = async () => {
				ran += 1;
				return { kind: "done", state: "completed", message: "ok" } as const;
			};
			const worker = new RunWorker({ store, queues, host: HOST, room: () => 2, process });
			cleanups.push(() => worker.stop());
			await worker.start();
			await store.create(specOf("t"));
			await drainOutbox(store, queues);
			return () => ran;
		},
	},
	monitor: {
		name: monitorQueueName,
		start: async () => {
			const queue = openQueue(store, monitorQueueName(HOST));
			cleanups.push(() => queue.close());
			let jobs = 0;
			const cycle = async () => {
				// Without its job it looks, too.
				if ((await queue.getActiveCount()) > 0) jobs += 1;
				return {};
			};
			const monitor = new MonitorLoop({ store, host: HOST, intervalMs: 50, cycle });
			cleanups.push(() => monitor.stop());
			await monitor.start();
			return () => jobs;
		},
	},
	notify: {
		name: notifyQueueName,
		start: async () => {
			let told = 0;
			const task = { id: "t" };
			const notifier = new Notifier({
				...{ store, host: HOST, fault: () => {}, maxBackoffMs: 1 },
				prepare: async (event) => ({
					payload: { id: event.id, event: event.kind, task } as never,
					targets: event.task === "t" ? ["x"] : [],
				}),
				deliver: async () => {
					told += 1;
				},
			});
			cleanups.push(() => notifier.stop());
			await notifier.start();
			await noteEvent(store, { task: "t", kind: "note" });
			await notifier.pump();
			return () => told;
		},
	},
};

describe.each(Object.entries(HOLDS))("%s", (_held, hold) => {
	test.each(Object.entries(AT_WORK))("of the %s queue is taken away, which is told", async (_queue, kind) => {
		const queue = openQueue(store, kind.name(HOST));
		cleanups.push(() => queue.close());
		// Its own settings are written by then.
		await queue.getVersion();
		await hold(queue);
		expect(await mend()).toEqual([`bull:${kind.name(HOST)}`]);
		expect(await mend()).toEqual([]);
		const done = await kind.start();
		await until(() => expect(done()).toBeGreaterThan(0));
		const events = await eventsAfter(store, "0");
		expect(events).toContainEqual(
			expect.objectContaining({ kind: "repaired", text: `bull:${kind.name(HOST)}` }),
		);
	});
});

test("what waits where an earlier BullMQ put the jobs of a paused queue is taken from there", async () => {
	await store.create(specOf("t"));
	await drainOutbox(store, queues);
	const queue = queues.of(HOST);
	await client().zrem(queue.toKey("prioritized"), jobIdOf("t", 1));
	await client().lpush(queue.toKey("paused"), jobIdOf("t", 1));
	expect(await mend()).toEqual([`bull:${runQueueName(HOST)}`]);
	expect(await client().lrange(queue.toKey("wait"), 0, -1)).toEqual([jobIdOf("t", 1)]);
});

test("a worker that a limit held goes on soon after it was taken away", async () => {
	const ran: string[] = [];
	const process = async ({ task }: { task: string }) => {
		ran.push(task);
		return { kind: "done", state: "completed", message: "ok" } as const;
	};
	await queues.of(HOST).setGlobalRateLimit(1, HOUR_MS);
	const worker = new RunWorker({ store, queues, host: HOST, room: () => 2, process });
	cleanups.push(() => worker.stop());
	await worker.start();
	for (const id of ["a", "b"]) await store.create(specOf(id));
	await drainOutbox(store, queues);
	// Its end fetches the next one in the same script: by then the worker was told of the limit.
	await until(async () => expect(await queues.of(HOST).getJobState("a.1")).toBe("completed"));
	expect(ran).toEqual(["a"]);
	const sleep = setTimeout(() => ran.push("half a sleep"), BULLMQ_SLEEPS_MS / 2);
	cleanups.push(async () => clearTimeout(sleep));
	await mend();
	await until(() => expect(ran).toContain("b"));
	expect(ran).toEqual(["a", "b"]);
});
