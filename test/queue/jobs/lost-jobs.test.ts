/**
 * A queued task has a run job, and that one is somewhere. Wherever somebody has put it, or whatever is left of it: after
 * one sweep it is where a worker takes it from, and the task is run.
 */
import { expect, test, vi } from "vitest";
import { monitorQueueName, openQueue } from "../../../src/queue/jobs/bull.ts";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { MonitorLoop } from "../../../src/queue/jobs/monitor-queue.ts";
import { jobIdOf, type RunQueues, RunWorker } from "../../../src/queue/jobs/run-queue.ts";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { noteLasting } from "../../../src/queue/records/gates.ts";
import { Store } from "../../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { HOST, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

const JOB = jobIdOf("t", 1);
const HOUR_MS = 3_600_000;

let store: Store;
let queues: RunQueues;
const cleanups = withQueues((made) => {
	({ store, queues } = made);
});

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const client = () => store.client;
const key = (name: string) => queues.of(HOST).toKey(name);
const lock = () => `${key(JOB)}:lock`;
const away = () => client().zrem(key("prioritized"), JOB);

/** A minute later, since what was just queued is the dispatcher's. */
function sweep(fault?: (task: string) => void): Promise<string[]> {
	const { target, namespace } = store;
	const clock = { now: () => Date.now() + 60_000 };
	return sweepLostJobs(new Store({ client: store.client, target, namespace, clock }), queues, HOST, fault);
}

async function active(): Promise<void> {
	await away();
	await client().lpush(key("active"), JOB);
}

/** From where no worker takes it. */
const LOST: Record<string, () => Promise<unknown>> = {
	"the jobs that wait for children": async () => {
		await away();
		await client().zadd(key("waiting-children"), Date.now(), JOB);
	},
	"those of a paused queue of an earlier BullMQ": async () => {
		await away();
		await client().lpush(key("paused"), JOB);
	},
	"the active ones, under a lock that never ends": async () => {
		await active();
		await client().set(lock(), "a stranger's");
	},
	"the active ones, under a lock that ends far off": async () => {
		await active();
		await client().set(lock(), "a stranger's", "PX", 24 * HOUR_MS);
	},
	"the active ones, without a lock": active,
	"the completed ones": async () => {
		await away();
		await client().zadd(key("completed"), Date.now(), JOB);
	},
	"the failed ones": async () => {
		await away();
		await client().zadd(key("failed"), Date.now(), JOB);
	},
	"no list": away,
	"no list, and under a lock": async () => {
		await away();
		await client().set(lock(), "a stranger's");
	},
	"its line, without its content": () => client().del(key(JOB)),
	"nowhere at all": async () => {
		await away();
		await client().del(key(JOB));
	},
	"its line, with content that cannot be read": () => client().hset(key(JOB), "data", "{"),
	"its line, with the content of another": () =>
		client().hset(key(JOB), "data", '{"task":"u","generation":1}'),
	"its line, as one that is repeated": () => client().hset(key(JOB), "rjk", "a:b:c:d:* * * * *"),
	"its line, as one that has failed": () => client().hset(key(JOB), "defa", "stalled"),
	"its line, with a list in its place": async () => {
		await client().del(key(JOB));
		await client().rpush(key(JOB), "x");
	},
};

/** From where a worker takes it; the second name is of what makes it so at the sweep. */
const COMING: Record<string, () => Promise<unknown>> = {
	"its line": async () => {},
	"the line of what was handed back": async () => {
		await away();
		await client().lpush(key("wait"), JOB);
	},
	"the delayed ones, though it waits for nothing": async () => {
		await away();
		await client().zadd(key("delayed"), (Date.now() + 100 * 24 * HOUR_MS) * 0x1000, JOB);
	},
	"the delayed ones, with a time that never comes": async () => {
		await away();
		await client().zadd(key("delayed"), "-inf", JOB);
	},
};

/** A worker that takes nothing yet: what it would take back at its start is there only afterwards. */
async function idleWorker(ran: string[]): Promise<RunWorker> {
	const process = async ({ task }: { task: string }) => {
		ran.push(task);
		return { kind: "done", state: "completed", message: "ok" } as const;
	};
	const worker = new RunWorker({ store, queues, host: HOST, room: () => 2, process });
	cleanups.push(() => worker.stop());
	await worker.start();
	await worker.drain();
	return worker;
}

async function queued(): Promise<void> {
	await store.create(specOf("t"));
	await drainOutbox(store, queues);
}

async function isInLine(): Promise<boolean> {
	const [line, back] = [
		await client().zscore(key("prioritized"), JOB),
		await client().lpos(key("wait"), JOB),
	];
	return line !== null || back !== null;
}

test.each(Object.entries(LOST))("a run job among %s is made again by one sweep", async (_place, put) => {
	const ran: string[] = [];
	const worker = await idleWorker(ran);
	await queued();
	await put();
	expect(await sweep()).toEqual(["t"]);
	expect(await isInLine()).toBe(true);
	await worker.resume();
	await until(() => expect(ran).toEqual(["t"]));
	const told = (await eventsAfter(store, "0")).filter(({ kind }) => kind === "repaired");
	expect(told).toMatchObject([{ task: "t" }]);
});

test.each(Object.entries(COMING))("a run job among %s comes by itself", async (_place, put) => {
	const ran: string[] = [];
	const worker = await idleWorker(ran);
	await queued();
	await put();
	expect(await sweep()).toEqual([]);
	expect(await isInLine()).toBe(true);
	await worker.resume();
	await until(() => expect(ran).toEqual(["t"]));
});

test("a run job that waits for its time, or is worked on, is left where it is", async () => {
	await queued();
	await active();
	await client().set(lock(), "ours", "PX", 60_000);
	expect(await sweep()).toEqual([]);
	expect(await client().lrange(key("active"), 0, -1)).toEqual([JOB]);
	await store.create(specOf("later"));
	await store.hold("later", 2, { kind: "delayed", until: Date.now() + HOUR_MS });
	await drainOutbox(store, queues);
	await client().del(`${store.keys.sweep}:${HOST}`);
	expect(await sweep()).toEqual([]);
	expect(await client().zscore(key("delayed"), jobIdOf("later", 2))).not.toBeNull();
});

test("one that a gate without an end holds waits for it, and comes by itself once the gate is gone, however it went", async () => {
	const ran: string[] = [];
	const worker = await idleWorker(ran);
	await queued();
	const { backend, model } = specOf("t");
	for (let failed = 0; failed < 2; failed++)
		await noteLasting(store, { host: HOST, backend, model }, "auth", "not logged in");
	await store.hold("t", 1, { kind: "auth", until: null });
	await away();
	await client().zadd(key("delayed"), (Date.now() + HOUR_MS) * 0x1000, JOB);
	expect(await sweep()).toEqual([]);
	expect(await client().zscore(key("delayed"), JOB)).not.toBeNull();
	await client().del(store.keys.gates(HOST), `${store.keys.sweep}:${HOST}`);
	expect(await sweep()).toEqual([]);
	expect(await isInLine()).toBe(true);
	await worker.resume();
	await until(() => expect(ran).toEqual(["t"]));
});

test.each(["waiting-children", "active"])(
	"a monitor's job among those that are %s comes back",
	async (place) => {
		const queue = openQueue(store, monitorQueueName(HOST));
		cleanups.push(() => queue.close());
		const id = `monitor.${HOST}`;
		let jobs = 0;
		// Without its job it looks, too.
		const cycle = async () => {
			const at = await client().exists(`${queue.toKey(id)}:lock`);
			jobs += at;
			return {};
		};
		const monitor = new MonitorLoop({ store, host: HOST, intervalMs: HOUR_MS, cycle });
		cleanups.push(() => monitor.stop());
		await monitor.start();
		await until(async () => expect(await client().zscore(queue.toKey("delayed"), id)).not.toBeNull());
		const before = jobs;
		await client().zrem(queue.toKey("delayed"), id);
		const put = {
			"waiting-children": () => client().zadd(queue.toKey(place), 1, id),
			active: () => client().lpush(queue.toKey(place), id),
		};
		await put[place as keyof typeof put]();
		await until(() => expect(jobs).toBeGreaterThan(before));
	},
);

test("a task whose keys are damaged keeps no other from being mended", async () => {
	await store.create(specOf("needed"));
	await store.create(specOf("waits", { after: ["needed"] }));
	await store.create(specOf("lost"));
	await drainOutbox(store, queues);
	await client().set(`${store.keys.prefix}:notes:waits`, "x");
	await client().del(store.keys.task("needed"));
	await queues.of(HOST).remove(jobIdOf("lost", (await store.need("lost")).generation));
	const faults: string[] = [];
	expect(await sweep((task) => faults.push(task))).toEqual(["lost"]);
	expect(faults).toEqual(["waits"]);
});
