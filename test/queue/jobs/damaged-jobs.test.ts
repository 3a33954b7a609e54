/** Whoever can write to Redis may leave anything in the place of a job: that one is lost, and made anew where it is ours. */
import { describe, expect, test, vi } from "vitest";
import { monitorQueueName, notifyQueueName, openQueue } from "../../../src/queue/jobs/bull.ts";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { MonitorLoop } from "../../../src/queue/jobs/monitor-queue.ts";
import { failedDeliveries, forgetDeliveries, Notifier } from "../../../src/queue/jobs/notify-queue.ts";
import { jobIdOf, type RunQueues, RunWorker } from "../../../src/queue/jobs/run-queue.ts";
import { Store } from "../../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import type { startTestRedis } from "../../redis.ts";
import { HOST, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

let store: Store;
let queues: RunQueues;
const cleanups = withQueues((made) => {
	({ store, queues } = made);
});

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 50 });

/** What may stand under the key of a job. */
const DAMAGE: Record<string, (key: string) => Promise<unknown>> = {
	"data that is no JSON": (key) => store.client.hset(key, { name: "x", data: "{", opts: "{}" }),
	"options that are no JSON": (key) => store.client.hset(key, { name: "x", data: "{}", opts: "]" }),
	"a list": async (key) => {
		await store.client.del(key);
		await store.client.rpush(key, "x");
	},
};

describe.each(Object.keys(DAMAGE))("%s in the place of a job", (kind) => {
	const damage = (key: string) => DAMAGE[kind]?.(key);

	test("keeps no worker from its start, and the other tasks run", async () => {
		for (const id of ["sound", "broken"]) await store.create(specOf(id));
		await drainOutbox(store, queues);
		const queue = queues.of(HOST);
		// As after the crash of a daemon.
		for (const id of [jobIdOf("broken", 2), "planted"]) {
			await damage(queue.toKey(id));
			await store.client.lpush(queue.toKey("active"), id);
		}
		const ran: string[] = [];
		const process = async ({ task }: { task: string }) => {
			ran.push(task);
			return { kind: "done", state: "completed", message: "ok" } as const;
		};
		const worker = new RunWorker({ store, queues, host: HOST, room: () => 2, process });
		cleanups.push(() => worker.stop());
		await worker.start();
		await until(() => expect(ran).toContain("sound"));
	});

	test("is a lost run job to the sweep, which makes it again", async () => {
		await store.create(specOf("broken"));
		await drainOutbox(store, queues);
		await damage(queues.of(HOST).toKey(jobIdOf("broken", 1)));
		const { client, target, namespace } = store;
		const later = new Store({ client, target, namespace, clock: { now: () => Date.now() + 60_000 } });
		expect(await sweepLostJobs(later, queues, HOST)).toEqual(["broken"]);
		const job = await queues.of(HOST).getJob(jobIdOf("broken", 1));
		expect(job?.data).toMatchObject({ task: "broken" });
	});

	test("does not silence the monitor", async () => {
		const queue = openQueue(store, monitorQueueName(HOST));
		cleanups.push(() => queue.close());
		let cycles = 0;
		const loop = () =>
			new MonitorLoop({ store, host: HOST, intervalMs: 50, cycle: async () => ({ cycles: ++cycles }) });
		const first = loop();
		await first.start();
		await until(() => expect(cycles).toBeGreaterThan(0));
		await first.stop();
		const id = `monitor.${HOST}`;
		await damage(queue.toKey(id));
		const before = cycles;
		const second = loop();
		cleanups.push(() => second.stop());
		await second.start();
		await until(() => expect(cycles).toBeGreaterThan(before));
	});

	test("holds up no notification, no removal and no look at what failed", async () => {
		const queue = openQueue(store, notifyQueueName(HOST));
		cleanups.push(() => queue.close());
		await queue.add("failed sound", { target: "t", payload: { task: { id: "gone" } } }, { jobId: "ours" });
		await store.client.zadd(queue.toKey("failed"), 1, "planted", 2, "ours");
		await damage(queue.toKey("planted"));
		expect((await failedDeliveries(store, HOST)).map(({ target }) => target)).toEqual(["t"]);
		await forgetDeliveries(store, HOST, new Set(["gone"]));
		expect(await store.client.zcard(queue.toKey("failed"))).toBe(0);
		await damage(queue.toKey("active-one"));
		await store.client.lpush(queue.toKey("active"), "active-one");
		const notifier = new Notifier({
			...{ store, host: HOST, fault: () => {}, maxBackoffMs: 1 },
			...{ prepare: async () => null, deliver: async () => {} },
		});
		cleanups.push(() => notifier.stop());
		await notifier.start();
		expect(await store.client.lrange(queue.toKey("active"), 0, -1)).not.toContain("active-one");
	});
});
