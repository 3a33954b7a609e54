/** The commands that change tasks. */
import type { Command } from "commander";
import { idsOf, isFilter, type SeveralFlags } from "../../options/ids.ts";
import type { AnswerFlags } from "../answer.ts";
import type { PruneFlags } from "../prune.ts";
import type { RetryFlags } from "../retry.ts";
import type { RmFlags } from "../rm.ts";
import { type Definer, example, names, repeatable } from "./definer.ts";

const IDS = "ids, or the beginnings of them; also with commas: a,b,c";

export function defineChanges(definer: Definer): void {
	defineMessages(definer);
	defineEnds(definer);
	definePrune(definer);
}

/** What is said to agents. */
function defineMessages({ program, run }: Definer): void {
	const answer = program
		.command("answer")
		.description("answer a task's oldest open question")
		.argument("[id]", "the task's id or the beginning of it; several with commas: a,b,c")
		.argument("[text...]", "the answer; `-` reads it from stdin; without it, a prompt on a terminal")
		.option("--seq <n>", "answer this question instead");
	several(answer, "tasks that ask", "<id> [text...]")
		.addHelpText(
			"after",
			example('dispatch answer review-login-code "Review both"', 'dispatch answer --tag team=web "Yes"'),
		)
		.action((id: string | undefined, words: string[], flags: AnswerFlags & SeveralFlags) => {
			const { ids, text } = meant(answer, id, words, flags);
			return run(async (context) =>
				ids.length === 1
					? (await import("../answer.ts")).answer(context, ids[0] ?? "", text, flags)
					: (await import("../answer-several.ts")).answerSeveral(context, ids, text, flags),
			);
		});
	const note = program
		.command("note")
		.description("tell a task's agent something; it sees it before its next item")
		.argument("[id]", "the task's id or the beginning of it; several with commas: a,b,c")
		.argument("[text...]", "what to tell it; `-` reads it from stdin");
	several(note, "tasks that have not ended", "<id> <text...>")
		.addHelpText("after", example('dispatch note review-login-code "Leave the legacy code out"'))
		.action((id: string | undefined, words: string[], flags: SeveralFlags) => {
			const { ids, text } = meant(note, id, words, flags);
			if (text.length === 0) missing(note, "text");
			return run(async (context) => (await import("../note.ts")).note(context, ids, text, flags));
		});
}

/** What ends tasks, begins them again, and takes them away. */
function defineEnds({ program, run, runToStop }: Definer): void {
	const cancel = program
		.command("cancel")
		.alias("stop")
		.description("cancel tasks; ends their agents' process trees")
		.argument("[ids...]", IDS);
	several(cancel, "tasks that have not ended")
		.addHelpText(
			"after",
			example("dispatch cancel review-login-code", "dispatch cancel --state queued --tag team=web --yes"),
		)
		.action((ids: string[], flags: SeveralFlags) => {
			requireSome(cancel, ids, flags);
			return runToStop(async (context) =>
				(await import("../cancel.ts")).cancel(context, idsOf(...ids), flags),
			);
		});
	const retry = program
		.command("retry")
		.description("start ended tasks again")
		.argument("[ids...]", IDS)
		.option("--fresh", "in a new session with the plan as it was at first")
		.option("--model <name>", "with this model or alias")
		.option(
			"--sign",
			"vouch for a task that carries no signature of this host: shows what it would run, and asks",
		)
		.option(
			"--here",
			"on this host; takes over a task whose host is gone, ended or not: shows what it would run, and asks",
		)
		.option("--failed", "those that failed");
	several(retry, "tasks that failed, unless --state names others")
		.addHelpText(
			"after",
			example("dispatch retry review-login-code --fresh", "dispatch retry --failed --yes"),
		)
		.action((ids: string[], flags: RetryFlags) => {
			requireSome(retry, ids, flags);
			return run(async (context) => (await import("../retry.ts")).retry(context, idsOf(...ids), flags));
		});
	const rm = program
		.command("rm")
		.description("delete ended tasks with their files in .dispatch/tasks")
		.argument("[ids...]", IDS)
		.option("--force", "also work in a worktree that is in no commit, and its branch");
	several(rm, "tasks that have ended")
		.addHelpText("after", example("dispatch rm review-login-code", "dispatch rm --state cancelled --yes"))
		.action((ids: string[], flags: RmFlags) => {
			requireSome(rm, ids, flags);
			return run(async (context) => (await import("../rm.ts")).rm(context, idsOf(...ids), flags));
		});
}

/**
 * The options of a filter, with which the ids are left out: usage shows what is needed without them.
 * @param which tasks it chooses from
 */
function several(command: Command, which: string, needed = "<ids...>"): Command {
	return command
		.usage(`[options] ${needed}`)
		.addOption(
			names("--state <state>", `instead of ids: ${which}, in this state; several with commas (repeatable)`),
		)
		.addOption(repeatable("--tag <k=v>", "instead of ids: with this label (repeatable)"))
		.option("--host <id>", "instead of ids: of this host (default: of the host you are on)")
		.option("--any-host", "with --state or --tag: of every host of this Redis")
		.option("-y, --yes", "do not ask; needed for several by a filter where nobody can be asked");
}

/** With a filter all words are the text. */
function meant(command: Command, id: string | undefined, words: string[], flags: SeveralFlags) {
	if (isFilter(flags)) return { ids: [], text: id === undefined ? words : [id, ...words] };
	if (id === undefined) missing(command, "id");
	return { ids: idsOf(id), text: words };
}

function requireSome(command: Command, ids: readonly string[], flags: SeveralFlags): void {
	if (ids.length === 0 && !isFilter(flags)) missing(command, "ids");
}

/** As commander says it of an argument that is always needed. */
function missing(command: Command, name: string): never {
	command.error(`error: missing required argument '${name}'`, { code: "commander.missingArgument" });
}

function definePrune({ program, run }: Definer): void {
	program
		.command("prune")
		.description("delete tasks of this host that ended a while ago; the work in the project stays")
		.option("--older-than <duration>", "ended at least so long ago (default: 14d)")
		.addOption(names("--state <state>", "only tasks in this state; several with commas (repeatable)"))
		.addOption(repeatable("--tag <k=v>", "only tasks with this label (repeatable)"))
		.option("--dry-run", "show just what would go, and what stays and why")
		.option("--yes", "do not ask; without a terminal, nothing is asked anyway")
		.option("--force", "also work in worktrees that is in no commit, and its branches")
		.addHelpText("after", example("dispatch prune --older-than 30d --dry-run"))
		.action((flags: PruneFlags) =>
			run(async (context) => (await import("../prune.ts")).prune(context, flags)),
		);
}
