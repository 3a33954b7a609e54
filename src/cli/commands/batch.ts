import { resolve } from "node:path";
import { viewTasks } from "../../actions/views.ts";
import { fillTemplate, findTemplate } from "../../config/templates.ts";
import { missingNeeds } from "../../producer/batch/needs.ts";
import { BATCH_KEYS, batchJsonSchema } from "../../producer/batch/schema.ts";
import { type Batch, type BatchEntry, parseBatch } from "../../producer/batch.ts";
import { lookUp } from "../../producer/look-up.ts";
import { type ResolvedTask, resolveTask } from "../../producer/resolve.ts";
import { RefusedTask, submitBatch } from "../../producer/submit-batch.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError, type ErrorCode, isOutage } from "../../task/errors.ts";
import { nearest } from "../../task/similar.ts";
import { worktreesOf } from "../../task/worktree.ts";
import { ofAccepted } from "../accepted.ts";
import type { Context } from "../context.ts";
import { inTime, notSubmitted, perhapsSubmitted, submittedOnly } from "../options/in-time.ts";
import { timeLeft } from "../options/time-left.ts";
import { readTextFile, whoAmI } from "../options/values.ts";
import { showPlannedBatch } from "../show/planned.ts";
import { isSet } from "../show/runner.ts";
import { RunnerLog } from "../show/runner-log.ts";
import { noReply } from "../show/wait-ends.ts";
import { withStoreThere } from "../store-there.ts";
import { ownHome, tellOfWorker, withTrouble, workerTrouble } from "../worker-up.ts";
import { submittedLine, timeoutOf } from "./enqueue.ts";

const DOUBTS_SHOWN = 5;

export interface BatchFlags {
	schema?: boolean;
	key?: string;
	unattended?: boolean;
	wait?: boolean;
	timeout?: string;
	dryRun?: boolean;
	requireItems?: boolean;
	rerun?: string;
	withWorker?: boolean;
}

/** Where it has a worker of its own. */
export interface BatchPlace {
	/** ends the waiting in the place of Ctrl-C and SIGTERM */
	signal: AbortSignal;
	/** removes what an earlier one left in the place of a task's files */
	makeRoom(cwd: string, id: string): Promise<void>;
}

/** The JSON Schema of batch files. */
export function printBatchSchema({ output }: Context): undefined {
	const schema = batchJsonSchema();
	output.result(schema, JSON.stringify(schema, null, "\t").split("\n"));
}

export async function batch(
	context: Context,
	given: string,
	flags: BatchFlags,
	place?: BatchPlace,
): Promise<number | undefined> {
	const { output } = context;
	checkRerun(flags);
	const begun = Date.now();
	const timeoutMs = timeoutOf(flags.timeout, flags.wait === true, {
		needs: "--wait",
		hint: "Without it batch returns at once; `deadline:` of a task limits the work itself.",
	});
	const file = resolve(given);
	const read = await readBatchFile(context, file, flags);
	const { name, maxParallel, onFailure, budgetUsd, entries, nothing } = read;
	if (flags.requireItems && nothing[0] !== undefined)
		throw new DispatchError("DISPATCH_USAGE", nothing[0], {
			hint: "Nothing was enqueued (--require-items).",
		});
	for (const line of nothing) output.note(line);
	for (const line of someOf(read.doubts)) output.note(line);
	const resolved = () => resolveAll(context, entries);
	let tasks = await resolved();
	if (flags.dryRun) return dryRun(context, read, tasks, flags);
	if (tasks.length === 0) {
		output.result([], ["There is nothing to do."], []);
		return undefined;
	}
	if (place !== undefined) await makeRoom(tasks, place);
	const leftMs = timeLeft(timeoutMs);
	// Of a Redis of its own nothing is left to be looked at.
	const [unsent, sent] = place === undefined ? [notSubmitted, perhapsSubmitted] : [noReply, noReply];
	const store = await inTime(leftMs(), unsent, () => context.store());
	if (await ownHome(context)) tasks = await resolved();
	await inTime(leftMs(), unsent, () => requireNeeds(store, read));
	const submitting = async () =>
		submitBatch(
			{ store, orders: await context.orders(), taskEnv: await context.taskEnv() },
			{
				...{ name, maxParallel, onFailure, budgetUsd, key: flags.key || null, file },
				...{ host: context.home.hostId, createdBy: whoAmI() },
			},
			tasks.map(({ task }) => task),
		);
	const submitted = await inFile(tasks, flags, () => inTime(leftMs(), sent, submitting));
	const ids = submitted.tasks.map(({ record }) => record.spec.id);
	const tellSubmitted = () => {
		for (const { record, isRepeated } of submitted.tasks) {
			const { id } = record.spec;
			const line = isRepeated ? `\`${id}\` was dispatched before under the same key.` : submittedLine(record);
			output.result(null, [line], [id]);
		}
	};
	if (!output.json && flags.wait && !output.quiet)
		new RunnerLog(output).group(count(ids.length), tellSubmitted);
	else if (!output.json) tellSubmitted();
	const earlier = submitted.tasks.filter(({ isRepeated }) => isRepeated).map(({ record }) => record.spec.id);
	const { refused, trouble } = await inTime(
		leftMs(),
		() => submittedOnly(count(ids.length)),
		async () => {
			const notAgain = flags.rerun === undefined ? undefined : await startFailedAgain(context, earlier);
			const found = await workerTrouble(context);
			if (found === null) await tellOfWorker(context);
			return { refused: notAgain, trouble: found };
		},
	);
	if (flags.wait && trouble === null)
		return (await import("./batch-wait.ts")).waitForBatch(context, ids, {
			batch: submitted.id,
			timeoutMs,
			since: begun,
			...(place === undefined ? {} : { signal: place.signal }),
		});
	output.result(
		output.json
			? await ofAccepted(store, ids, async (each) => viewTasks(each, await each.getMany(ids)))
			: null,
		[
			`${count(ids.length)} on ${context.home.hostId}. Follow them with: dispatch ${submitted.id === null ? "ls" : `batch status ${submitted.id}`}`,
		],
		[],
	);
	return withTrouble(context, trouble, refused);
}

/** What would be submitted, found, or refused. */
async function dryRun(
	context: Context,
	read: Batch,
	entries: readonly Entry[],
	flags: BatchFlags,
): Promise<undefined> {
	const tasks = entries.map(({ task }) => task);
	const found = await withStoreThere(context, async (store) => {
		await requireNeeds(store, read);
		return inFile(entries, flags, () => lookUp(store, tasks));
	});
	return showPlannedBatch(context, tasks, found, flags.rerun !== undefined);
}

function someOf(lines: readonly string[]): string[] {
	const more = lines.length - DOUBTS_SHOWN;
	return [...lines.slice(0, DOUBTS_SHOWN), ...(more > 0 ? [`The same at ${more} more places.`] : [])];
}

/** @throws DISPATCH_USAGE for a task whose work would go with the state directory */
async function makeRoom(tasks: readonly Entry[], place: BatchPlace): Promise<void> {
	for (const { task, at } of tasks) {
		const { spec } = task;
		if (spec.worktree !== null)
			throw new DispatchError("DISPATCH_USAGE", `${at("worktree")}: --with-worker makes no worktrees.`, {
				hint: "They are the worker's, which is gone at the end: leave out --with-worker, or `worktree:`.",
			});
		await place.makeRoom(spec.cwd, spec.id);
	}
}

/** What its tasks wait for is there, or in the file. @throws DISPATCH_USAGE */
async function requireNeeds(store: Store, { entries, meant }: Batch): Promise<void> {
	const named = entries.map(({ request, outside }) => ({ outside: outside.keys(), key: request.key }));
	const missing = await missingNeeds(store, named);
	for (const { outside } of entries)
		for (const [id, place] of outside) {
			if (!missing.has(id)) continue;
			const near = nearest(id, await store.ids());
			const hint = meant(id) ?? (near === null ? "" : `Did you mean "${near}"?`);
			throw new DispatchError(
				"DISPATCH_USAGE",
				`${place}: there is no task "${id}", neither in the file nor of those that were dispatched.`,
				{ hint: `Nothing was enqueued. ${hint}`.trim() },
			);
		}
}

function checkRerun({ rerun, key }: BatchFlags): void {
	if (rerun === undefined) return;
	if (rerun !== "failed")
		throw new DispatchError("DISPATCH_USAGE", `Expected --rerun to be failed, got "${rerun}".`);
	if (key === undefined)
		throw new DispatchError("DISPATCH_USAGE", "--rerun needs --key.", {
			hint: "By the key the tasks of the first call are found: give the one that they were dispatched with.",
		});
}

/** What stands against one keeps none of the others. @returns the exit code of what could not be started */
async function startFailedAgain(context: Context, ids: readonly string[]): Promise<number | undefined> {
	const store = await context.store();
	const failed = (await ofAccepted(store, ids, (each) => each.getMany(ids))).filter(
		({ state }) => state === "failed",
	);
	if (failed.length === 0) return undefined;
	const [{ retryTasks }, { isDone }, { retryLine }, { tellRefusals }] = await Promise.all([
		import("../../actions/retry.ts"),
		import("../../actions/several.ts"),
		import("./retry.ts"),
		import("../show/several.ts"),
	]);
	const { output } = context;
	const request = { fresh: false, model: null, sign: false };
	const place = await context.place();
	// What it throws comes before anything is started.
	const each = (await ofAccepted(store, ids, (one) => retryTasks(one, place, failed, request))) ?? [];
	const started = each.filter(isDone).map(({ done }) => done);
	if (!output.json) output.result(null, started.map(retryLine), []);
	return tellRefusals(output, each, "started again");
}

function count(tasks: number): string {
	return tasks === 1 ? "1 task" : `${tasks} tasks`;
}

interface Entry {
	task: ResolvedTask;
	at: BatchEntry["at"];
}

function readBatchFile(context: Context, file: string, flags: BatchFlags): Promise<Batch> {
	return parseBatch(readTextFile(file), {
		file,
		key: flags.key ?? null,
		unattended: flags.unattended ?? isSet(context.env.CI),
		createdBy: whoAmI(),
		readText: readTextFile,
		fillTemplate: (name, project, values) =>
			fillTemplate(findTemplate({ project, home: context.home.base }, name), values),
	});
}

/** Every task is checked before the first one is submitted. */
async function resolveAll(context: Context, entries: readonly BatchEntry[]): Promise<Entry[]> {
	const tasks: Entry[] = [];
	const worktrees = { folder: worktreesOf(context.home.path), seen: new Map() };
	for (const { request, at } of entries) {
		const task = await placed(at, () => resolveTask(context.home.hostId, context.config, request, worktrees));
		const { spec } = task;
		const isGiven = spec.modelReason === "--model";
		tasks.push({ task: isGiven ? { ...task, spec: { ...spec, modelReason: "model:" } } : task, at });
	}
	return tasks;
}

/** @throws the refusal of one task with its place in the file */
async function inFile<T>(tasks: readonly Entry[], { key }: BatchFlags, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		const refused = error instanceof RefusedTask ? tasks[error.place] : undefined;
		if (!(error instanceof RefusedTask) || refused === undefined) throw error;
		// The key of the command made it: the file has none to change.
		const isGiven = key !== undefined && refused.task.key?.key.startsWith(`${key}/`);
		const keys = isGiven ? BATCH_KEYS.filter((each) => each !== "key") : BATCH_KEYS;
		return placed(refused.at, () => Promise.reject(error.refusal), keys);
	}
}

/** The key of a batch file that a refusal without an option's name is about. */
const KEY_OF: Partial<Record<ErrorCode, string>> = {
	DISPATCH_BAD_CWD: "cwd",
	DISPATCH_UNKNOWN_MODEL: "model",
	DISPATCH_BAD_FILE: "context",
	DISPATCH_ID_EXISTS: "id",
	DISPATCH_NO_SUCH_TASK: "needs",
};

/** A refusal of one entry, with its place, in the words of the file: it has keys where the command has options. */
async function placed<T>(
	at: BatchEntry["at"],
	work: () => Promise<T>,
	keys: readonly string[] = BATCH_KEYS,
): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!(error instanceof DispatchError) || isOutage(error)) throw error;
		const inFile = (text: string) =>
			text.replace(/--([a-z]+)\b(?!-)/g, (option, name) => (keys.includes(name) ? `\`${name}:\`` : option));
		const hint = error.hint === undefined ? {} : { hint: inFile(error.hint) };
		const place = at(KEY_OF[error.code] ?? null);
		throw new DispatchError(error.code, `${place}: ${inFile(error.message)}`, { ...hint, cause: error });
	}
}
