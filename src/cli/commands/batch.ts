import { resolve } from "node:path";
import { viewTasks } from "../../actions/views.ts";
import { fillTemplate, findTemplate } from "../../config/templates.ts";
import { type BatchEntry, parseBatch } from "../../producer/batch.ts";
import { checkFree, type NextNumbers, submit } from "../../producer/enqueue.ts";
import { type ResolvedTask, resolveTask } from "../../producer/resolve.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { readTextFile, whoAmI } from "../options/values.ts";
import { ensureWorker, ownHome, tellOfWorker } from "../worker-up.ts";
import { dispatchedLine, timeoutOf } from "./enqueue.ts";

export interface BatchFlags {
	key?: string;
	unattended?: boolean;
	wait?: boolean;
	timeout?: string;
}

export async function batch(context: Context, file: string, flags: BatchFlags): Promise<number | undefined> {
	const { output } = context;
	const begun = Date.now();
	const timeoutMs = timeoutOf(flags.timeout, flags.wait === true, {
		needs: "--wait",
		hint: "Without it batch returns at once; `deadline:` of a task limits the work itself.",
	});
	const resolved = () => resolveAll(context, resolve(file), flags);
	let tasks = await resolved();
	const store = await context.store();
	if (await ownHome(context)) tasks = await resolved();
	// All asked for at once; the first refusal by the order of the file is told.
	for (const checked of await Promise.allSettled(tasks.map((task) => checkFree(store, task))))
		if (checked.status === "rejected") throw checked.reason;
	const orders = await context.orders();
	const taskEnv = await context.taskEnv();
	const records: TaskRecord[] = [];
	const next: NextNumbers = new Map();
	for (const task of tasks) {
		const { record, repeated } = await submit(store, task, orders, taskEnv, next);
		records.push(record);
		const line = repeated
			? `\`${record.spec.id}\` was dispatched before under the same key.`
			: dispatchedLine(record);
		if (!output.json) output.result(null, [line], [record.spec.id]);
	}
	await ensureWorker(context);
	await tellOfWorker(context);
	const ids = records.map(({ spec }) => spec.id);
	if (flags.wait)
		return (await import("./wait.ts")).waitForAll(context, ids, {
			timeoutMs,
			single: false,
			tellsSince: begun,
		});
	output.result(
		output.json ? await viewTasks(store, records) : null,
		[`${count(ids.length)} on ${context.home.hostId}. Follow them with: dispatch ls`],
		[],
	);
	return undefined;
}

function count(tasks: number): string {
	return tasks === 1 ? "1 task" : `${tasks} tasks`;
}

/** Every task is checked before the first one is submitted. */
async function resolveAll(context: Context, file: string, flags: BatchFlags): Promise<ResolvedTask[]> {
	const entries = parseBatch(readTextFile(file), {
		file,
		key: flags.key ?? null,
		unattended: flags.unattended ?? isCi(context.env.CI),
		createdBy: whoAmI(),
		readPlan: readTextFile,
		fillTemplate: (name, project, values) =>
			fillTemplate(findTemplate({ project, home: context.home.base }, name), values),
	});
	const tasks: ResolvedTask[] = [];
	for (const entry of entries) tasks.push(await resolveEntry(context, entry));
	return tasks;
}

async function resolveEntry({ home, config }: Context, { request, at }: BatchEntry): Promise<ResolvedTask> {
	try {
		return await resolveTask(home.hostId, config, request);
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		const hint = error.hint === undefined ? {} : { hint: error.hint };
		throw new DispatchError(error.code, `${at}: ${error.message}`, { ...hint, cause: error });
	}
}

function isCi(value: string | undefined): boolean {
	return value !== undefined && value !== "" && value !== "false" && value !== "0";
}
