/** One host's monitor on a real Redis, with agents that are real shell processes. Nothing looks by itself. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import type { Config } from "../../src/config/load.ts";
import { Orders } from "../../src/config/orders.ts";
import { openSigner } from "../../src/config/signing-key.ts";
import { createTaskDir } from "../../src/ipc/task-dir.ts";
import { Reconciler } from "../../src/monitor/reconcile.ts";
import { startAgent } from "../../src/process/agent.ts";
import { sweepRun } from "../../src/process/end-run.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import { sealedFacts } from "../../src/process/sealed-file.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { Hub } from "../../src/task/hub.ts";
import { Serial } from "../../src/task/serial.ts";
import type { TaskSpec } from "../../src/task/spec.ts";
import { settle } from "../../src/worker/settle.ts";
import { endStrayAgents } from "../../src/worker/stray-agents.ts";
import { WorkSaver } from "../../src/worker/workspace.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const ENV = { PATH: process.env.PATH ?? "/usr/bin:/bin" };
/** No limit of these tests runs out by itself. */
const GRACE_MS = { done: 3_600_000, term: 200 };

/** Of the state directory. */
export const HOME_ID = "home-of-this";

export class MonitorStage {
	readonly store: Store;
	readonly hub = new Hub();
	readonly home = temporaryFolder("mh");
	readonly project = temporaryFolder("mp");
	/** monotonic ms; a test may set it on */
	now = 0;
	/** what the monitor logged as failed */
	readonly faults: string[] = [];
	readonly #nonces: string[] = [];
	readonly #fault = (task: string, step: string, error: unknown) => {
		this.faults.push(`${task} ${step}: ${String(error)}`);
	};

	constructor(store: Store) {
		this.store = store;
	}

	/** A monitor without memory, as after a restart of the daemon. */
	reconciler(config: Config = emptyConfig()): Reconciler {
		const { store, hub } = this;
		const orders = new Orders(this.home, store.namespace);
		return new Reconciler({
			store,
			home: this.home,
			host: HOST,
			config,
			hub,
			seals: orders.seals,
			serial: new Serial(),
			settle: (end) =>
				settle(end, {
					store,
					config,
					orders,
					hub,
					checkEnv: () => ENV,
					maxBackoffMs: 50,
					saver: new WorkSaver({ store, orders, env: {} }),
				}),
			monotonic: () => this.now,
			graceMs: GRACE_MS,
			began: (record) => orders.noteWork(record),
			watch: () => {},
			fault: this.#fault,
		});
	}

	/** A task whose permit is given: `running`, and nothing is started yet. */
	async permit(
		id: string,
		changes: Partial<TaskSpec> = {},
		nonce = openSigner(this.home).newNonce(),
	): Promise<{ epoch: number; nonce: string }> {
		const { store } = this;
		const spec = specOf(id, { cwd: this.project, ...changes });
		const signature = new Orders(this.home, store.namespace).sign({ spec, host: HOST, chosen: null });
		await store.create(spec, { signature });
		this.#nonces.push(nonce);
		const moved = await store.move({ id, from: ["queued"], to: "running", runNonce: nonce });
		if (moved.result !== "moved") throw new Error(`${id} was not started: ${JSON.stringify(moved)}`);
		return { epoch: moved.epoch, nonce };
	}

	/** A running task, its agent being `script`, or what is made for its run, in the task's directory. */
	async agent(
		id: string,
		script: string | ((run: RunDir) => readonly string[]),
		changes: Partial<TaskSpec> = {},
		given?: string,
	) {
		const { epoch, nonce } = await this.permit(id, changes, given);
		const { spec } = await this.store.need(id);
		const taskDir = await createTaskDir(this.project, {
			id,
			nonce: spec.nonce,
			namespace: this.store.namespace,
			host: HOST,
			planText: spec.planText,
			title: id,
			givenItems: spec.givenItems,
		});
		mkdirSync(join(taskDir, "ipc"), { recursive: true });
		const base = { task: id, taskNonce: spec.nonce, epoch, nonce };
		const facts = { ...base, backend: "fake", cwd: this.project, taskDir, startedAt: 0, sessionId: null };
		const { seals } = new Orders(this.home, this.store.namespace);
		const run = claimRun(this.home, sealedFacts(facts, seals));
		if (run === null) throw new Error("claimed already");
		const argv = typeof script === "string" ? ["sh", "-c", script] : script(run);
		await startAgent(run, { argv, cwd: taskDir, env: ENV });
		this.hub.startedHere.add(nonce);
		return { run: run satisfies RunDir, taskDir, nonce };
	}

	/** As a daemon's cycle does. @returns the tasks of which an agent lived on and was ended */
	endStrays(): Promise<string[]> {
		const { store, home } = this;
		return endStrayAgents({
			homeId: HOME_ID,
			store,
			home,
			host: HOST,
			serial: new Serial(),
			graceMs: 200,
			fault: this.#fault,
		});
	}

	async endAgents(): Promise<void> {
		for (const nonce of this.#nonces.splice(0)) await sweepRun(nonce, {});
	}
}

/** One Redis for the test file, emptied for each test. @returns the stage of the running test */
export function monitorStage(): () => MonitorStage {
	let redis: TestRedis;
	let store: Store;
	let stage: MonitorStage | undefined;
	beforeAll(async () => {
		redis = await startTestRedis();
		store = await openStore({ target: redis.target, namespace: "test", role: "service" });
	});
	afterEach(async () => {
		await stage?.endAgents();
		stage = undefined;
		await store.client.flushall();
	});
	afterAll(async () => {
		await store.close();
		await redis.stop();
	});
	return () => {
		stage ??= new MonitorStage(store);
		return stage;
	};
}
