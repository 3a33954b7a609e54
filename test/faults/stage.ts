/** A host with one task of each kind: its agents are real processes, its Redis is real; its daemon in this process or one of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { openHome } from "../../src/config/home.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Orders } from "../../src/config/orders.ts";
import { Daemon } from "../../src/host/service.ts";
import { taskDirOf } from "../../src/ipc/task-dir.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { sweepMarked } from "../../src/process/end-tree.ts";
import { markedPids } from "../../src/process/processes.ts";
import { runsOfTask, tasksWithRuns } from "../../src/process/run-dir.ts";
import { holdUntil } from "../../src/queue/records/gates.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { branchOf, type TaskRecord, workspaceOf } from "../../src/task/record.ts";
import type { TaskSpec } from "../../src/task/spec.ts";
import { type WorktreeSpec, worktreesOf } from "../../src/task/worktree.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { gitIn, locksIn, makeRepository } from "../git.ts";
import { specOf } from "../queue/records/store-support.ts";
import type { TestRedis } from "../redis.ts";

const AGENT = resolve(import.meta.dirname, "../fixtures/agents/fault-agent.sh");
const PROGRAM = resolve(import.meta.dirname, "../../dist/dispatch.cjs");
const LOOK_MS = 40;
const DAY_MS = 86_400_000;

export class TaskStage {
	readonly path = mkdtempSync(join(tmpdir(), "fs-"));
	readonly project = join(this.path, "p");
	readonly home;
	readonly store: Store;
	readonly #nonces = new Set<string>();

	/** @param namespace its own, so that several stages share a server */
	constructor(store: Store, namespace: string) {
		this.store = store;
		mkdirSync(this.project);
		this.home = openHome({ DISPATCH_HOME: join(this.path, "h"), DISPATCH_NAMESPACE: namespace });
		const agent = `{ type: command, command: '"${AGENT}"' }`;
		const lines = [
			"default: fake",
			"fallback: [held, fake]",
			"backends:",
			`  fake: ${agent}`,
			`  held: ${agent}`,
		];
		lines.push("models: { fake: { backend: fake }, held: { backend: held } }");
		writeFileSync(join(this.home.path, "config.yaml"), `${lines.join("\n")}\n`, { mode: 0o600 });
	}

	/** @param signed what happens between its signature and its way into Redis */
	async enqueue(
		id: string,
		move: string,
		changes: Partial<TaskSpec> = {},
		signed: () => void = () => {},
	): Promise<void> {
		const base = { cwd: this.project, host: this.home.hostId, prompt: `fault-move: ${move}.` };
		const spec = specOf(id, { ...base, ...changes });
		const orders = new Orders(this.home.path, this.store.namespace);
		const signature = orders.sign({ spec, host: spec.host, chosen: null });
		signed();
		await this.store.create(spec, { signature });
	}

	/** The backend `held` starts nothing for longer than its tasks wait for it. */
	async hold(): Promise<void> {
		const { store, home } = this;
		const until = Date.now() + DAY_MS;
		const gated = { host: home.hostId, backend: "held", model: null };
		await holdUntil(store, gated, { kind: "rate_limited", until, message: "", limited: null });
	}

	/** The project is a repository from here on. */
	async worktree(): Promise<WorktreeSpec> {
		if (!existsSync(join(this.project, ".git"))) makeRepository(this.project);
		const folder = worktreesOf(this.home.path);
		return (await inspectRepository(this.project, folder, process.env)).worktree;
	}

	/** As `dispatch retry`. */
	async retry(id: string): Promise<void> {
		const set = {
			charge: true,
			attempt: 0,
			takenDown: 0,
			takenAway: 0,
			hold: null,
			startMode: "resume",
		} as const;
		await this.store.move({ id, from: ["failed"], to: "queued", set });
	}

	/** @returns the record once `check` holds; null when the time is over */
	async until(id: string, ms: number, check: (record: TaskRecord) => boolean): Promise<TaskRecord | null> {
		const end = performance.now() + ms;
		for (;;) {
			const record = await this.store.need(id);
			if (record.runNonce !== null) this.#nonces.add(record.runNonce);
			if (check(record)) return record;
			if (performance.now() > end) return null;
			await sleep(LOOK_MS);
		}
	}

	/** What is wrong after all tasks ended, one line each. */
	async audit(): Promise<string[]> {
		const findings: string[] = [];
		for (const id of await this.store.ids()) {
			const record = await this.store.need(id);
			if (existsSync(join(taskDirOf(workspaceOf(record), id), "DOUBLE")))
				findings.push(`${id}: two agents at once`);
			findings.push(...this.#worktreeFindings(record));
		}
		for (const run of tasksWithRuns(this.home.path).flatMap((id) => runsOfTask(this.home.path, id))) {
			const { task, epoch, nonce } = run.facts;
			if (agentStatus(run).kind === "alive") findings.push(`${task}: the agent of start ${epoch} lives`);
			if (markedPids(nonce).length > 0) findings.push(`${task}: processes of start ${epoch} are left`);
		}
		const live = await this.store.liveIds(this.home.hostId);
		if (live.length > 0) findings.push(`live in Redis: ${live.join(", ")}`);
		return findings;
	}

	/** Its agent's file is on the branch, once, and git is as sound as before. */
	#worktreeFindings(record: TaskRecord): string[] {
		const branch = branchOf(record);
		if (branch === null || record.state !== "completed") return [];
		const files = gitIn(this.project, "diff", "--name-only", "main", branch);
		const commits = gitIn(this.project, "rev-list", "--count", `main..${branch}`);
		return [
			...(files === "written.txt" && commits === "1" ? [] : [`${branch} has ${files} in ${commits} commits`]),
			...locksIn(this.project).map((path) => `${path} is left`),
			...(gitIn(this.project, "fsck", "--no-dangling") === "" ? [] : ["git fsck finds something"]),
			...(gitIn(workspaceOf(record), "status", "--porcelain") === "" ? [] : [`${branch} is not all of it`]),
		];
	}

	starts(id: string): string[] {
		const places = [this.project, ...this.#worktrees(id)];
		const files = places
			.map((place) => join(taskDirOf(place, id), "starts"))
			.filter((file) => existsSync(file));
		return files.flatMap((file) => readFileSync(file, "utf8").trim().split("\n"));
	}

	#worktrees(id: string): string[] {
		const folder = worktreesOf(this.home.path);
		if (!existsSync(folder)) return [];
		return readdirSync(folder)
			.filter((name) => name.startsWith(`${id}-`) && !name.includes("."))
			.map((name) => join(folder, name));
	}

	async close(): Promise<void> {
		await this.store.close();
		for (const nonce of this.#nonces) await sweepMarked(nonce);
		rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
	}
}

const BACKOFF_MS = 100;

/** Its daemon runs in this process. */
export class FaultStage extends TaskStage {
	#daemon!: Daemon;

	async #start(places: number, backoffMs: number): Promise<void> {
		const env = { PATH: process.env.PATH, DISPATCH_MAX_BACKOFF_MS: String(backoffMs) };
		this.#daemon = new Daemon({
			home: this.home,
			config: await loadConfig({ path: this.home.configPath, env }),
			store: this.store,
			env,
			redisUrl: "redis://not-used",
			concurrency: places,
			log: pino({ level: process.env.FAULT_LOG ?? "silent" }, pino.destination({ dest: 2, sync: true })),
		});
		await this.#daemon.start();
	}

	/** @param namespace its own, so that several stages share a server */
	static async open(
		redis: TestRedis,
		namespace: string,
		{ places = 1, backoffMs = BACKOFF_MS } = {},
	): Promise<FaultStage> {
		const store = await openStore({ target: redis.target, namespace, role: "service" });
		const stage = new FaultStage(store, namespace);
		await stage.#start(places, backoffMs);
		return stage;
	}

	/** What the daemon keeps in memory of tasks. */
	sizes(): Record<string, number> {
		return this.#daemon.sizes;
	}

	override async close(): Promise<void> {
		await this.#daemon.stop();
		await super.close();
	}
}

const COUNTING = join(import.meta.dirname, "../fixtures/counts.cjs");

export interface Counts {
	/** bytes, after a collection */
	rss: number;
	/** bytes on the heap and beside it, after a collection */
	kept: number;
	listeners: number;
	timers: number;
	handles: number;
}

/** Its daemon is a process, which faults kill: each end of one is followed by the next daemon. */
export class KillStage extends TaskStage {
	/** faults of the daemons to come, the first one's first; after them none fails */
	readonly #faults: string[];
	readonly #env: Record<string, string>;
	#child: ChildProcess | undefined;
	#isClosing = false;
	readonly #counts = join(this.path, "counts.json");
	/** daemons that were killed at a point */
	kills = 0;

	private constructor(store: Store, namespace: string, url: string, faults: readonly string[]) {
		super(store, namespace);
		this.#faults = [...faults];
		this.#env = {
			NODE_OPTIONS: `--require ${COUNTING}`,
			COUNTS: this.#counts,
			PATH: process.env.PATH ?? "",
			DISPATCH_HOME: this.home.path,
			DISPATCH_NAMESPACE: namespace,
			DISPATCH_REDIS_URL: url,
			DISPATCH_MAX_BACKOFF_MS: String(BACKOFF_MS),
		};
	}

	static async open(redis: TestRedis, namespace: string, faults: readonly string[]): Promise<KillStage> {
		const store = await openStore({ target: redis.target, namespace, role: "service" });
		const stage = new KillStage(store, namespace, redis.url, faults);
		stage.#next();
		return stage;
	}

	#next(): void {
		if (this.#isClosing) return;
		const fault = this.#faults.shift();
		const env = { ...this.#env, ...(fault === undefined ? {} : { DISPATCH_FAULT: fault }) };
		const child = spawn(process.execPath, [PROGRAM, "worker", "--concurrency", "1"], {
			env,
			stdio: "ignore",
		});
		this.#child = child;
		child.once("exit", (_code, signal) => {
			if (signal === "SIGKILL") this.kills += 1;
			this.#next();
		});
	}

	/** of the daemon that runs now */
	get pid(): number {
		return this.#child?.pid ?? Number.NaN;
	}

	/** What the daemon that runs now holds, once its garbage is collected. */
	async counts(): Promise<Counts> {
		rmSync(this.#counts, { force: true });
		this.#child?.kill("SIGUSR2");
		while (!existsSync(this.#counts)) await sleep(LOOK_MS);
		return JSON.parse(readFileSync(this.#counts, "utf8"));
	}

	override async close(): Promise<void> {
		this.#isClosing = true;
		const child = this.#child;
		if (child !== undefined && child.exitCode === null && child.signalCode === null) {
			const ended = once(child, "exit");
			child.kill("SIGTERM");
			await ended;
		}
		await super.close();
	}
}
