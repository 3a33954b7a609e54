/** Every service of the program, made so that its start opens what it can open. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { emptyConfig } from "../../src/config/config.ts";
import { openHome } from "../../src/config/home.ts";
import { sealsOf } from "../../src/config/signing-key.ts";
import { Daemon } from "../../src/host/service.ts";
import { Reconciler } from "../../src/monitor/reconcile.ts";
import { DirectoryWatcher } from "../../src/monitor/watch.ts";
import { MonitorLoop } from "../../src/queue/jobs/monitor-queue.ts";
import { Notifier } from "../../src/queue/jobs/notify-queue.ts";
import { RunQueues, RunWorker } from "../../src/queue/jobs/run-queue.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { WakeSubscription } from "../../src/queue/records/wakes.ts";
import { Hub } from "../../src/task/hub.ts";
import { Serial } from "../../src/task/serial.ts";
import type { Service } from "../../src/task/service.ts";
import { Web } from "../../src/web/server.ts";
import { HOST, runningTask } from "../queue/records/store-support.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export interface ServiceCase {
	/** the class */
	name: string;
	/** connections to Redis of its own while it works */
	connections: number;
	make(store: Store): { service: Service; use?: () => Promise<unknown> };
}

const nothing = async () => ({});

export const SERVICES: readonly ServiceCase[] = [
	{
		name: "RunQueues",
		connections: 0,
		make(store) {
			const service = new RunQueues(store);
			return { service, use: async () => [service.of("h1"), service.of("h2")] };
		},
	},
	{
		name: "RunWorker",
		connections: 1,
		make(store) {
			const process = async () => ({ kind: "release" }) as const;
			const queues = new RunQueues(store);
			return { service: new RunWorker({ store, queues, host: HOST, room: () => 2, process }) };
		},
	},
	{
		name: "MonitorLoop",
		connections: 1,
		make: (store) => ({ service: new MonitorLoop({ store, host: HOST, intervalMs: 10, cycle: nothing }) }),
	},
	{
		name: "Notifier",
		connections: 1,
		make(store) {
			const parts = { prepare: async () => null, deliver: async () => {}, fault: () => {} };
			return { service: new Notifier({ store, host: HOST, maxBackoffMs: 10, ...parts }) };
		},
	},
	{
		name: "WakeSubscription",
		connections: 1,
		make: (store) => ({ service: new WakeSubscription(store, () => {}) }),
	},
	{ name: "DirectoryWatcher", connections: 0, make: watcher },
	{ name: "Reconciler", connections: 0, make: reconciler },
	{ name: "Daemon", connections: 4, make: (store) => ({ service: daemon(store) }) },
	{
		name: "Web",
		connections: 0,
		make(store) {
			const service = new Web(store, { port: 0, listen: "127.0.0.1", redis: "local Redis", option: null });
			return { service, use: () => fetch(service.url) };
		},
	},
];

function watcher() {
	const taskDir = temporaryFolder("lw");
	const runDir = join(taskDir, "run");
	mkdirSync(runDir);
	const service = new DirectoryWatcher({ enabled: true, changed: () => {} });
	return { service, use: async () => service.set("t", { taskDir, runDir }) };
}

/** With a task that cannot be settled: it is looked at again and again. */
function reconciler(store: Store) {
	const home = temporaryFolder("lr");
	const service = new Reconciler({
		store,
		home,
		host: HOST,
		config: emptyConfig(),
		hub: new Hub(),
		seals: sealsOf(home),
		serial: new Serial(),
		settle: () => Promise.reject(new Error("it never can")),
		monotonic: () => performance.now(),
		graceMs: { done: 60_000, term: 100 },
		began: () => {},
		watch: () => {},
		fault: () => {},
	});
	const use = async () => {
		if ((await store.stateOf("t")) === null) await runningTask(store, "t");
		await service.reconcile("t");
	};
	return { service, use };
}

function daemon(store: Store): Daemon {
	const config = emptyConfig();
	config.notifications = [{ name: "hook", type: "command", on: ["failed"], command: "true" } as never];
	return new Daemon({
		home: openHome({ DISPATCH_HOME: join(temporaryFolder("ld"), "h"), DISPATCH_NAMESPACE: store.namespace }),
		config,
		store,
		env: { PATH: process.env.PATH },
		redisUrl: "redis://not-used",
		concurrency: 1,
		log: pino({ level: "silent" }, pino.destination({ dest: 2, sync: true })),
	});
}
