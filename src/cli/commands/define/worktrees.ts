/** The work of tasks with `--worktree`. */
import type { ApplyFlags } from "../apply.ts";
import type { DiffFlags } from "../diff.ts";
import { type Definer, example, forAgents } from "./definer.ts";

export function defineWorktrees({ program, run, runAnyway }: Definer): void {
	forAgents(program.command("diff"))
		.description("what a task with --worktree changed, committed or not")
		.argument("<id>", "the task's id or the beginning of it")
		.option("--stat", "only the files, and how many lines of each")
		.addHelpText("after", example("dispatch diff review-login-code --stat"))
		.action((id: string, flags: DiffFlags) =>
			runAnyway(async (context) => (await import("../diff.ts")).diff(context, id, flags)),
		);
	program
		.command("apply")
		.description(
			"bring what a task with --worktree changed into the branch and the working tree you stand in",
		)
		.argument("<id>", "the task's id or the beginning of it")
		.option("--as <way>", "`merge` (the default), `squash`: one commit, or `patch`: staged only")
		.addHelpText("after", example("dispatch apply review-login-code --as squash"))
		.action((id: string, flags: ApplyFlags) =>
			run(async (context) => (await import("../apply.ts")).apply(context, id, flags)),
		);
}
