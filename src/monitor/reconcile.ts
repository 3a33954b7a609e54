/**
 * `reconcile(task)` alone observes: it looks at one live task's process and files and brings Redis and
 * the files together. Idempotent, serialized per task; called by the monitor's cycle, by the watcher, by
 * wakes, and as a run job's first act. It decides nothing: an end is handed to `settle`.
 *
 * Limits and cancel come first and need no file. Each step stands in a guard of its own (`guard.ts`); what
 * cannot be settled ends plainly (`plain-end.ts`). So no lasting exception leaves a task running for ever.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { backendOf } from "../backends/index.ts";
import type { IpcState } from "../ipc/questions.ts";
import { type AgentStatus, agentStatus } from "../process/agent.ts";
import { endTree, sweepMarked, sweepTree } from "../process/end-tree.ts";
import { faultPoint } from "../process/fault.ts";
import { markedPids } from "../process/processes.ts";
import { clearPlace, hasRunDir, openNamedRun } from "../process/run-dir.ts";
import { orNothing, sealedOf } from "../process/sealed-file.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { TaskBrief } from "../queue/records/lists.ts";
import { isOutage } from "../task/errors.ts";
import type { Ending } from "../task/outcome/ending.ts";
import type { TaskRecord } from "../task/record.ts";
import { Service } from "../task/service.ts";
import { isLive } from "../task/states.ts";
import { deliverAnswers, recordQuestions, reportRejected } from "./bridge.ts";
import { readEnding, writeEnding } from "./ending.ts";
import { followLog } from "./follow.ts";
import { LogFollower } from "./follow-log.ts";
import { closeGate } from "./gate.ts";
import { Guard } from "./guard.ts";
import { HandedAnswers } from "./handed.ts";
import { noteLaunch } from "./launch.ts";
import { dueLimit, endingOf, noteFindings } from "./limits.ts";
import { LiveTask, startOf } from "./live-task.ts";
import { type AgentEnd, type Found, ipcOf, planOf, type ReconcileDeps } from "./look.ts";
import { deliverNotes } from "./notes.ts";
import { endPlainly } from "./plain-end.ts";
import { recordProgress } from "./progress.ts";
import { stampOf } from "./stamp.ts";
import { Timers } from "./timers.ts";
import { reasonOf, recordTrouble } from "./trouble.ts";
import { restoreVanished } from "./vanished.ts";

/** A full look at least this often, whatever the stamps say. */
const FULL_LOOK_MS = 30_000;
const STARTS_LIMIT_MS = 5_000;
/** Between two parts of a flood: the other tasks' turn. */
const REST_OF_LOG_MS = 20;
const NOTHING_ASKED: IpcState = { questions: [], answered: [], done: [], finished: false, rejected: [] };

export class Reconciler extends Service {
	readonly #deps: ReconcileDeps;
	readonly #live = new Map<string, LiveTask>();
	readonly #guards = new Map<string, Guard>();
	readonly #timers = new Timers();

	constructor(deps: ReconcileDeps) {
		super();
		this.#deps = deps;
		// Looks that were put off do not come any more.
		this.onStop(() => this.#timers.clear());
	}

	/** The agents that this daemon follows. */
	get live(): ReadonlyMap<string, LiveTask> {
		return this.#live;
	}

	/** What is kept in memory, for a test that looks for leaks. */
	get sizes(): Record<string, number> {
		return { live: this.#live.size, guards: this.#guards.size, timers: this.#timers.size };
	}

	/** Throws nothing; once stopped it looks no more. @returns whether all of the look succeeded */
	reconcile(task: string): Promise<boolean> {
		return this.#deps.serial.run(task, async () => {
			this.#timers.cancel(task);
			if (this.isStopped) return false;
			try {
				await this.#look(task);
			} catch (error) {
				await this.#lookFailed(task, error);
			}
			return this.#guards.get(task)?.isFaulty !== true;
		});
	}

	async #look(task: string): Promise<void> {
		faultPoint("look.read", task);
		const { store, host } = this.#deps;
		const record = await store.get(task);
		if (record === null || !isLive(record.state)) return this.#forget(task);
		if (!(await store.isServed(host, task, record.host))) return this.#forget(task);
		const guard = this.#guardOf(task, record.epoch);
		guard.beginLook();
		await this.#lookAt(record, guard);
		// What has ended is forgotten.
		if (this.#guards.get(task) !== guard) return;
		const live = this.#live.get(task);
		await guard.step("trouble", () => recordTrouble(task, record.trouble, { guard, live, store }));
		// No rest while anything fails: the next cycle looks again whatever the stamps say.
		if (live !== undefined && (guard.isFaulty || live.withheld.size > 0)) live.revision = -1;
	}

	async #lookAt(record: TaskRecord, guard: Guard): Promise<void> {
		const task = record.spec.id;
		const live = await this.#liveOf(record);
		// Not before: a run that can never be opened would never be given up.
		await guard.step("look", () => faultPoint("look.opened", task));
		if (live === null) return this.#settleUnstarted(record, guard);
		await guard.step("place", () => clearPlace(live.run));
		live.stamp = stampOf(live.run);
		live.revision = record.revision;
		live.lookedAt = this.#deps.monotonic();
		live.asking = record.state === "asking";
		await guard.step("limits", () => this.#checkLimits(record, live));
		if (record.stopRequested && guard.hasFailed("limits")) this.#end(task, live, "cancel");
		const found = await this.#observe(record, live, guard);
		if (found.status.kind === "alive") {
			live.sawAlive = true;
			await guard.step("limits", () => this.#checkLimits(record, live));
		}
		if (found.more) await this.#readOn(task, live, found, guard);
		else if (found.status.kind !== "alive") await this.#settle(record, live, found, guard);
	}

	/** Who goes on printing after the agent's end would keep the end of the log, and the task's, away for ever. */
	async #readOn(task: string, live: LiveTask, { status }: Found, guard: Guard): Promise<void> {
		if (status.kind !== "alive" && !live.isSwept)
			await guard.step("rest", async () => {
				await sweepTree(live.run);
				live.isSwept = true;
			});
		this.#lookAgain(task, REST_OF_LOG_MS);
	}

	/** The steps that bring Redis and the files together, each by itself. */
	async #observe(record: TaskRecord, live: LiveTask, guard: Guard): Promise<Found> {
		const { store, hub, config, monotonic } = this.#deps;
		const { id } = record.spec;
		const { taskDir } = live.run.facts;
		const status = await this.#statusOf(record, live, guard);
		const gone = status.kind !== "alive";
		await guard.step("launch", () => noteLaunch(record, live, store));
		const more = await guard.step("log", () => followLog(record, live, store, gone));
		await guard.step("gate", () => closeGate(record, live, store));
		await guard.step("directory", () => restoreVanished(record, live, store, gone));
		const plan = await guard.step("plan", () => planOf(live));
		live.plan = plan ?? live.plan;
		const ipc = (await guard.step("ipc", () => ipcOf(id, taskDir))) ?? NOTHING_ASKED;
		noteFindings(record, live, ipc, monotonic(), store.clock.now());
		await guard.step("refused files", () => reportRejected(record, live, ipc, store));
		await guard.step("questions", () => recordQuestions(record, live, ipc, store));
		await guard.step("answers", () => deliverAnswers(record, live, ipc, store));
		const state = (await guard.step("state", () => store.stateOf(id))) ?? undefined;
		if (state !== undefined) live.asking = state === "asking";
		if (!gone) await guard.step("notes", () => deliverNotes(record, live, store));
		hub.emit("state", id, state ?? record.state);
		await guard.step("progress", () => recordProgress(record, live, { store, config, hub }));
		return { status, plan: plan === undefined ? live.plan : plan, ipc, more: more ?? false };
	}

	/** What cannot be told counts as alive: a second agent is worse than a late end. */
	async #statusOf(record: TaskRecord, live: LiveTask, guard: Guard): Promise<AgentStatus> {
		const { nonce, task } = live.run.facts;
		const told = await guard.step("status", () => {
			faultPoint("look.status", task);
			return agentStatus(live.run);
		});
		if (told !== undefined) return told;
		if (!record.stopRequested && !guard.isHopeless("status")) return { kind: "alive" };
		const left = await guard.step("processes", () => markedPids(nonce).length);
		return left === 0 ? { kind: "gone" } : { kind: "alive" };
	}

	#guardOf(task: string, epoch: number): Guard {
		const known = this.#guards.get(task);
		// Of a damaged record it is no number.
		if (known !== undefined && Object.is(known.epoch, epoch)) return known;
		const guard = new Guard(epoch, (step, error) => this.#tell(task, step, error));
		this.#guards.set(task, guard);
		return guard;
	}

	/** Once for each step and start. Redis' own faults are everybody's, and told elsewhere. */
	async #tell(task: string, step: string, error: unknown): Promise<void> {
		const { store, fault } = this.#deps;
		fault(task, step, error);
		if (isOutage(error)) throw error;
		await noteEvent(store, { task, kind: "fault", text: step, why: reasonOf(error) });
	}

	async #liveOf(record: TaskRecord): Promise<LiveTask | null> {
		const { id } = record.spec;
		const before = this.#live.get(id);
		if (before?.epoch === record.epoch && before.run.facts.nonce === record.runNonce) return before;
		faultPoint("look.opening", id);
		const named = startOf(record);
		const { config, home, hub, monotonic, seals, store } = this.#deps;
		const run = named && openNamedRun(home, named, (facts) => sealedOf(facts, orNothing(seals)));
		if (run === null) return null;
		const backend = backendOf(config.backends[run.facts.backend]?.type ?? "command");
		const adopted = !hub.startedHere.has(run.facts.nonce);
		const log = new LogFollower(run, backend);
		const known = { log, handed: new HandedAnswers(run, seals), adopted };
		const live = new LiveTask(record, run, known, monotonic(), await store.now());
		live.ending = readEnding(run, orNothing(seals));
		this.#forgetLive(id);
		this.#live.set(id, live);
		this.#deps.began(record);
		this.#deps.watch(id, { taskDir: run.facts.taskDir, runDir: run.path });
		return live;
	}

	#forget(task: string): void {
		this.#guards.delete(task);
		this.#timers.cancel(task);
		if (this.#forgetLive(task)) this.#deps.watch(task, null);
	}

	#forgetStart(record: TaskRecord): void {
		if (record.runNonce !== null) this.#deps.hub.startedHere.delete(record.runNonce);
		this.#forget(record.spec.id);
	}

	#forgetLive(task: string): boolean {
		const live = this.#live.get(task);
		if (live !== undefined) this.#deps.hub.startedHere.delete(live.run.facts.nonce);
		return this.#live.delete(task);
	}

	#checkLimits(record: TaskRecord, live: LiveTask): void {
		faultPoint("look.limits", record.spec.id);
		const ending = endingOf(record, live, this.#deps.monotonic(), this.#deps.graceMs.done);
		if (ending !== null) this.#end(record.spec.id, live, ending);
	}

	/** Ends every agent of this host; their tasks go back to the queue, and no attempt is counted. */
	async stopAgents(): Promise<void> {
		// Waits for starts that are under way: their agents are to be stopped too. Redis may be away.
		const looked = this.reconcileAll().catch(() => {});
		await Promise.race([looked, sleep(STARTS_LIMIT_MS, undefined, { ref: false })]);
		const ended = [...this.#live].map(async ([task, live]) => {
			live.ending ??= "shutdown";
			writeEnding(live.run, live.ending, this.#deps.seals);
			await endTree(live.run, { graceMs: this.#deps.graceMs.term });
			await this.reconcile(task);
		});
		await Promise.allSettled(ended);
	}

	/** Beside the look, since the grace time may be long; the look that follows settles. */
	#end(task: string, live: LiveTask, ending: Ending): void {
		if (live.endingRuns) return;
		live.endingRuns = true;
		live.ending = ending;
		writeEnding(live.run, ending, this.#deps.seals);
		const guard = this.#guardOf(task, live.epoch);
		void guard
			.step("end", () => this.#endTree(task, live))
			.then(async () => {
				live.endingRuns = false;
				if (guard.hasFailed("end")) this.#lookAgain(task, guard.againMs);
				else await this.reconcile(task);
			});
	}

	/** Gently; where that cannot be done, at once. */
	async #endTree(task: string, live: LiveTask): Promise<void> {
		try {
			faultPoint("end.tree", task);
			await endTree(live.run, { graceMs: this.#deps.graceMs.term });
			faultPoint("end.ended", task);
		} catch (error) {
			this.#deps.fault(task, "end", error);
			await sweepMarked(live.run.facts.nonce, { task });
		}
	}

	#lookAgain(task: string, ms: number): void {
		if (!this.isStopped) this.#timers.set(task, ms, () => void this.reconcile(task));
	}

	/** Whether a full look would find something new. Touches no Redis. */
	#mayRest(task: string, brief: TaskBrief): boolean {
		const live = this.#live.get(task);
		if (live === undefined || live.epoch !== brief.epoch || live.revision !== brief.revision) return false;
		const { monotonic, graceMs } = this.#deps;
		if (monotonic() - live.lookedAt > FULL_LOOK_MS || live.stamp !== stampOf(live.run)) return false;
		try {
			return agentStatus(live.run).kind === "alive" && dueLimit(live, monotonic(), graceMs.done) === null;
		} catch {
			return false;
		}
	}

	/** One look at every live task of the host; a task's fault never touches another's. */
	async reconcileAll(
		briefs?: ReadonlyMap<string, TaskBrief>,
	): Promise<{ live: number; looked: number; faults: number; unlisted: number }> {
		const all = briefs ?? (await this.#deps.store.liveBriefs(this.#deps.host));
		// By its record, not by the list: a list can lose something.
		const known = [...new Set([...this.#live.keys(), ...this.#guards.keys()])].filter((id) => !all.has(id));
		const due = [
			...[...all].filter(([task, brief]) => !this.#mayRest(task, brief)).map(([id]) => id),
			...known,
		];
		const looks = await Promise.all(due.map((task) => this.reconcile(task)));
		const unlisted = known.filter((task) => this.#live.has(task)).length;
		return { live: all.size, looked: due.length, faults: looks.filter((ok) => !ok).length, unlisted };
	}

	async #settle(record: TaskRecord, live: LiveTask, found: Found, guard: Guard): Promise<void> {
		const { id } = record.spec;
		await guard.step("ending", () => {
			live.ending ??= readEnding(live.run, this.#deps.seals);
		});
		// What the failed steps would have told (last lines, a question) may decide: wait for them, not for ever.
		if (guard.isUndecidedBefore("settle") && !record.stopRequested) return this.#lookAgain(id, guard.againMs);
		const { plan, ipc } = found;
		const { adopted, sawAlive } = live;
		// Whoever was started here, or seen alive, was: the files that say so are within its reach.
		const isKnown = !adopted || sawAlive;
		const status: AgentStatus = found.status.kind === "never" && isKnown ? { kind: "gone" } : found.status;
		await this.#settleOrEnd(record, guard, {
			record,
			run: live.run,
			status,
			seen: live.log.seen,
			plan,
			finished: ipc.finished,
			ending: record.stopRequested ? "cancel" : live.ending,
			takenDown: live.ending === "shutdown" || (adopted && status.kind === "gone" && !sawAlive),
		});
	}

	#settleUnstarted(record: TaskRecord, guard: Guard): Promise<void> {
		const ending = record.stopRequested ? "cancel" : null;
		const none = { run: null, seen: null, plan: null, finished: false };
		// What was started here, and whose directory is gone, has removed it.
		const wasStarted = record.runNonce !== null && this.#deps.hub.startedHere.has(record.runNonce);
		const status: AgentStatus = { kind: wasStarted ? "gone" : "never" };
		return this.#settleOrEnd(record, guard, { record, ...none, status, ending, takenDown: !wasStarted });
	}

	async #settleOrEnd(record: TaskRecord, guard: Guard, end: Omit<AgentEnd, "takenAway">): Promise<void> {
		const { id } = record.spec;
		const settled = await guard.step("settle", () => {
			faultPoint(end.run === null ? "settle.unstarted" : "look.settle", id);
			const takenAway = end.status.kind === "gone" && !hasRunDir(this.#deps.home, id, record.epoch);
			return this.#deps.settle({ ...end, takenAway });
		});
		if (settled === true) return this.#forgetStart(record);
		if (settled === false) return;
		if (!record.stopRequested && !guard.isHopeless("settle")) return this.#lookAgain(id, guard.againMs);
		await this.#endPlainly(id, record, guard.errorOf("settle"), guard);
	}

	async #endPlainly(
		task: string,
		brief: Parameters<typeof endPlainly>[1],
		why: unknown,
		guard: Guard,
	): Promise<void> {
		const { store, hub } = this.#deps;
		const ended = await guard.step("end", async () => {
			await endPlainly(task, brief, why, { store, hub });
			return true;
		});
		if (ended) this.#forget(task);
		else this.#lookAgain(task, guard.againMs);
	}

	/**
	 * The record could not be read, or the run not opened. A cancel works all the same; without one the task ends
	 * when nothing lives of it and looking is hopeless.
	 */
	async #lookFailed(task: string, error: unknown): Promise<void> {
		const { store, host, fault } = this.#deps;
		const brief = await store.liveBrief(task).catch(() => null);
		if (brief === null) return fault(task, "look", error);
		if (!isLive(brief.state)) return this.#forget(task);
		if (!(await store.isServed(host, task, brief.host))) return this.#forget(task);
		const guard = this.#guardOf(task, brief.epoch);
		await guard.failed("look", error);
		const live = this.#live.get(task);
		await guard.step("trouble", () => recordTrouble(task, undefined, { guard, live, store }));
		const isGone = () => brief.runNonce === null || markedPids(brief.runNonce).length === 0;
		if (brief.stopRequested || (guard.isHopeless("look") && isGone()))
			return this.#endPlainly(task, brief, error, guard);
		this.#lookAgain(task, guard.againMs);
	}
}
