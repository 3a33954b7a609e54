import { join } from "node:path";
import { ask } from "../../ipc/ask.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import { checkId } from "../../task/id.ts";
import type { Environment } from "../context.ts";
import { textOf } from "../options/values.ts";
import type { Output } from "../show/output.ts";

export interface AskFlags {
	option?: string[];
	timeout?: string;
}

/** Works on the task's files alone: the agent may be in a sandbox without a network. */
export async function askCommand(
	output: Output,
	env: Environment,
	words: string[],
	flags: AskFlags,
): Promise<number | undefined> {
	const timeoutMs = flags.timeout === undefined ? null : parseDuration(flags.timeout, "--timeout");
	const reply = await ask(taskDir(env), {
		text: await textOf(words),
		options: flags.option ?? [],
		timeoutMs,
		vanished: () => output.note("The task's directory is gone: waiting for dispatch to make it again."),
	});
	if (reply.kind === "timedOut") {
		throw new DispatchError("DISPATCH_TIMED_OUT", `No answer within ${flags.timeout}.`, {
			hint: "The question stays open: ask the same again to go on waiting, or write context.md, mark the item [?] and stop.",
		});
	}
	if (output.json) output.result({ answer: reply.text }, []);
	else process.stdout.write(reply.text.endsWith("\n") ? reply.text : `${reply.text}\n`);
	return undefined;
}

function taskDir(env: Environment): string {
	if (env.DISPATCH_TASK_DIR) return env.DISPATCH_TASK_DIR;
	if (env.DISPATCH_TASK) {
		checkId(env.DISPATCH_TASK);
		return join(process.cwd(), ".dispatch", "tasks", env.DISPATCH_TASK);
	}
	throw new DispatchError(
		"DISPATCH_NOT_IN_TASK",
		"`dispatch ask` works inside a task only: DISPATCH_TASK is not set.",
		{
			hint: "It is for agents that dispatch has started.",
		},
	);
}
