import type { Logger } from "pino";
import { backendOf } from "../backends/index.ts";
import { mostAgents } from "../config/config.ts";
import type { Home } from "../config/home.ts";
import { RememberedKey } from "../config/kept-marks.ts";
import type { Config } from "../config/load.ts";
import { Orders } from "../config/orders.ts";
import { secretVariables } from "../config/secrets.ts";
import { readTaskEnv } from "../config/task-env.ts";
import { taskDirOf } from "../ipc/task-dir.ts";
import { Reconciler } from "../monitor/reconcile.ts";
import { DirectoryWatcher } from "../monitor/watch.ts";
import { clearLeftovers } from "../process/leftovers.ts";
import type { PlaceLock } from "../process/lock.ts";
import { inDirectory } from "../process/opened-directory.ts";
import { tasksWithRuns } from "../process/run-dir.ts";
import { drainOutbox } from "../queue/jobs/dispatcher.ts";
import { MonitorLoop } from "../queue/jobs/monitor-queue.ts";
import type { Notifier } from "../queue/jobs/notify-queue.ts";
import { RunQueues, RunWorker } from "../queue/jobs/run-queue.ts";
import type { Store } from "../queue/records/store.ts";
import { WakeSubscription } from "../queue/records/wakes.ts";
import { unlessAway } from "../queue/redis/or-aborted.ts";
import { Hub } from "../task/hub.ts";
import { oneAtATime } from "../task/one-at-a-time.ts";
import { type TaskRecord, workspaceOf } from "../task/record.ts";
import { Serial } from "../task/serial.ts";
import { endsWithin, Service } from "../task/service.ts";
import { isEnded } from "../task/states.ts";
import { agentEnv } from "../worker/agent-env.ts";
import { queueForFallback } from "../worker/fallback.ts";
import { countLives, lifeOf } from "../worker/lives.ts";
import { Places } from "../worker/places.ts";
import { runJob } from "../worker/run-job.ts";
import { settle } from "../worker/settle.ts";
import { start } from "../worker/start.ts";
import { WorkSaver } from "../worker/workspace.ts";
import { Drained } from "./drained.ts";
import { endFenced } from "./fenced.ts";
import { installCommand } from "./install-command.ts";
import { LiveConfig } from "./live-config.ts";
import { startNotifier } from "./notifications.ts";
import { Presence } from "./presence.ts";
import { Removals } from "./removals.ts";
import { ToldFaults } from "./told-faults.ts";
import { dropEnvOf, dropUnusedEnvs } from "./unused-envs.ts";
import { askHeld, mend, redisReviver, sweep } from "./upkeep.ts";
import { onWake } from "./wakes.ts";

const MONITOR_INTERVAL_MS = 3_000;
const HEARTBEAT_MS = 10_000;
const OUTBOX_LOOK_MS = 3_000;
const SWEEP_MS = 30_000;
const NOTIFY_LOOK_MS = 3_000;
const LOOK_MS = 2_000;
const REVIVE_LOOK_MS = 1_000;
const TERM_GRACE_MS = 5_000;
const DONE_GRACE_MS = 60_000;
/** Saying goodbye takes at most this long, whatever Redis does. */
const LEAVE_LIMIT_MS = 500;

export interface DaemonOptions {
	home: Home;
	config: Config;
	/** role `service` */
	store: Store;
	env: Record<string, string | undefined>;
	redisUrl: string | null;
	concurrency: number;
	lock?: Pick<PlaceLock, "keep">;
	/** another worker has taken its identity: it is to be stopped */
	displaced?: () => void;
	/** by an option: the config's does not count */
	isConcurrencyGiven?: boolean;
	log: Logger;
}

export class Daemon extends Service {
	readonly #options: DaemonOptions;
	readonly #hub = new Hub();
	readonly #config: LiveConfig;
	readonly #presence: Presence;
	readonly #places: Places;
	readonly #queues: RunQueues;
	readonly #watcher: DirectoryWatcher;
	readonly #reconciler: Reconciler;
	readonly #worker: RunWorker;
	readonly #monitor: MonitorLoop;
	readonly #drained: Drained;
	readonly #serial = new Serial();
	readonly #saver: WorkSaver;
	#notifier: Notifier | null = null;
	readonly #wakes: WakeSubscription;
	readonly #faults: ToldFaults;
	readonly #fault = (task: string, step: string, error: unknown, isFinal = false) => {
		const what = isFinal ? "something failed for good" : "something failed and is tried again";
		this.#faults.tell({ task, step }, error, what);
	};
	readonly #drainOutbox = oneAtATime(() =>
		this.#queues
			.followClock(this.#options.home.hostId)
			.then(() => drainOutbox(this.#options.store, this.#queues, this.#fault))
			.catch((error: unknown) => this.#faults.tell({}, error, "the outbox could not be drained")),
	);
	readonly #beat = oneAtATime(() => this.#say());
	readonly #look = async (task: string) => void (await this.#reconciler.reconcile(task));
	readonly #removals: Removals;

	constructor(options: DaemonOptions) {
		super();
		this.#options = options;
		this.#faults = new ToldFaults(options.log);
		const key = new RememberedKey(options.home.path);
		this.#presence = new Presence({ ...options, key });
		const { store, home, env, redisUrl, concurrency } = options;
		const host = home.hostId;
		this.#config = new LiveConfig({
			path: home.configPath,
			env,
			first: options.config,
			changed: (fault) => this.#configChanged(fault),
		});
		const live = this.#config;
		const serial = this.#serial;
		const hub = this.#hub;
		const checkEnv = (record: TaskRecord) =>
			agentEnv({
				base: env,
				own: readTaskEnv(home.path, record.spec, live.current.env),
				backend: backendOf("command"),
				home: home.path,
				taskDir: taskDirOf(workspaceOf(record), record.spec.id),
				redisUrl,
				hidden: secretVariables(live.current),
			});
		const maxBackoffMs = Number(env.DISPATCH_MAX_BACKOFF_MS) || Number.POSITIVE_INFINITY;
		const orders = new Orders(home.path, store.namespace, key);
		const fault = this.#fault;
		this.#saver = new WorkSaver({ store, orders, env });
		const settling = { store, orders, hub, maxBackoffMs, checkEnv, saver: this.#saver };
		const maxAgents = mostAgents(live.current.worker, concurrency);
		this.#places = new Places({ work: concurrency, live: maxAgents }, () => this.#worker?.wake());
		this.#queues = new RunQueues(store);
		const kept = { store, home: home.path, host, queues: this.#queues, orders, serial };
		this.#removals = new Removals({ ...kept, graceMs: TERM_GRACE_MS, log: options.log });
		const woken = onWake({
			host,
			outbox: () => this.#drainOutbox(),
			removed: () => this.#removals.clear(),
			beat: () => this.#quietly("beat", this.#beat),
			isFollowed: (task) => this.#reconciler.live.has(task),
			look: this.#look,
			moved: () => this.#worker.moved(),
			news: () => this.#notify(),
		});
		this.#wakes = new WakeSubscription(store, woken);
		this.#watcher = new DirectoryWatcher({
			enabled: env.DISPATCH_WATCH !== "off",
			changed: (task) => void this.#look(task),
		});
		const shared = { store, home: home.path, host, hub, serial, fault, seals: orders.seals };
		this.#reconciler = new Reconciler({
			...shared,
			get config() {
				return live.current;
			},
			settle: (end) => settle(end, { ...settling, config: live.current }),
			monotonic: () => performance.now(),
			graceMs: { done: Number(env.DISPATCH_DONE_GRACE_MS) || DONE_GRACE_MS, term: TERM_GRACE_MS },
			began: (record) => orders.noteWork(record),
			watch: (task, dirs) => this.#watcher.set(task, dirs),
		});
		const startDeps = {
			...shared,
			get config() {
				return live.current;
			},
			orders,
			env,
			redisUrl,
			...{ maxBackoffMs, graceMs: TERM_GRACE_MS },
		};
		this.#worker = new RunWorker({
			store,
			queues: this.#queues,
			host,
			room: () => this.#places.room,
			limits: () => live.current.backends,
			fault: (error) => this.#faults.tell({}, error, "something is wrong with the line of starts"),
			process: (job) =>
				runJob(job, {
					store,
					host,
					hub,
					places: this.#places,
					dailyUsd: live.current.budget.dailyUsd,
					reconcile: this.#look,
					fallback: (record, gate) => queueForFallback(record, gate, { config: live.current, store, orders }),
					// An agent starts by the config as it is now: a narrowed permission counts at once.
					start: async (task, generation, how) => {
						await live.refresh();
						await start(task, generation, how, startDeps).finally(() => this.#look(task));
					},
					fault: (task, error) => fault(task, "run job", error),
				}),
		});
		this.#drained = new Drained({ store, host, worker: this.#worker, log: options.log });
		this.#monitor = new MonitorLoop({
			store,
			host,
			intervalMs: Number(env.DISPATCH_MONITOR_INTERVAL_MS) || MONITOR_INTERVAL_MS,
			cycle: () =>
				this.#cycle().catch((error: unknown) => {
					this.#faults.tell({}, error, "a look at all tasks failed");
					return { failed: String(error) };
				}),
		});
		hub.on("state", (task, state) => {
			this.#places.tell(task, lifeOf(state));
			if (isEnded(state)) dropEnvOf(home.path, task, fault);
		});
	}

	/** What is kept in memory of tasks, for a test that looks for leaks. */
	get sizes(): Record<string, number> {
		const { taken, waiting } = this.#places;
		const listeners = this.#hub.listenerCount("state") + this.#hub.listenerCount("progress");
		return {
			...this.#reconciler.sizes,
			started: this.#hub.startedHere.size,
			serial: this.#serial.size,
			taken,
			waiting,
			listeners,
		};
	}

	/** Reconciles what is on the disk, takes its jobs back, then takes new ones. */
	protected override async open(): Promise<void> {
		const { store, home, log } = this.#options;
		const presence = this.#presence;
		await presence.claimDirectory();
		// A list may have lost something while nobody looked.
		await this.#mend(true);
		await presence.claimHost();
		this.onStop(() => presence.withdraw());
		this.onStop(() => endsWithin(LEAVE_LIMIT_MS, presence.leave()));
		this.onStop(() => Promise.all([this.#queues.stop(), this.#watcher.stop(), this.#reconciler.stop()]));
		this.onStop(() => this.#saver.release());
		await inDirectory(home.path, [], clearLeftovers, { links: true });
		installCommand(home.path);
		await this.#beat();
		await this.#endFenced();
		await this.#reconcileDisk();
		this.onStop(() => this.#wakes.stop());
		await this.#wakes.start();
		// Before any job: what was removed meanwhile shall not start.
		this.onStop(() => this.#removals.release());
		await this.#removals.spend();
		// A new task of its name finds its place free. What takes long, since git hangs over it, goes on beside the start.
		await this.#removals.clear();
		// Side by side: each may have to wait for Redis.
		this.onStop(() => Promise.all([this.#worker.stop(), this.#monitor.stop(), this.#notifier?.stop()]));
		await this.#worker.start();
		await this.#monitor.start();
		await askHeld({ store, log, host: home.hostId });
		await this.#drainOutbox();
		this.#notifier = await this.#startNotifier();
		this.#every(NOTIFY_LOOK_MS, { notify: async () => this.#notify() });
		this.#every(OUTBOX_LOOK_MS, { mend: () => this.#mend(), outbox: () => this.#drainOutbox() });
		this.#every(HEARTBEAT_MS, { beat: () => this.#beat(), fenced: () => this.#endFenced() });
		this.#every(SWEEP_MS, { sweep: () => this.#sweep(), over: async () => this.#faults.tellOver() });
		this.#every(REVIVE_LOOK_MS, { revive: redisReviver(this.#options) });
		this.#every(LOOK_MS, { config: () => this.#config.refresh(), presence: () => presence.keep() });
		presence.announce(this.#config);
		log.info(
			{ host: home.hostId, namespace: store.namespace, live: this.#reconciler.live.size },
			"worker ready",
		);
	}

	/** What is read at its use is in force already; the rest is set here. */
	async #configChanged(fault: string | null): Promise<void> {
		if (this.isStopped) return;
		const { log, isConcurrencyGiven, concurrency } = this.#options;
		this.#presence.tell(this.#config);
		if (fault !== null)
			return log.error({ fault }, "the changed config cannot be used: the one before stays");
		const { worker } = this.#config.current;
		const places = isConcurrencyGiven ? concurrency : worker.concurrency;
		const live = mostAgents(worker, places);
		this.#places.setLimits({ work: places, live });
		await this.#notifier?.stop();
		this.#notifier = await this.#startNotifier();
		await askHeld({ ...this.#options, host: this.#options.home.hostId });
		log.info("the changed config is in force");
	}

	/** Nobody who is told can hold up the work. */
	async #startNotifier(): Promise<Notifier | null> {
		const { store, home, env, log } = this.#options;
		const config = this.#config.current;
		const maxBackoffMs = Number(env.DISPATCH_MAX_BACKOFF_MS) || Number.POSITIVE_INFINITY;
		const fault = (task: string, step: string, error: unknown) =>
			log.warn({ task, step, error: String(error) }, "an event could not be told");
		const options = { store, host: home.hostId, home: home.base, config, env, maxBackoffMs, fault };
		const notifier = await startNotifier(options).catch((error: unknown) => {
			log.warn({ error: String(error) }, "notifications could not be started");
			return null;
		});
		if (!this.isStopped) return notifier;
		await notifier?.stop();
		return null;
	}

	#notify(): void {
		this.#notifier?.pump().catch((error: unknown) => {
			this.#faults.tell({}, error, "notifications could not be queued");
		});
	}

	/** Starts nothing more, which commands can tell, and waits until no agent works or asks here, or for `stop`. */
	async drain(): Promise<void> {
		this.#presence.tell(this.#config, { draining: true });
		await this.#drained.leave();
		const { store, home } = this.#options;
		// While Redis refuses nobody knows: what works here may work on.
		const isDone = async () => (await unlessAway(store.liveCount(home.hostId))) === 0;
		while (!this.isStopped && !(await isDone())) await new Promise((resolve) => setTimeout(resolve, 200));
	}

	/** Before `stop`, which lets agents run on. A stopped agent's task is queued again, and nothing starts it here. */
	async stopAgents(): Promise<void> {
		await this.#drained.leave();
		await this.#reconciler.stopAgents();
	}

	/** Everything live by the record or by the run directories, before any job is taken. */
	async #reconcileDisk(): Promise<void> {
		const { store, home } = this.#options;
		const tasks = new Set([...(await store.liveIds(home.hostId)), ...tasksWithRuns(home.path)]);
		await Promise.all([...tasks].map((task) => this.#reconciler.reconcile(task)));
	}

	async #cycle(): Promise<object> {
		this.#watcher.rearm();
		const { store, home } = this.#options;
		const seen = await this.#reconciler.reconcileAll(await countLives(this.#places, store, home.hostId));
		if (seen.unlisted > 0) await this.#mend(true);
		if (seen.faults > 0) this.#faults.tell({}, JSON.stringify(seen), "some tasks could not be looked at");
		return seen;
	}

	async #endFenced(): Promise<void> {
		const { store, home, log } = this.#options;
		const killed = await endFenced(store, home.hostId, home.path);
		if (killed > 0) log.warn({ killed }, "ended an agent whose task was cancelled or moved meanwhile");
	}

	async #say(): Promise<void> {
		await this.#presence.tried(() => this.#drained.follow());
		const isMine = await this.#presence.beat(this.#places, this.#config.current, this.#drained.isOn);
		if (!isMine && !this.isStopped) this.#options.displaced?.();
	}

	#mend(relist = false): Promise<void> {
		return mend({ ...this.#options, host: this.#options.home.hostId }, relist);
	}

	#sweep(): Promise<void> {
		const { store, home, log } = this.#options;
		const place = { store, host: home.hostId, home: home.path, homeId: home.homeId, log };
		const own = {
			...place,
			graceMs: TERM_GRACE_MS,
			queues: this.#queues,
			serial: this.#serial,
			fault: this.#fault,
		};
		return sweep({
			...own,
			clearRemovals: () => this.#removals.clear(),
			dropTaskEnvs: () => dropUnusedEnvs(store, home.path),
		});
	}

	#every(ms: number, works: Record<string, () => Promise<unknown>>): void {
		for (const [name, work] of Object.entries(works)) {
			const timer = setInterval(() => this.#quietly(name, work), ms);
			this.onStop(() => clearInterval(timer));
		}
	}

	#quietly(name: string, work: () => Promise<unknown>): void {
		void work().catch((error: unknown) => this.#faults.tell({ work: name }, error, "background work failed"));
	}
}
