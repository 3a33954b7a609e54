import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import type { Queue } from "bullmq";
import { build } from "esbuild";
import { expect, test, vi } from "vitest";
import { monitorQueueName, notifyQueueName, openQueue } from "../../../src/queue/jobs/bull.ts";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { MonitorLoop } from "../../../src/queue/jobs/monitor-queue.ts";
import { Notifier } from "../../../src/queue/jobs/notify-queue.ts";
import {
	jobIdOf,
	type RunEnd,
	type RunJob,
	type RunQueues,
	RunWorker,
} from "../../../src/queue/jobs/run-queue.ts";
import { noteEvent, type TaskEvent } from "../../../src/queue/records/events.ts";
import { Store } from "../../../src/queue/records/store.ts";
import type { NotificationPayload } from "../../../src/task/notification.ts";
import { allOfRedis } from "../../e2e/all-of-redis.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import type { startTestRedis } from "../../redis.ts";
import { temporaryFolder } from "../../temporary-folder.ts";
import { HOST, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

let redis: Awaited<ReturnType<typeof startTestRedis>>;
let store: Store;
let queues: RunQueues;
const cleanups = withQueues((made) => {
	({ store, queues, redis } = made);
});

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });

async function worker(process: (job: RunJob) => Promise<RunEnd>, places = 2): Promise<RunWorker> {
	const made = new RunWorker({ store, queues, host: HOST, room: () => places, process });
	await made.start();
	cleanups.push(() => made.stop());
	return made;
}

/** A worker in a process of its own that takes a job and never ends it. @returns once it has one */
async function startDaemon(): Promise<ChildProcess> {
	const module = (name: string) => JSON.stringify(resolve("src/queue", name));
	const contents = `(async () => {
		const { RunQueues, RunWorker } = await import(${module("jobs/run-queue.ts")});
		const { openStore } = await import(${module("records/open.ts")});
		const target = { socketPath: ${JSON.stringify(redis.socketPath)} };
		const store = await openStore({ target, namespace: "test", role: "service" });
		const process = () => { console.log("taken"); return new Promise(() => {}); };
		const queues = new RunQueues(store);
		await new RunWorker({ store, queues, host: "${HOST}", room: () => 1, process }).start();
	})()`;
	const outfile = join(temporaryFolder("daemon"), "daemon.cjs");
	const stdin = { contents, resolveDir: process.cwd() };
	await build({
		stdin,
		outfile,
		bundle: true,
		platform: "node",
		format: "cjs",
		external: ["msgpackr-extract"],
		logLevel: "error",
	});
	const daemon = spawn(process.execPath, [outfile], { stdio: ["ignore", "pipe", "inherit"] });
	cleanups.push(async () => daemon.kill("SIGKILL"));
	await once(daemon.stdout, "data");
	return daemon;
}

const untilAborted = (job: RunJob) =>
	new Promise<RunEnd>((resolve) => job.signal.addEventListener("abort", () => resolve({ kind: "release" })));

test("the outbox becomes run jobs once, however often it is drained", async () => {
	await store.create(specOf("a"));
	await store.create(specOf("b"));
	await Promise.all([drainOutbox(store, queues), drainOutbox(store, queues)]);
	await drainOutbox(store, queues);
	expect(await store.client.zcard(store.keys.outbox)).toBe(0);
	const seen: string[] = [];
	await worker(async (job) => {
		seen.push(jobIdOf(job.task, job.generation));
		return { kind: "done", state: "completed", message: "ok" };
	});
	await until(() => expect(seen).toHaveLength(2));
	expect(seen.sort()).toEqual(["a.1", "b.2"]);
});

test("a task that gets no job, and can be told nothing, keeps none from the others", async () => {
	for (const id of ["a", "zz", "b"]) await store.create(specOf(id));
	const { generation } = await store.need("zz");
	await store.client.set(queues.of(HOST).toKey(jobIdOf("zz", generation)), "no hash");
	await store.client.set(store.keys.questions("zz"), "no hash");
	const faults: string[] = [];
	expect(await drainOutbox(store, queues, (task) => faults.push(task))).toBe(2);
	expect(faults).toEqual(["zz"]);
	expect(await store.client.zrange(store.keys.outbox, "0", "-1")).toEqual([`zz ${generation}`]);
});

test("an entry of an older generation makes no job", async () => {
	await store.create(specOf("a"));
	await store.cancel("a", "me");
	await store.move({ id: "a", from: ["cancelled"], to: "queued" });
	await drainOutbox(store, queues);
	expect(await queues.of(HOST).getJobState("a.1")).toBe("unknown");
	expect(await queues.of(HOST).getJobState("a.2")).toBe("prioritized");
});

test("a stopping worker hands its jobs back, and the next one has them at once", async () => {
	await store.create(specOf("a"));
	await drainOutbox(store, queues);
	let taken = 0;
	const first = await worker((job) => {
		taken += 1;
		return untilAborted(job);
	});
	await until(() => expect(taken).toBe(1));
	await first.stop();
	await first.stop();
	await worker(async () => {
		taken += 1;
		return { kind: "done", state: "completed", message: "ok" };
	});
	await until(async () => expect(await queues.of(HOST).getJobState("a.1")).toBe("completed"));
	expect(taken).toBe(2);
});

test("jobs of a daemon that died are taken back without waiting for their locks", async () => {
	await store.create(specOf("a"));
	await drainOutbox(store, queues);
	const daemon = await startDaemon();
	expect(await queues.of(HOST).getJobState("a.1")).toBe("active");
	daemon.kill("SIGKILL");
	await once(daemon, "exit");
	// What it leaves: an active job under a lock that nobody renews.
	const lock = `${queues.of(HOST).toKey("a.1")}:lock`;
	expect(await store.client.pttl(lock)).toBeGreaterThan(0);
	await worker(async () => ({ kind: "done", state: "completed", message: "adopted" }));
	await until(async () => expect(await queues.of(HOST).getJobState("a.1")).toBe("completed"));
	expect(await store.client.exists(lock)).toBe(0);
	expect((await queues.of(HOST).getJob("a.1"))?.returnvalue).toMatchObject({ message: "adopted" });
});

test("a drained worker starts nothing more", async () => {
	let taken = 0;
	const made = await worker(async () => {
		taken += 1;
		return { kind: "done", state: "completed", message: "ok" };
	});
	await made.drain();
	await store.create(specOf("a"));
	await drainOutbox(store, queues);
	await made.stop();
	expect(taken).toBe(0);
	expect(await queues.of(HOST).getJobState("a.1")).toBe("prioritized");
});

test("the sweep makes a lost run job again, and leaves the others alone", async () => {
	const clock = { now: () => Date.now() + 60_000 };
	const { client, target, namespace } = store;
	const later = new Store({ client, target, namespace, clock });
	await store.create(specOf("lost"));
	await store.create(specOf("there"));
	await drainOutbox(store, queues);
	await queues.of(HOST).remove("lost.1");
	expect(await sweepLostJobs(later, queues, HOST)).toEqual(["lost"]);
	expect(await queues.of(HOST).getJobState("lost.1")).toBe("prioritized");
	// One sweeper at a time.
	await queues.of(HOST).remove("lost.1");
	expect(await sweepLostJobs(later, queues, HOST)).toEqual([]);
});

async function monitor(cycle: () => Promise<object>): Promise<MonitorLoop> {
	const loop = new MonitorLoop({ store, host: HOST, intervalMs: 50, cycle });
	await loop.start();
	cleanups.push(() => loop.stop());
	return loop;
}

test("what waits of a removed task goes with it, the job of a new task of that id stays", async () => {
	await store.create(specOf("again"));
	await store.create(specOf("delayed"));
	const hold = { kind: "delayed", until: Date.now() + 3_600_000 } as const;
	await store.hold("delayed", 2, hold);
	await drainOutbox(store, queues);
	expect(await queues.of(HOST).getJobState("delayed.2")).toBe("delayed");
	for (const id of ["again", "delayed"]) {
		await store.cancel(id, "me");
		await store.remove(id);
	}
	await store.create(specOf("again"));
	await drainOutbox(store, queues);
	await queues.forget(HOST, new Set(["again", "delayed"]));
	expect(await queues.of(HOST).getJobState("delayed.2")).toBe("unknown");
	expect(await queues.of(HOST).getJobState("again.1")).toBe("unknown");
	expect(await queues.of(HOST).getJobState("again.3")).toBe("prioritized");
});

test.each<[string, RunEnd]>([
	["completed", { kind: "done", state: "completed", message: "THE-END" }],
	["failed", { kind: "failed", message: "THE-END" }],
])("of a task that is removed before its job is %s nothing stays in the queue", async (_kind, end) => {
	await store.create(specOf("early", { prompt: "THE-PROMPT" }));
	await drainOutbox(store, queues);
	await worker(async () => {
		await store.cancel("early", "me");
		await store.remove("early");
		await queues.forget(HOST, new Set(["early"]));
		return end;
	});
	await until(async () => {
		expect(await queues.of(HOST).getJobState("early.1")).toBe("unknown");
		expect(await allOfRedis(store.client)).not.toMatch(/THE-PROMPT|THE-END/);
	});
});

test("the monitor's job moves itself on, and stays one job", async () => {
	let cycles = 0;
	await monitor(async () => ({ cycles: ++cycles }));
	await until(() => expect(cycles).toBeGreaterThan(5));
	const queue = openQueue(store, monitorQueueName(HOST));
	cleanups.push(() => queue.close());
	const counts = await queue.getJobCounts();
	expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(1);
	expect((await queue.getJob(`monitor.${HOST}`))?.attemptsMade).toBe(0);
});

test("a monitor whose job was removed, or sleeps through a clock that was set back, comes back", async () => {
	let cycles = 0;
	const loop = await monitor(async () => ({ cycles: ++cycles }));
	await until(() => expect(cycles).toBeGreaterThan(1));
	await loop.stop();
	const queue = openQueue(store, monitorQueueName(HOST));
	cleanups.push(() => queue.close());
	await queue.obliterate({ force: true });
	await queue.add("monitor", { host: HOST }, { jobId: `monitor.${HOST}`, delay: 3_600_000 });
	const before = cycles;
	await monitor(async () => ({ cycles: ++cycles }));
	await until(() => expect(cycles).toBeGreaterThan(before));
});

const queueOfMonitor = () => {
	const queue = openQueue(store, monitorQueueName(HOST));
	cleanups.push(() => queue.close());
	return queue;
};

/** Ways in which BullMQ can hand out no monitor job, while the records can be read and written. */
const NO_MONITOR_JOB: [string, (queue: Queue) => Promise<unknown>][] = [
	["Redis is full", () => store.client.config("SET", "maxmemory", "1")],
	[
		"its queue's keys are something else",
		(queue) => store.client.multi().del(queue.toKey("delayed")).set(queue.toKey("delayed"), "x").exec(),
	],
	[
		"its job stands among the failed ones",
		async (queue) => {
			const id = `monitor.${HOST}`;
			for (const list of ["active", "wait"]) await store.client.lrem(queue.toKey(list), 0, id);
			await store.client.zrem(queue.toKey("delayed"), id);
			await store.client.zadd(queue.toKey("failed"), 1, id);
		},
	],
];

test.each(NO_MONITOR_JOB)("the host looks at its tasks though no job says so: %s", async (_title, harm) => {
	let cycles = 0;
	await monitor(async () => ({ cycles: ++cycles }));
	await until(() => expect(cycles).toBeGreaterThan(1));
	const queue = queueOfMonitor();
	cleanups.push(() => store.client.config("SET", "maxmemory", "0"));
	await harm(queue);
	const before = cycles;
	await vi.waitFor(() => expect(cycles).toBeGreaterThan(before + 1), {
		timeout: CONDITION_LIMIT_MS,
		interval: 50,
	});
});

/** Ways in which a server takes no write for a while, and how it takes them again. */
const REFUSALS: [string, string[], string[]][] = [
	["a replica", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
	["full", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
	[
		"without its replicas",
		["CONFIG", "SET", "min-replicas-to-write", "1"],
		["CONFIG", "SET", "min-replicas-to-write", "0"],
	],
];

test.each(REFUSALS)(
	"what happened is told later where Redis cannot queue it now: %s",
	async (_title, harm, mend) => {
		const told: string[] = [];
		const faults: unknown[] = [];
		const payloadOf = ({ task, id }: TaskEvent) =>
			({ event: "completed", id: id.replace("-", "."), task: { id: task } }) as NotificationPayload;
		const notifier = new Notifier({
			store,
			host: HOST,
			prepare: async (event) => ({ payload: payloadOf(event), targets: ["one"] }),
			deliver: async (_target, { task }) => void told.push(task.id),
			fault: (_event, error) => faults.push(error),
			maxBackoffMs: 1,
		});
		await notifier.start();
		cleanups.push(() => notifier.stop());
		await noteEvent(store, { task: "t", kind: "completed" });
		const admin = store.client.duplicate({ reconnectOnError: null });
		cleanups.push(async () => {
			await admin.call(mend[0] ?? "", ...mend.slice(1));
			admin.disconnect();
		});
		await admin.call(harm[0] ?? "", ...harm.slice(1));
		await expect(notifier.pump()).rejects.toMatchObject({ code: expect.stringMatching(/^DISPATCH_REDIS_/) });
		await admin.call(mend[0] ?? "", ...mend.slice(1));
		await until(async () => {
			await notifier.pump();
			expect(told).toEqual(["t"]);
		});
		expect(faults).toEqual([]);
	},
);

/** What somebody who can write to Redis may add to a queue; `attempts` would have it tried for ever. */
const HOSTILE = { attempts: 1_000_000, backoff: { type: "fixed", delay: 0 }, removeOnFail: false };

test("run jobs that somebody else made take no place, and are not tried again", async () => {
	await store.create(specOf("a"));
	await drainOutbox(store, queues);
	const queue = queues.of(HOST);
	for (const data of [{ task: "a", generation: 1 }, null, 7, { task: { toString: null } }, {}, "x", [[]]])
		await queue.add("a", data, HOSTILE);
	await queue.upsertJobScheduler(
		"often",
		{ every: 50, limit: 5 },
		{ name: "a", data: { task: "a", generation: 1 } },
	);
	await queue.add("a", { task: "a", generation: 1 }, HOSTILE);
	const seen: string[] = [];
	await worker(async (job) => {
		seen.push(jobIdOf(job.task, job.generation));
		return untilAborted(job);
	}, 1);
	await until(() => expect(seen).toEqual(["a.1"]));
	await (cleanups.pop() ?? (() => {}))();
	await worker(async (job) => {
		seen.push(jobIdOf(job.task, job.generation));
		return { kind: "done", state: "completed", message: "ok" };
	}, 1);
	await until(async () => expect(await queue.getFailedCount()).toBeGreaterThan(8));
	await until(() => expect(seen).toEqual(["a.1", "a.1"]));
	for (const job of await queue.getFailed()) expect([job.id, job.attemptsMade]).toEqual([job.id, 1]);
});

test("monitor jobs that somebody else made look at nothing, and go", async () => {
	let cycles = 0;
	await monitor(async () => ({ cycles: ++cycles }));
	const queue = openQueue(store, monitorQueueName(HOST));
	cleanups.push(() => queue.close());
	for (let n = 0; n < 5; n++) await queue.add("monitor", { host: HOST }, HOSTILE);
	await until(async () => expect(await queue.getFailedCount()).toBe(5));
	const before = cycles;
	await until(() => expect(cycles).toBeGreaterThan(before + 2));
});

test("a delivery that somebody else made is tried as often as ours", async () => {
	let tries = 0;
	const deliver = async () => {
		tries += 1;
		throw new Error("no");
	};
	const prepare = async () => null;
	const notifier = new Notifier({ store, host: HOST, prepare, deliver, fault: () => {}, maxBackoffMs: 1 });
	await notifier.start();
	cleanups.push(() => notifier.stop());
	const queue = openQueue(store, notifyQueueName(HOST));
	cleanups.push(() => queue.close());
	await queue.add("x", null, HOSTILE);
	await queue.add("x", { target: "t", payload: {} }, HOSTILE);
	await until(async () => expect(await queue.getFailedCount()).toBe(2));
	expect(tries).toBe(8);
});
