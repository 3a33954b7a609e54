import { findAllOrNone } from "../../actions/find-task.ts";
import { type Retried, retryTasks } from "../../actions/retry.ts";
import { checkTakeOver, type TakeOver, takeOver } from "../../actions/take-over.ts";
import { viewTasks } from "../../actions/views.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import { agentOf, type TaskRecord, workspaceOf } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { plain, promptStream } from "../show/output.ts";
import { ensureWorker, ownHome, tellOfWorker } from "../worker-up.ts";

export interface RetryFlags {
	fresh?: boolean;
	model?: string;
	sign?: boolean;
	/** on this host */
	here?: boolean;
}

export async function retry(
	context: Context,
	given: string[],
	flags: RetryFlags,
): Promise<number | undefined> {
	if (flags.here) return retryHere(context, given, flags);
	const store = await context.store();
	const request = { fresh: flags.fresh ?? false, model: flags.model ?? null, sign: flags.sign ?? false };
	const retried = await retryTasks(store, await context.place(), given, request, async (records) =>
		request.sign ? agreesToSign(context, records) : true,
	);
	if (retried.length === 0) return EXIT.interrupted;
	const ids = retried.map(({ task }) => task);
	if (!context.output.json) context.output.result(null, retried.map(retryLine), ids);
	if (retried.some(({ host }) => host === context.home.hostId)) {
		await ensureWorker(context);
		await tellOfWorker(context);
	}
	if (context.output.json) {
		const views = await viewTasks(store, await store.getMany(ids));
		context.output.result(given.length === 1 ? views[0] : views, []);
	}
	return undefined;
}

/** Shows what the signature would stand for; on a terminal the user says yes to it. */
async function agreesToSign({ output }: Context, records: readonly TaskRecord[]): Promise<boolean> {
	if (output.quiet)
		throw new DispatchError("DISPATCH_USAGE", "--quiet would hide what is to be signed.", {
			hint: "Leave --quiet out.",
		});
	for (const line of records.flatMap(orderLines)) output.note(line);
	if (process.stdin.isTTY !== true || output.json) return true;
	const { confirm } = await import("@clack/prompts");
	const message = "Sign this and run it as you?";
	const said = await confirm({ message, initialValue: false, output: promptStream() });
	if (said !== true) output.note("Nothing was signed, and nothing was started.");
	return said === true;
}

/** All of it: who wrote the record would put into the rest what is not shown. */
function orderLines(record: TaskRecord): string[] {
	const { spec } = record;
	const { backend, model, permissions, promptAddition } = agentOf(record);
	const parts: [string, string | null][] = [
		["agent", [backend, model, permissions].filter(Boolean).join(", ")],
		["check", spec.verify],
		["before", promptAddition],
		["prompt", spec.prompt],
		["reads", spec.contextFiles.join("\n") || null],
		["plan", spec.planText ?? (spec.givenItems.join("\n") || null)],
	];
	return [
		`\`${spec.id}\`, by ${spec.createdBy}, would run in ${workspaceOf(record)}:`,
		...parts.flatMap(([name, text]) => (text === null ? [] : named(name, text))),
	];
}

/** A text of several lines under its name. */
function named(name: string, text: string): string[] {
	const lines = plain(text)
		.split("\n")
		.filter((line) => line.trim() !== "");
	return lines.map((line, at) => (at === 0 ? `${name}: ${line}` : line));
}

/** What became of it, and who works on it now. */
export function retryLine({ task, agent, fresh }: Retried): string {
	const how = fresh ? "from the beginning" : "where it stopped";
	return `\`${task}\` starts again ${how} using ${agent.model ?? agent.backend}.`;
}

/** Takes tasks over from other hosts. A session's memory stays there, the plan where the directory is shared. */
async function retryHere(context: Context, given: string[], flags: RetryFlags): Promise<number | undefined> {
	const store = await context.store();
	await ownHome(context);
	const { output, home } = context;
	const orders = await context.orders();
	const here: TakeOver = {
		host: home.hostId,
		by: whoAmI(),
		config: context.config,
		model: flags.model ?? null,
		fresh: flags.fresh ?? false,
		sign: (record, chosen) => orders.sign(record, { host: home.hostId, chosen }),
	};
	const records = await findAllOrNone(store, given);
	for (const record of records) {
		await checkTakeOver(store, record);
		orders.requireNoCopy(record);
	}
	const taskEnv = await context.taskEnv();
	// Whoever asks for it gives the order, and is told what it is.
	if (!(await agreesToSign(context, records))) return EXIT.interrupted;
	for (const record of records) {
		const { id } = record.spec;
		taskEnv?.keep(record.spec);
		const state = await takeOver(store, record, here);
		const goesOn = state === "parked" ? "waits for its answer" : "starts";
		if (!output.json) output.result(null, [`\`${id}\` is on this host now and ${goesOn}.`], [id]);
	}
	await ensureWorker(context);
	if (output.json)
		output.result(await viewTasks(store, await store.getMany(records.map(({ spec }) => spec.id))), []);
	return undefined;
}
