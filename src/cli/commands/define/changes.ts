/** The commands that end tasks, begin them again, and take them away. */
import { idsOf, type SeveralFlags } from "../../options/ids.ts";
import type { PruneFlags } from "../prune.ts";
import type { RetryFlags } from "../retry.ts";
import type { RmFlags } from "../rm.ts";
import { type Definer, example, names, repeatable } from "./definer.ts";
import { IDS_OR_FILTER, requireSome, several } from "./several.ts";

const IDS = "ids, or the beginnings of them; also with commas: a,b,c";

export function defineChanges(definer: Definer): void {
	defineEnds(definer);
	definePrune(definer);
}

function defineEnds({ program, run, runAnyway }: Definer): void {
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
			return runAnyway(async (context) =>
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
	several(retry, "tasks that failed, unless --state names others", `${IDS_OR_FILTER} | --failed`)
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
