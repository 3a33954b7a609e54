/** The commands that change tasks. */
import type { AnswerFlags } from "./commands/answer.ts";
import type { RetryFlags } from "./commands/retry.ts";
import { type Definer, example } from "./definer.ts";

export function defineChanges({ program, run }: Definer): void {
	program
		.command("answer")
		.description("answer a task's oldest open question")
		.argument("<id>", "the task's id or the beginning of it")
		.argument("[text...]", "the answer; `-` reads it from stdin; without it, a prompt on a terminal")
		.option("--seq <n>", "answer this question instead")
		.addHelpText("after", example('dispatch answer review-login-code "Review both"'))
		.action((id: string, words: string[], flags: AnswerFlags) =>
			run(async (context) => (await import("./commands/answer.ts")).answer(context, id, words, flags)),
		);
	for (const [name, hidden] of [
		["cancel", false],
		["stop", true],
	] as const) {
		program
			.command(name, { hidden })
			.description("cancel tasks; ends their agents' process trees")
			.argument("<ids...>", "ids, or the beginnings of them")
			.addHelpText("after", example("dispatch cancel review-login-code"))
			.action((ids: string[]) =>
				run(async (context) => (await import("./commands/cancel.ts")).cancel(context, ids)),
			);
	}
	program
		.command("retry")
		.description("start an ended task again")
		.argument("<id>", "the task's id or the beginning of it")
		.option("--fresh", "in a new session with the plan as it was at first")
		.option("--model <name>", "with this model or alias")
		.addHelpText("after", example("dispatch retry review-login-code --fresh"))
		.action((id: string, flags: RetryFlags) =>
			run(async (context) => (await import("./commands/retry.ts")).retry(context, id, flags)),
		);
	program
		.command("rm")
		.description("delete ended tasks with their files in .dispatch/tasks")
		.argument("<ids...>", "ids, or the beginnings of them")
		.addHelpText("after", example("dispatch rm review-login-code"))
		.action((ids: string[]) => run(async (context) => (await import("./commands/rm.ts")).rm(context, ids)));
}
