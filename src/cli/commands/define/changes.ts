/** The commands that change tasks. */
import type { AnswerFlags } from "../answer.ts";
import type { PruneFlags } from "../prune.ts";
import type { RetryFlags } from "../retry.ts";
import { type Definer, example, repeatable } from "./definer.ts";

export function defineChanges({ program, run, runToStop }: Definer): void {
	program
		.command("answer")
		.description("answer a task's oldest open question")
		.argument("<id>", "the task's id or the beginning of it")
		.argument("[text...]", "the answer; `-` reads it from stdin; without it, a prompt on a terminal")
		.option("--seq <n>", "answer this question instead")
		.addHelpText("after", example('dispatch answer review-login-code "Review both"'))
		.action((id: string, words: string[], flags: AnswerFlags) =>
			run(async (context) => (await import("../answer.ts")).answer(context, id, words, flags)),
		);
	program
		.command("note")
		.description("tell a task's agent something; it sees it before its next item")
		.argument("<id>", "the task's id or the beginning of it")
		.argument("<text...>", "what to tell it; `-` reads it from stdin")
		.addHelpText("after", example('dispatch note review-login-code "Leave the legacy code out"'))
		.action((id: string, words: string[]) =>
			run(async (context) => (await import("../note.ts")).note(context, id, words)),
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
				runToStop(async (context) => (await import("../cancel.ts")).cancel(context, ids)),
			);
	}
	program
		.command("retry")
		.description("start ended tasks again")
		.argument("<ids...>", "ids, or the beginnings of them")
		.option("--fresh", "in a new session with the plan as it was at first")
		.option("--model <name>", "with this model or alias")
		.option("--sign", "vouch for a task that carries no signature of this host: shows what it would run")
		.option("--here", "on this host; takes over a task whose host is gone, ended or not")
		.addHelpText("after", example("dispatch retry review-login-code --fresh"))
		.action((ids: string[], flags: RetryFlags) =>
			run(async (context) => (await import("../retry.ts")).retry(context, ids, flags)),
		);
	program
		.command("rm")
		.description("delete ended tasks with their files in .dispatch/tasks")
		.argument("<ids...>", "ids, or the beginnings of them")
		.addHelpText("after", example("dispatch rm review-login-code"))
		.action((ids: string[]) => run(async (context) => (await import("../rm.ts")).rm(context, ids)));
	program
		.command("prune")
		.description("delete tasks of this host that ended a while ago; the work in the project stays")
		.option("--older-than <duration>", "ended at least so long ago (default: 14d)")
		.addOption(repeatable("--state <state>", "only tasks in this state (repeatable)"))
		.addOption(repeatable("--tag <k=v>", "only tasks with this label (repeatable)"))
		.option("--dry-run", "show what would go")
		.option("--yes", "do not ask; without a terminal, nothing is asked anyway")
		.addHelpText("after", example("dispatch prune --older-than 30d --dry-run"))
		.action((flags: PruneFlags) =>
			run(async (context) => (await import("../prune.ts")).prune(context, flags)),
		);
}
