/**
 * Starts the agent of a queued task. The steps, each of which a crash may follow:
 *
 *   make its worktree, if it has one → move to running (mints the epoch) → claim the run directory → prepare the task's files → spawn
 *
 * A daemon that finds a permit without a spawned agent puts the task back, and no attempt is counted. What an
 * exception means is in `not-started.ts`; after the spawn it means nothing: the agent lives, and is followed.
 */
import { randomUUID } from "node:crypto";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, BackendConfig, Invocation } from "../backends/contract.ts";
import { backendOf } from "../backends/index.ts";
import type { PromptWay } from "../backends/known.ts";
import { permittedCommand } from "../backends/permitted.ts";
import { promptWay } from "../backends/prompt-way.ts";
import type { Config } from "../config/load.ts";
import type { Orders } from "../config/orders.ts";
import { secretVariables } from "../config/secrets.ts";
import { readTaskEnv } from "../config/task-env.ts";
import { readPlan, writePlan } from "../ipc/plan-file.ts";
import { buildPrompt, type PromptMode } from "../ipc/prompt.ts";
import { clearFinished, moveIpcAside, publishAnswer } from "../ipc/questions.ts";
import { goingOn, restoreQuestions } from "../ipc/restore.ts";
import { createTaskDir, taskDirSpec, writePromptFile } from "../ipc/task-dir.ts";
import { ARG_LIMIT_BYTES, agentStatus, startAgent } from "../process/agent.ts";
import { faultPoint } from "../process/fault.ts";
import { ownIdentity } from "../process/identity.ts";
import { writeLaunch } from "../process/launch.ts";
import { type RunDir, runsOfTask } from "../process/run-dir.ts";
import { type Seals, sealedFacts } from "../process/sealed-file.ts";
import { knowsSession, noteSession } from "../process/sessions.ts";
import { batchBudget, spentBy } from "../queue/records/spend.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import type { Hub } from "../task/hub.ts";
import { type KeptQuestion, newestByNumber, type Question } from "../task/question.ts";
import { agentOf, type TaskRecord, workspaceOf } from "../task/record.ts";
import { withoutAssignedSecrets } from "../task/secrets-of-command.ts";
import type { Serial } from "../task/serial.ts";
import { firstPlan } from "../task/spec.ts";
import { setupMark } from "../task/worktree.ts";
import { agentEnv } from "./agent-env.ts";
import { claim, dropEarlier } from "./claim.ts";
import { neededBy } from "./needed.ts";
import { notStarted } from "./not-started.ts";
import type { HowToStart } from "./run-job.ts";
import { afterSetup } from "./setup.ts";
import { failedCheck } from "./verify.ts";
import { prepareWorkspace, requireWorkspace, type Workspace } from "./workspace.ts";

export interface StartDeps {
	store: Store;
	/** the state directory's path */
	home: string;
	host: string;
	config: Config;
	/** what this host's user has signed */
	orders: Orders;
	hub: Hub;
	serial: Serial;
	env: Record<string, string | undefined>;
	redisUrl: string | null;
	/** a wait between two attempts is cut to this (ms) */
	maxBackoffMs: number;
	/** ms between SIGTERM and SIGKILL for an agent of a start that Redis has lost */
	graceMs: number;
	/** for the log: what went wrong, and is tried again unless it is final */
	fault: (task: string, step: string, error: unknown, isFinal?: boolean) => void;
}

/** From the beginning, none of these is this run's. */
const REFUSED_LOOK_MS = 200;
const OF_EARLIER_RUN = ["output.md", "context.md"];

type Undelivered = { field: string; question: Question };

/**
 * Starts the task's agent if it is still queued under this generation; else does nothing.
 */
export async function start(
	task: string,
	generation: number,
	{ stopping, mayStart }: HowToStart,
	deps: StartDeps,
): Promise<void> {
	// A large one takes long: while it is made, nobody waits for the task's turn.
	const workspace = await prepareWorkspace(task, generation, deps, stopping);
	if (workspace.fault !== null && stopping.aborted) return;
	if (!(await mayStart())) return;
	return deps.serial.run(task, async () => {
		faultPoint("start.read", task);
		const record = await deps.store.get(task);
		if (record?.state !== "queued" || record.generation !== generation || record.host !== deps.host) return;
		await startRecord(record, workspace, deps);
	});
}

async function startRecord(queued: TaskRecord, workspace: Workspace, deps: StartDeps): Promise<void> {
	const { store, hub } = deps;
	const { id } = queued.spec;
	// This host knows again, without the record, that it made it.
	const runNonce = deps.orders.newNonce();
	const taken = await dropEarlier(queued, deps);
	const moved = await store.move({
		id,
		from: ["queued"],
		to: "running",
		generation: queued.generation,
		runNonce,
		holder: ownIdentity(),
		set: { startedWith: agentOf(queued).backend },
	});
	// Redis names another process as the host's: the next beat settles who is.
	if (moved.result === "stale" && moved.state === "queued") await sleep(REFUSED_LOOK_MS);
	if (moved.result !== "moved" || moved.state !== "running") return;
	hub.emit("state", id, "running");
	const record: TaskRecord = {
		...queued,
		state: "running",
		epoch: moved.epoch,
		attempt: moved.attempt,
		runNonce,
	};
	try {
		faultPoint("start.permitted", id);
		deps.orders.require(record);
		requireWorkspace(workspace, record);
		if (taken !== null) throw taken;
		await startPermitted(record, runNonce, deps);
	} catch (error) {
		await notStarted(record, error, deps);
	}
}

async function startPermitted(record: TaskRecord, nonce: string, deps: StartDeps): Promise<void> {
	const { store, home, hub } = deps;
	const { spec, epoch } = record;
	const agent = agentOf(record);
	const cwd = workspaceOf(record);
	const configured = backendConfig(agent.backend, deps.config);
	const { line, env: assigned } = withoutAssignedSecrets(configured.command);
	const config = { ...configured, command: line };
	const backend = backendOf(config.type);
	const own = taskDirSpec(record, store.namespace);
	// Of a task that goes on here, what has vanished meanwhile is made as it was. What Redis says of one that was
	// never started here is nobody's work.
	const goesOn = record.startMode !== "fresh" && runsBefore(record, home).length > 0;
	const taskDir = await createTaskDir(cwd, goesOn ? goingOn(own, record.progress.plan) : own);
	faultPoint("start.directory", spec.id);
	const facts = {
		task: spec.id,
		taskNonce: spec.nonce,
		epoch,
		nonce,
		backend: agent.backend,
		cwd,
		taskDir,
		startedAt: store.clock.now(),
		sessionId: record.sessionId,
	};
	const run = claim(home, sealedFacts(facts, deps.orders.seals));
	faultPoint("start.claimed", spec.id);
	const { invocation, carried } = await prepare(record, { config, backend, taskDir }, deps);
	faultPoint("start.prepared", spec.id);
	// Told to Redis by the looks at the live agent: after a spawn nothing may look like a failed start.
	if (invocation.sessionId !== null) noteSession(run, invocation.sessionId);
	writeLaunch(run, { sessionId: invocation.sessionId, carried: carried.map(({ field }) => field) });
	faultPoint("start.noted", spec.id);
	await startAgent(run, {
		argv: afterSetupOf(record, run, invocation.argv, deps.orders.seals),
		cwd,
		env: {
			...agentEnv({
				base: deps.env,
				own: readTaskEnv(home, spec, deps.config.env),
				backend,
				home,
				taskDir,
				redisUrl: deps.redisUrl,
				hidden: secretVariables(deps.config),
			}),
			...assigned,
		},
	});
	// Not before: a start that fails is no agent that vanished, even if nothing can be looked at by then.
	hub.startedHere.add(nonce);
	faultPoint("start.spawned", spec.id);
}

function afterSetupOf(
	{ spec }: TaskRecord,
	run: RunDir,
	argv: readonly string[],
	seals: Seals,
): readonly string[] {
	const { setup: command, worktree } = spec;
	if (command === null || worktree === null) return argv;
	return afterSetup(run, { command, mark: setupMark(worktree, spec), argv }, seals);
}

interface Preparation {
	config: BackendConfig;
	backend: Backend;
	taskDir: string;
}

interface Prepared {
	invocation: Invocation;
	/** the answers that its prompt carries */
	carried: Undelivered[];
}

/** A resume of the session where the backend can; else a fresh one, with `ipc/` moved aside. */
async function prepare(record: TaskRecord, preparation: Preparation, deps: StartDeps): Promise<Prepared> {
	const { spec, epoch } = record;
	const agent = agentOf(record);
	const { config, backend, taskDir } = preparation;
	const budgetUsd = await budgetLeft(record, deps.store);
	const command = permittedCommand(config, agent.permissions, taskDir);
	const base = { command, model: agent.model, modelFlag: config.modelFlag, budgetUsd };
	const resumable = record.startMode === "resume" ? ownSession(record, deps.home) : null;
	const probe = resumable === null ? null : backend.resume({ ...base, prompt: "", sessionId: resumable });
	const mode: PromptMode =
		probe !== null ? "resume" : record.startMode === "resume" && epoch > 1 ? "continue" : "fresh";
	if (mode === "resume") {
		const asked = newestByNumber(await deps.store.questions(spec.id), record.ipcGeneration);
		restoreQuestions(taskDir, asked);
	}
	// The prompt carries the answers too; an agent that just waits on, or reads its old files, finds them here.
	const published = async (): Promise<Undelivered[]> => {
		const answers = await deps.store.undelivered(spec.id);
		for (const { question } of answers) {
			if (question.ipcGeneration === record.ipcGeneration)
				publishAnswer(taskDir, question.seq, question.answer ?? "");
		}
		return answers;
	};
	await published();
	faultPoint("start.answers", spec.id);
	// It was done for an earlier start only.
	clearFinished(taskDir);
	if (mode !== "resume" && epoch > 1) {
		moveIpcAside(taskDir, epoch - 1, mode === "fresh" ? OF_EARLIER_RUN : []);
		if (mode === "fresh") writePlan(taskDir, firstPlan(spec));
		faultPoint("start.moved-aside", spec.id);
		await deps.store.newIpc(spec.id, epoch);
	}
	// In this order: what is answered from here on is no part of the prompt, and reaches the agent by its file.
	const questions = await deps.store.questions(spec.id);
	const carried = mode === "resume" ? await published() : await deps.store.undelivered(spec.id);
	faultPoint("start.carried", spec.id);
	const text = await promptOf(record, mode, taskDir, { questions, carried }, deps);
	const prompt = promptGiven(text, promptWay(config, backend), record, taskDir);
	if (mode === "resume" && resumable !== null) {
		const invocation = backend.resume({ ...base, ...prompt, sessionId: resumable });
		if (invocation !== null) return { invocation, carried };
	}
	return { invocation: backend.start({ ...base, ...prompt, sessionId: randomUUID() }), carried };
}

/** @throws DISPATCH_BUDGET_SPENT */
async function budgetLeft({ spec, batch }: TaskRecord, store: Store): Promise<number | null> {
	const ofBatch = await batchBudget(store, batch);
	const leftOfBatch = ofBatch === null ? Number.POSITIVE_INFINITY : ofBatch.budgetUsd - ofBatch.spentUsd;
	if (leftOfBatch <= 0)
		throw new DispatchError(
			"DISPATCH_BUDGET_SPENT",
			`The budget of $${ofBatch?.budgetUsd} of its batch \`${batch}\` is spent.`,
			{ hint: "Submit the rest as a batch of its own, with a budget of its own." },
		);
	if (spec.budgetUsd === null) return ofBatch === null ? null : leftOfBatch;
	const left = spec.budgetUsd - (await spentBy(store, spec.id));
	if (left > 0) return Math.min(left, leftOfBatch);
	throw new DispatchError("DISPATCH_BUDGET_SPENT", `The budget of $${spec.budgetUsd} is spent.`, {
		hint: "Enqueue the rest with a higher --budget.",
	});
}

async function promptOf(
	record: TaskRecord,
	mode: PromptMode,
	taskDir: string,
	{ questions, carried }: { questions: KeptQuestion[]; carried: Undelivered[] },
	deps: StartDeps,
): Promise<string> {
	const asText = (question: Question) => ({
		seq: question.seq,
		question: question.text,
		answer: question.answer ?? "",
	});
	const open = new Set(carried.map(({ question }) => question.hash));
	return buildPrompt({
		needed: mode === "resume" ? [] : await neededBy(record, deps.store, deps.orders),
		checkFailed: checkFailed(record, deps),
		dispatchPath: join(deps.home, "bin", "dispatch"),
		spec: { ...record.spec, ...agentOf(record) },
		mode,
		taskDir,
		taskDirRelative: relative(workspaceOf(record), taskDir),
		hasPlanItems: (readPlan(taskDir)?.items.length ?? 0) > 0,
		undelivered: carried.map(({ question }) => asText(question)),
		answered: questions
			.filter((question) => question.answer !== null && !open.has(question.hash))
			.map(asText),
	});
}

/** The session to resume, if this host began it. */
function ownSession({ spec, sessionId }: TaskRecord, home: string): string | null {
	return sessionId !== null && knowsSession(home, spec.id, sessionId) ? sessionId : null;
}

/** Why the agent before this one was not good enough, by its run directory: no other text goes into a prompt. */
function checkFailed(
	record: TaskRecord,
	{ home, orders }: StartDeps,
): { command: string; output: string } | null {
	const command = record.spec.verify;
	if (command === null) return null;
	const before = runsBefore(record, home).find((run) => agentStatus(run).kind !== "never");
	const lines = before === undefined ? null : failedCheck(before, orders.seals);
	return lines === null ? null : { command, output: lines.join("\n") };
}

/** This host's own, whatever the record says. The newest first. */
function runsBefore({ spec, epoch }: TaskRecord, home: string): RunDir[] {
	return runsOfTask(home, spec.id).filter(
		({ facts }) => facts.epoch < epoch && facts.taskNonce === spec.nonce,
	);
}

/** Writes the prompt into the task's file, and says how it goes from there. Longer than an argument may be: by file. */
function promptGiven(
	text: string,
	way: PromptWay,
	record: TaskRecord,
	taskDir: string,
): { prompt: string; promptFile: string | null } {
	writePromptFile(taskDir, text);
	const file = join(taskDir, "prompt.md");
	if (way === "stdin") return { prompt: text, promptFile: file };
	if (way === "argument" && Buffer.byteLength(text) < ARG_LIMIT_BYTES)
		return { prompt: text, promptFile: null };
	const near = relative(workspaceOf(record), file);
	return {
		prompt: `Your instructions are in the file ${near} (${file}). Read it from start to end and do exactly what it says.`,
		promptFile: null,
	};
}

/** Backend commands come from this host's own config, never from Redis. */
function backendConfig(name: string, config: Config): BackendConfig {
	const found = config.backends[name];
	if (found !== undefined) return found;
	throw new DispatchError("DISPATCH_NO_BACKEND", `This host has no backend "${name}".`, {
		hint: `Add it under backends: in ${config.path ?? "the config file"}, then \`dispatch retry\`.`,
	});
}
