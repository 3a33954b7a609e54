/** `enqueue` and `run`. */
import type { Command } from "commander";
import type { EnqueueFlags } from "../enqueue.ts";
import { type Definer, example, repeatable } from "./definer.ts";
import { missing } from "./several.ts";

export function defineSubmission({ program, run }: Definer): void {
	const enqueue = program.command("enqueue");
	taskOptions(enqueue)
		.description("submit one task and return at once")
		.option("--wait", "wait until it has ended")
		.option("--follow", "show what the agent does until it has ended")
		.option("--timeout <duration>", "with --wait or --follow: give up after this time, e.g. 10m")
		.option("--dry-run", "show what would be submitted, and submit nothing")
		.addHelpText(
			"after",
			example(
				"dispatch enqueue --template security-review --var path=src/auth",
				'dispatch enqueue "Review the login code" --item "List the entry points" --item "Write output.md"',
			).concat("\n\n`dispatch run …` is `dispatch enqueue --follow …`."),
		)
		.action((words: string[], flags: EnqueueFlags) => {
			requirePrompt(enqueue, words, flags);
			return run(async (context) => (await import("../enqueue.ts")).enqueue(context, words, flags));
		});
	const followed = program.command("run");
	taskOptions(followed)
		.description("submit one task, follow it until it ends or parks (code 3)")
		.option("--timeout <duration>", "give up following after this time, e.g. 10m")
		.addHelpText("after", example('dispatch run "Fix the failing test"'))
		.action((words: string[], flags: EnqueueFlags) => {
			requirePrompt(followed, words, flags);
			return run(async (context) =>
				(await import("../enqueue.ts")).enqueue(context, words, { ...flags, follow: true }),
			);
		});
}

function requirePrompt(command: Command, words: readonly string[], flags: EnqueueFlags): void {
	if (words.length === 0 && flags.promptFile === undefined && flags.template === undefined)
		missing(command, "prompt");
}

function taskOptions(command: Command): Command {
	return command
		.argument("[prompt...]", "what shall be done; `-` reads it from stdin")
		.option("--prompt-file <file>", "read the prompt from a file")
		.option("--id <id>", "name the task (default: made from the prompt)")
		.option("--model <name>", "a model or alias (default: named in the prompt, else the config's)")
		.option("--plan <file>", "start with this checklist")
		.option("--template <name>", "start with a template's checklist and words (see: dispatch templates)")
		.addOption(repeatable("--var <k=v>", "a value for the template (repeatable)"))
		.addOption(repeatable("--context <file>", "a file that the agent shall read first (repeatable)"))
		.addOption(repeatable("--item <text>", "an item of the checklist (repeatable)"))
		.option("--cwd <dir>", "work in this directory (default: the current one)")
		.option("--worktree", "work in a git worktree of its own, on the branch dispatch/<id>")
		.option("--setup <command>", "with --worktree: run this in it before the first start, e.g. npm ci")
		.option("--priority <n>", "1 first … 1000 last (default: 100)")
		.addOption(repeatable("--tag <k=v>", "label the task (repeatable)"))
		.addOption(
			repeatable(
				"--after <id>",
				"do not start it before this task has completed; several with commas (repeatable)",
			),
		)
		.option("--delay <duration>", "do not start it before, e.g. 2h")
		.option("--deadline <duration>", "fail it after so much work, e.g. 1h")
		.option("--attempts <n>", "start it at most so often")
		.option("--verify <command>", "run this when it claims to be done; failing goes back to the agent")
		.option("--budget <usd>", "stop it when it has cost so much")
		.option("--unattended", "nobody can answer: a question fails the task")
		.option("--key <key>", "idempotent: the same key gives the same task");
}
