/**
 * `reconcile(task)` alone observes: it looks at one live task's process and files and brings Redis and
 * the files together. Idempotent, serialized per task; called by the monitor's cycle, by the watcher, by
 * wakes, and as a run job's first act. It decides nothing: an end is handed to `settle`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { backendOf } from "../backends/index.ts";
import type { Config } from "../config/load.ts";
import { readPlan } from "../ipc/plan-file.ts";
import type { IpcState } from "../ipc/questions.ts";
import { readIpc } from "../ipc/questions.ts";
import { type AgentStatus, agentStatus } from "../process/agent.ts";
import { cpuTicks, endTree } from "../process/end-tree.ts";
import { openRun, type RunDir } from "../process/run-dir.ts";
import { holdForRateLimit } from "../queue/records/gates.ts";
import type { TaskBrief } from "../queue/records/lists.ts";
import { appendLog } from "../queue/records/log.ts";
import { noteUsage } from "../queue/records/spend.ts";
import type { Store } from "../queue/records/store.ts";
import type { Hub } from "../task/hub.ts";
import type { Plan } from "../task/plan.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import type { Serial } from "../task/serial.ts";
import type { Progress, Usage } from "../task/spec.ts";
import { isLive } from "../task/states.ts";
import { bridge } from "./bridge.ts";
import { readEnding, writeEnding } from "./ending.ts";
import { type Followed, LogFollower } from "./follow-log.ts";
import { type Ending, LiveTask } from "./live-task.ts";
import { deliverNotes } from "./notes.ts";
import { stampOf } from "./stamp.ts";

/** A full look at least this often, whatever the stamps say. */
const FULL_LOOK_MS = 30_000;
const STARTS_LIMIT_MS = 5_000;
/** A limit without a known end holds the others for this long at first; `settle` knows better. */
const FIRST_GATE_MS = 3_000;

/** Everything known of an agent that is gone, for `settle` to decide. */
export interface AgentEnd {
	record: TaskRecord;
	/** null: nothing was ever started under the permit */
	run: RunDir | null;
	status: AgentStatus;
	seen: Followed | null;
	plan: Plan | null;
	/** the `.done` file is there */
	finished: boolean;
	ending: Ending | null;
	/** our own processes ended and took the agent along */
	takenDown: boolean;
}

export interface ReconcileDeps {
	store: Store;
	home: string;
	host: string;
	config: Config;
	hub: Hub;
	serial: Serial;
	/** false: not settled yet, ask again at the next look */
	settle: (end: AgentEnd) => Promise<boolean>;
	/** monotonic ms */
	monotonic: () => number;
	graceMs: { done: number; term: number };
	/** a live task's directories are worth watching, or no longer */
	watch: (task: string, dirs: { taskDir: string; runDir: string } | null) => void;
}

export class Reconciler {
	readonly #deps: ReconcileDeps;
	readonly #live = new Map<string, LiveTask>();

	constructor(deps: ReconcileDeps) {
		this.#deps = deps;
	}

	/** The agents that this daemon follows. */
	get live(): ReadonlyMap<string, LiveTask> {
		return this.#live;
	}

	/** Looks at one task; never fails because of the agent's files. Redis faults are thrown. */
	reconcile(task: string): Promise<void> {
		return this.#deps.serial.run(task, () => this.#look(task));
	}

	async #look(task: string): Promise<void> {
		const { store, host, hub } = this.#deps;
		const record = await store.get(task);
		if (record === null || record.host !== host || !isLive(record.state)) return this.#forget(task);
		const live = this.#liveOf(record);
		if (live === null) return this.#settleUnstarted(record);
		live.stamp = stampOf(live.run);
		live.revision = record.revision;
		live.lookedAt = this.#deps.monotonic();
		const status = agentStatus(live.run);
		const gone = status.kind !== "alive";
		await this.#followLog(record, live, gone);
		const taskDir = live.run.facts.taskDir;
		live.plan = readPlan(taskDir) ?? live.plan;
		const ipc = readIpc(taskDir);
		const state = await bridge(record, live, ipc, store);
		live.asking = state === "asking";
		if (!gone) await deliverNotes(record, live, store);
		hub.emit("state", task, state);
		await this.#recordProgress(record, live);
		if (gone) return this.#settle(record, live, status, ipc);
		live.sawAlive = true;
		this.#checkLimits({ ...record, state }, live, ipc);
	}

	#liveOf(record: TaskRecord): LiveTask | null {
		const { id } = record.spec;
		const known = this.#live.get(id);
		if (known?.epoch === record.epoch) return known;
		const run = openRun(this.#deps.home, id, record.epoch);
		if (run === null) return null;
		const { config, hub, monotonic, store } = this.#deps;
		const backend = backendOf(config.backends[run.facts.backend]?.type ?? "command");
		const adopted = !hub.startedHere.has(run.facts.nonce);
		const live = new LiveTask(
			record,
			run,
			new LogFollower(run, backend),
			adopted,
			monotonic(),
			store.clock.now(),
		);
		live.ending = readEnding(run);
		this.#live.set(id, live);
		this.#deps.watch(id, { taskDir: run.facts.taskDir, runDir: run.path });
		return live;
	}

	#forget(task: string): void {
		if (this.#live.delete(task)) this.#deps.watch(task, null);
	}

	async #followLog(record: TaskRecord, live: LiveTask, gone: boolean): Promise<void> {
		const lines = live.log.read(gone);
		if (lines.length === 0) return;
		await appendLog(this.#deps.store, record.spec.id, live.epoch, lines);
		live.log.save();
		await this.#closeGate(record, live);
	}

	/** At the very event, before the agent ends: nothing more shall start into a limit. */
	async #closeGate(record: TaskRecord, live: LiveTask): Promise<void> {
		const { failure, rateLimitUntil, pausedUntil, failureMessage, activity } = live.log.seen;
		const { store } = this.#deps;
		const usual = live.gateUntil || store.clock.now() + FIRST_GATE_MS;
		const until = failure === "rate_limited" ? (rateLimitUntil ?? usual) : pausedUntil;
		if (until === null || until <= live.gateUntil) return;
		live.gateUntil = until;
		await holdForRateLimit(
			store,
			record.host,
			agentOf(record).backend,
			until,
			failureMessage ?? activity ?? "rate limited",
		);
	}

	async #recordProgress(record: TaskRecord, live: LiveTask): Promise<void> {
		const { seen } = live.log;
		const plan = live.plan ?? record.progress.plan;
		const usage = await this.#countSpend(record, live);
		const shown = { plan, activity: seen.activity, usage: usage ?? record.progress.usage };
		const text = JSON.stringify([shown, seen.sessionId]);
		if (text === live.progressText) return;
		const progress: Progress = { ...shown, lastSignAt: this.#deps.store.clock.now() };
		const sessionId = seen.sessionId ?? record.sessionId;
		if (!(await this.#deps.store.follow(record.spec.id, live.epoch, { progress, sessionId }))) return;
		live.progressText = text;
		this.#deps.hub.emit("progress", record.spec.id, progress);
	}

	/** @returns what the whole task has used so far, all its sessions together */
	async #countSpend(record: TaskRecord, live: LiveTask): Promise<Usage | null> {
		const { store, config } = this.#deps;
		const { spec } = record;
		const usage = priced(live.log.seen.usage, config.prices[agentOf(record).model ?? ""]);
		if (usage === null) return null;
		const text = JSON.stringify(usage);
		if (live.counted?.text !== text) {
			const { sessionId, usageScope } = live.log.seen;
			const session = usageScope === "run" || sessionId === null ? `start-${live.epoch}` : sessionId;
			const spent = await noteUsage(store, spec.id, session, usage);
			const spentUsd = spent.task.costUsd ?? 0;
			live.counted = { text, total: { ...usage, ...spent.task } };
			live.overBudget =
				(spec.budgetUsd !== null && spentUsd >= spec.budgetUsd) ||
				(config.budget.dailyUsd !== null && spent.today >= config.budget.dailyUsd);
		}
		return live.counted.total;
	}

	#checkLimits(record: TaskRecord, live: LiveTask, ipc: IpcState): void {
		if (ipc.finished || live.log.seen.result !== null) live.finishedAt ??= this.#deps.monotonic();
		const ending =
			live.ending ?? (record.stopRequested ? "cancel" : (this.#due(live) ?? unanswerable(record, ipc)));
		if (ending === null || live.endingRuns) return;
		live.ending = ending;
		writeEnding(live.run, ending);
		this.#end(record.spec.id, live);
	}

	/** Ticks the clocks; @returns which limit is reached */
	#due(live: LiveTask): Ending | null {
		const now = this.#deps.monotonic();
		const sign = live.signStamp !== live.stamp;
		live.signStamp = live.stamp;
		const silentMs = live.clock.tick(now, { asking: live.asking, sign }, () =>
			cpuTicks(live.run.facts.nonce),
		);
		if (live.overBudget) return "budget";
		if (live.log.seen.givesUp) return "retrying";
		if (live.finishedAt !== null && now - live.finishedAt >= this.#deps.graceMs.done) return "finished";
		if (live.limits.deadlineMs !== null && live.clock.workedMs >= live.limits.deadlineMs) return "deadline";
		return silentMs >= live.limits.inactivityMs ? "stuck" : null;
	}

	/** Ends every agent of this host; their tasks go back to the queue, and no attempt is counted. */
	async stopAgents(): Promise<void> {
		// Waits for starts that are under way: their agents are to be stopped too. Redis may be away.
		const looked = this.reconcileAll().catch(() => {});
		await Promise.race([looked, sleep(STARTS_LIMIT_MS, undefined, { ref: false })]);
		const ended = [...this.#live].map(async ([task, live]) => {
			live.ending ??= "shutdown";
			writeEnding(live.run, live.ending);
			await endTree(live.run, { graceMs: this.#deps.graceMs.term });
			await this.reconcile(task);
		});
		await Promise.allSettled(ended);
	}

	/** Beside the look, since the grace time may be long; the look that follows settles. */
	#end(task: string, live: LiveTask): void {
		live.endingRuns = true;
		void endTree(live.run, { graceMs: this.#deps.graceMs.term })
			.catch(() => {})
			.then(() => {
				live.endingRuns = false;
				return this.reconcile(task);
			})
			.catch(() => {});
	}

	/** Whether a full look would find something new. Touches no Redis. */
	#mayRest(live: LiveTask | undefined, brief: TaskBrief): boolean {
		if (live === undefined || live.epoch !== brief.epoch || live.revision !== brief.revision) return false;
		if (this.#deps.monotonic() - live.lookedAt > FULL_LOOK_MS || live.stamp !== stampOf(live.run))
			return false;
		return agentStatus(live.run).kind === "alive" && this.#due(live) === null;
	}

	/** One look at every live task of the host; a task's fault never touches another's. */
	async reconcileAll(): Promise<{ live: number; looked: number; faults: number }> {
		const seen = { live: 0, looked: 0, faults: 0 };
		const briefs = await this.#deps.store.liveBriefs(this.#deps.host);
		for (const task of this.#live.keys()) if (!briefs.has(task)) this.#forget(task);
		seen.live = briefs.size;
		const due = [...briefs].filter(([task, brief]) => !this.#mayRest(this.#live.get(task), brief));
		seen.looked = due.length;
		const looks = await Promise.allSettled(due.map(([task]) => this.reconcile(task)));
		seen.faults = looks.filter((look) => look.status === "rejected").length;
		return seen;
	}

	async #settle(record: TaskRecord, live: LiveTask, status: AgentStatus, ipc: IpcState): Promise<void> {
		const { id } = record.spec;
		const settled = await this.#deps.settle({
			record,
			run: live.run,
			status,
			seen: live.log.seen,
			plan: readPlan(live.run.facts.taskDir),
			finished: ipc.finished,
			ending: record.stopRequested ? "cancel" : live.ending,
			takenDown: live.ending === "shutdown" || (live.adopted && status.kind === "gone" && !live.sawAlive),
		});
		if (settled) this.#forget(id);
	}

	async #settleUnstarted(record: TaskRecord): Promise<void> {
		const ending = record.stopRequested ? "cancel" : null;
		const none = { run: null, seen: null, plan: null, finished: false };
		await this.#deps.settle({ record, ...none, status: { kind: "never" }, ending, takenDown: true });
	}
}

/** Nobody can answer an unattended task: it should have decided by itself. */
function unanswerable(record: TaskRecord, ipc: IpcState): Ending | null {
	return record.spec.unattended && ipc.questions.length > 0 ? "unanswered" : null;
}

const TOKENS_PER_PRICE = 1_000_000;

/** A CLI that tells tokens but no cost is estimated by the config's price table. */
function priced(usage: Usage | null, price: { input: number; output: number } | undefined): Usage | null {
	if (usage === null || usage.costUsd !== null || price === undefined) return usage;
	const costUsd = (usage.inputTokens * price.input + usage.outputTokens * price.output) / TOKENS_PER_PRICE;
	return { ...usage, costUsd, estimated: true };
}
