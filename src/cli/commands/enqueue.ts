import { resolve } from "node:path";
import { viewTask } from "../../actions/views.ts";
import { unclearOrder } from "../../config/choose.ts";
import type { FilledTemplate } from "../../config/templates.ts";
import { type Enqueued, ofThisHost, submit } from "../../producer/enqueue.ts";
import { PRIORITY, type ResolvedTask, resolveTask, type TaskRequest } from "../../producer/resolve.ts";
import type { Store } from "../../queue/records/store.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import { openNeeds } from "../../task/needs.ts";
import { agentOf, branchOf, type TaskRecord } from "../../task/record.ts";
import { worktreesOf } from "../../task/worktree.ts";
import { ofAccepted } from "../accepted.ts";
import type { Context } from "../context.ts";
import { rememberModel } from "../first-run.ts";
import { idsOf } from "../options/ids.ts";
import { inTime, notSubmitted, perhapsSubmitted, submittedOnly } from "../options/in-time.ts";
import { timeLeft } from "../options/time-left.ts";
import { amountUsd, pairsOf, readTextFile, textOf, whoAmI, wholeNumber } from "../options/values.ts";
import { afterLines, planLines } from "../show/enqueued-lines.ts";
import { oneLine } from "../show/output.ts";
import { tellSharedTree } from "../show/shared-tree.ts";
import { ownHome, tellOfWorker, withTrouble, workerTrouble } from "../worker-up.ts";

export interface EnqueueFlags {
	promptFile?: string;
	id?: string;
	model?: string;
	plan?: string;
	template?: string;
	var?: string[];
	context?: string[];
	after?: string[];
	delay?: string;
	dryRun?: boolean;
	item?: string[];
	cwd?: string;
	priority?: string;
	tag?: string[];
	deadline?: string;
	attempts?: string;
	budget?: string;
	verify?: string;
	unattended?: boolean;
	worktree?: boolean;
	setup?: string;
	key?: string;
	wait?: boolean;
	timeout?: string;
	follow?: boolean;
}

export async function enqueue(
	context: Context,
	words: string[],
	flags: EnqueueFlags,
): Promise<number | undefined> {
	const timeoutMs = enqueueTimeout(flags);
	const request = await requestOf(context, words, flags);
	const resolved = () =>
		resolveTask(context.home.hostId, context.config, request, {
			folder: worktreesOf(context.home.path),
			seen: new Map(),
		});
	let task = await resolved();
	tellUnclearOrder(context, request);
	tellUncommitted(context, task);
	if (flags.dryRun) return (await import("../show/planned.ts")).showPlannedTask(context, task);
	const leftMs = timeLeft(timeoutMs);
	const store = await inTime(leftMs(), notSubmitted, () => context.store());
	// Somebody was faster with the very first task, at another address: this one is of another host then.
	if (await ownHome(context)) task = await resolved();
	const submitting = () => submitResolved(context, store, request, task);
	const { record, repeated } = await inTime(leftMs(), perhapsSubmitted, submitting);
	const { id } = record.spec;
	const waits = flags.wait === true || flags.follow === true;
	if (!context.output.json) context.output.result(null, describe(record, repeated, waits), [id]);
	const trouble = await inTime(
		leftMs(),
		() => submittedOnly(id),
		async () => {
			await tellSharedTree(context.output, store, record);
			const found = await workerTrouble(context);
			if (found === null) await tellOfWorker(context);
			return found;
		},
	);
	if (waits && trouble === null) return waitFor(context, id, { timeoutMs, follows: flags.follow === true });
	if (context.output.json)
		context.output.result(await ofAccepted(store, [id], (each) => viewTask(each, record)), []);
	return withTrouble(context, trouble, undefined);
}

function tellUnclearOrder({ config, output }: Context, { model, prompt }: TaskRequest): void {
	const unclear = model === null ? unclearOrder(config, prompt) : null;
	if (unclear !== null) output.note(oneLine(unclear));
}

/** Once, for who looks. */
function tellUncommitted({ output }: Context, { branches, spec }: ResolvedTask): void {
	if (branches?.isDirty && process.stderr.isTTY === true)
		output.note(
			`Your uncommitted changes are not in its worktree, which begins at ${shortCommit(spec.worktree?.base)}.`,
		);
}

const shortCommit = (commit = "") => commit.slice(0, 7);

/** Checks the request and submits it. @throws as `resolveTask` and `submit` */
export async function submitTask(context: Context, store: Store, request: TaskRequest): Promise<Enqueued> {
	const task = await resolveTask(context.home.hostId, context.config, request);
	return submitResolved(context, store, request, task);
}

async function submitResolved(
	context: Context,
	store: Store,
	request: TaskRequest,
	task: ResolvedTask,
): Promise<Enqueued> {
	const orders = await context.orders();
	const done = await submit(store, ofThisHost(task, orders.newNonce()), orders, await context.taskEnv());
	if (!done.repeated) await rememberModel(context, request, done.record.spec.backend);
	return done;
}

/** One time limit for the following and the waiting together. */
async function waitFor(
	context: Context,
	id: string,
	{ timeoutMs, follows }: { timeoutMs: number | null; follows: boolean },
): Promise<number> {
	const { againOf, interrupted, waitForAll } = await import("./wait.ts");
	if (follows && !context.output.json) {
		const [{ followLog }, { onInterrupt }] = await Promise.all([
			import("../show/follow-log.ts"),
			import("../show/interrupt.ts"),
		]);
		const interrupt = onInterrupt();
		await followLog(context, id, timeLeft(timeoutMs)(), interrupt.signal).finally(interrupt.release);
		if (interrupt.signal.aborted) return interrupted(context, againOf([id]));
	}
	return waitForAll(context, [id], { timeoutMs, single: true, isTold: follows && !context.output.json });
}

function enqueueTimeout(flags: EnqueueFlags): number | null {
	return timeoutOf(flags.timeout, flags.wait === true || flags.follow === true, {
		needs: "--wait or --follow",
		hint: "Without them enqueue returns at once; --deadline limits the work itself.",
	});
}

/**
 * @param needs what the command needs beside it where nothing `waits`
 * @throws DISPATCH_USAGE
 */
export function timeoutOf(
	timeout: string | undefined,
	waits: boolean,
	{ needs, hint }: { needs: string; hint: string },
): number | null {
	if (timeout === undefined) return null;
	if (!waits) throw new DispatchError("DISPATCH_USAGE", `--timeout needs ${needs}.`, { hint });
	return parseDuration(timeout, "--timeout");
}

async function requestOf(context: Context, words: string[], flags: EnqueueFlags): Promise<TaskRequest> {
	if (flags.promptFile !== undefined && words.length > 0)
		throw new DispatchError("DISPATCH_USAGE", "Expected a prompt or --prompt-file, got both.");
	if (flags.plan !== undefined && flags.item !== undefined)
		throw new DispatchError("DISPATCH_USAGE", "Expected --plan or --item, got both.");
	const cwd = flags.cwd ?? process.cwd();
	if (flags.template === undefined && flags.var !== undefined)
		throw new DispatchError("DISPATCH_USAGE", "--var needs --template.");
	const template =
		flags.template === undefined
			? null
			: await templateOf(context, cwd, flags.template, pairsOf(flags.var, "--var"));
	const said =
		flags.promptFile === undefined || flags.promptFile === "-"
			? await textOf(flags.promptFile ? ["-"] : words)
			: readTextFile(flags.promptFile);
	const ownPlan = flags.plan === undefined ? null : readTextFile(flags.plan);
	return {
		...emptyRequest(said.trim() === "" ? (template?.prompt ?? said) : said, cwd),
		promptAddition: template?.addition ?? null,
		contextFiles: (flags.context ?? []).map((path) => resolve(path)),
		after: idsOf(...(flags.after ?? [])),
		delayMs: flags.delay === undefined ? null : parseDuration(flags.delay, "--delay"),
		id: flags.id ?? null,
		model: flags.model ?? null,
		planText: ownPlan ?? (flags.item === undefined ? (template?.plan ?? null) : null),
		items: flags.item ?? [],
		priority:
			flags.priority === undefined
				? PRIORITY.usual
				: wholeNumber(flags.priority, "--priority", PRIORITY.first, PRIORITY.last),
		tags: pairsOf(flags.tag, "--tag"),
		deadlineMs: flags.deadline === undefined ? null : parseDuration(flags.deadline, "--deadline"),
		verify: flags.verify ?? null,
		worktree: flags.worktree,
		setup: flags.setup,
		budgetUsd: flags.budget === undefined ? null : amountUsd(flags.budget, "--budget"),
		attempts: flags.attempts === undefined ? null : wholeNumber(flags.attempts, "--attempts", 1, 1_000),
		unattended: flags.unattended ?? false,
		key: flags.key ?? null,
	};
}

/** A request that says nothing but the prompt. */
export function emptyRequest(prompt: string, cwd: string): TaskRequest {
	return {
		prompt,
		cwd,
		promptAddition: null,
		contextFiles: [],
		delayMs: null,
		id: null,
		model: null,
		planText: null,
		items: [],
		priority: PRIORITY.usual,
		tags: {},
		deadlineMs: null,
		verify: null,
		budgetUsd: null,
		attempts: null,
		unattended: false,
		key: null,
		createdBy: whoAmI(),
	};
}

function describe(record: TaskRecord, repeated: boolean, waits: boolean): string[] {
	const { id, givenItems } = record.spec;
	const end = waits ? [] : [`Follow it with: dispatch status ${id}`];
	if (repeated) return [`\`${id}\` was dispatched before under the same key; it is ${record.state}.`, ...end];
	const first = submittedLine(record);
	if (record.state === "cancelled") return [first, ...end];
	const branch = branchOf(record);
	const from = shortCommit(record.spec.worktree?.base);
	const where =
		branch === null ? [] : [`It works in a git worktree of its own, on the branch ${branch} from ${from}.`];
	const [plan, ...items] = planLines(givenItems);
	const after = afterLines(openNeeds(record));
	if (givenItems.length === 0) return [first, ...where, ...after, plan ?? "", ...end];
	return [`${first} ${plan}`, ...items, ...where, ...after, ...end];
}

/** The template's parts, with the values put in. */
export async function templateOf(
	{ home }: Context,
	project: string,
	name: string,
	values: Record<string, string>,
): Promise<FilledTemplate> {
	const { fillTemplate, findTemplate } = await import("../../config/templates.ts");
	return fillTemplate(findTemplate({ project, home: home.base }, name), values);
}

/** As `dispatchedLine`; of one that is not started because of what it needs, why. */
export function submittedLine(record: BriefRecord): string {
	if (record.state !== "cancelled") return dispatchedLine(record);
	return oneLine(`\`${record.spec.id}\`: ${record.outcome?.message ?? ""}`);
}

type BriefRecord = Pick<TaskRecord, "spec" | "state" | "chosen" | "outcome">;

/** "Dispatched `x` using opus (default)." */
function dispatchedLine(record: BriefRecord): string {
	const { model, backend, modelReason } = agentOf(record);
	return `Dispatched \`${record.spec.id}\` using ${model ?? backend} (${modelReason}).`;
}
