import { submit } from "../../producer/enqueue.ts";
import { PRIORITY, resolveTask, type TaskRequest } from "../../producer/resolve.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context, Environment } from "../context.ts";
import { rememberModel } from "../first-run.ts";
import { amountUsd, readTextFile, tagsOf, textOf, whoAmI, wholeNumber } from "../option-values.ts";
import { oneLine } from "../output.ts";
import { viewTask } from "../views.ts";
import { ensureWorker } from "../worker-up.ts";

export interface EnqueueFlags {
	promptFile?: string;
	id?: string;
	model?: string;
	plan?: string;
	item?: string[];
	cwd?: string;
	priority?: string;
	tag?: string[];
	deadline?: string;
	attempts?: string;
	budget?: string;
	verify?: string;
	unattended?: boolean;
	allowNested?: boolean;
	key?: string;
	wait?: boolean;
	timeout?: string;
	/** `dispatch run` */
	follow?: boolean;
}

export async function enqueue(
	context: Context,
	words: string[],
	flags: EnqueueFlags,
): Promise<number | undefined> {
	refuseNested(context.env, flags.allowNested);
	const timeoutMs = timeoutOf(flags);
	const request = await requestOf(words, flags);
	const task = await resolveTask(context.home.hostId, context.config, request);
	const store = await context.store();
	const { record, repeated } = await submit(store, task);
	if (!repeated) rememberModel(context, request, record.spec.backend);
	const waits = flags.wait === true || flags.follow === true;
	if (!context.output.json) context.output.result(null, describe(record, repeated, waits), [record.spec.id]);
	await ensureWorker(context);
	if (flags.follow && !context.output.json) {
		const { followLog } = await import("./logs.ts");
		await followLog(context, record.spec.id, "0");
	}
	if (waits)
		return (await import("./wait.ts")).waitForAll(context, [record.spec.id], { timeoutMs, single: true });
	if (context.output.json) context.output.result(await viewTask(store, record), []);
	return undefined;
}

/** An agent that submits tasks can multiply without end: only on purpose. */
export function refuseNested(env: Environment, allowed: boolean | undefined): void {
	if (!env.DISPATCH_TASK || allowed) return;
	throw new DispatchError(
		"DISPATCH_NESTED",
		`This is the agent of the task "${env.DISPATCH_TASK}": it may not submit tasks.`,
		{
			hint: "Do the work yourself, or give --allow-nested if the user asked for it.",
		},
	);
}

/** @throws DISPATCH_USAGE for a --timeout that nothing waits for */
export function timeoutOf(flags: { timeout?: string; wait?: boolean; follow?: boolean }): number | null {
	if (flags.timeout === undefined) return null;
	if (!flags.wait && !flags.follow) throw new DispatchError("DISPATCH_USAGE", "--timeout needs --wait.");
	return parseDuration(flags.timeout, "--timeout");
}

async function requestOf(words: string[], flags: EnqueueFlags): Promise<TaskRequest> {
	if (flags.promptFile !== undefined && words.length > 0)
		throw new DispatchError("DISPATCH_USAGE", "Expected a prompt or --prompt-file, got both.");
	if (flags.plan !== undefined && flags.item !== undefined)
		throw new DispatchError("DISPATCH_USAGE", "Expected --plan or --item, got both.");
	return {
		prompt:
			flags.promptFile === undefined || flags.promptFile === "-"
				? await textOf(flags.promptFile ? ["-"] : words)
				: readTextFile(flags.promptFile),
		id: flags.id ?? null,
		model: flags.model ?? null,
		planText: flags.plan === undefined ? null : readTextFile(flags.plan),
		items: flags.item ?? [],
		cwd: flags.cwd ?? process.cwd(),
		priority:
			flags.priority === undefined
				? PRIORITY.usual
				: wholeNumber(flags.priority, "--priority", PRIORITY.first, PRIORITY.last),
		tags: tagsOf(flags.tag),
		deadlineMs: flags.deadline === undefined ? null : parseDuration(flags.deadline, "--deadline"),
		verify: flags.verify ?? null,
		budgetUsd: flags.budget === undefined ? null : amountUsd(flags.budget, "--budget"),
		attempts: flags.attempts === undefined ? null : wholeNumber(flags.attempts, "--attempts", 1, 1_000),
		unattended: flags.unattended ?? false,
		key: flags.key ?? null,
		createdBy: whoAmI(),
	};
}

function describe(record: TaskRecord, repeated: boolean, waits: boolean): string[] {
	const { id, givenItems } = record.spec;
	const end = waits ? [] : [`Follow it with: dispatch status ${id}`];
	if (repeated) return [`\`${id}\` was dispatched before under the same key; it is ${record.state}.`, ...end];
	const first = dispatchedLine(record);
	if (givenItems.length === 0) return [first, "The agent writes its plan first.", ...end];
	return [`${first} Plan:`, ...givenItems.map((item, i) => `  ${i + 1}. ${oneLine(item)}`), ...end];
}

/** "Dispatched `x` using opus (default)." */
export function dispatchedLine({ spec }: TaskRecord): string {
	return `Dispatched \`${spec.id}\` using ${spec.model ?? spec.backend} (${spec.modelReason}).`;
}
