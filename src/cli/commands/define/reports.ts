/** The commands that only look. */

import { idsOf } from "../../options/ids.ts";
import type { LogsFlags } from "../../show/log-source.ts";
import type { LsFlags } from "../ls.ts";
import type { WaitFlags } from "../wait.ts";
import { type Definer, example, forAgents, names, repeatable } from "./definer.ts";

export function defineReports({ program, runAnyway }: Definer): void {
	const list = (flags: LsFlags) =>
		runAnyway(async (context) => (await import("../ls.ts")).ls(context, flags));
	const show = (id: string | undefined) =>
		runAnyway(async (context) => {
			const { status, summary } = await import("../status.ts");
			return id === undefined ? summary(context) : status(context, id);
		});
	forAgents(program.command("ls"))
		.alias("ps")
		.description("list tasks, newest first")
		.addOption(names("--state <state>", "only tasks in this state; several with commas (repeatable)"))
		.addOption(repeatable("--tag <k=v>", "only tasks with this label (repeatable)"))
		.option("--host <id>", "only tasks of this host")
		.option("--mine", "only tasks that you submitted")
		.option("--sort <column>", "by this column instead of the newest first; -age turns it round")
		.option("--columns <names>", "these columns, in this order, e.g. task,age,what")
		.option("--limit <n>", "at most so many (default: 50)")
		.option("--all", "all of them")
		.addHelpText("after", example("dispatch ls --state asking --state parked"))
		.action(list);
	forAgents(program.command("status"))
		.alias("show")
		.description("a task's report; without an id, what runs and what needs you")
		.argument("[id]", "the task's id or the beginning of it")
		.addHelpText("after", example("dispatch status review-login-code"))
		.action(show);
	forAgents(program.command("questions"))
		.description("open questions of all tasks")
		.option("--mine", "only those of tasks that you submitted")
		.addHelpText("after", example("dispatch questions"))
		.action((flags: { mine?: boolean }) =>
			runAnyway(async (context) => (await import("../questions.ts")).questions(context, flags)),
		);
	forAgents(program.command("logs"))
		.description("what the agent does and says, a line each; dispatch's own lines begin with ┃")
		.argument("<id>", "the task's id or the beginning of it")
		.option("-f, --follow", "go on until the task has ended")
		.option("-n, --lines <n>", "only the last so many lines")
		.option("--since <duration>", "only what came in this time, e.g. 10m")
		.option(
			"--raw",
			"its output byte for byte, every start (on the host where it ran); not for a CI job's log, where a line may be a command",
		)
		.option("--attempt <n>", "only what this start printed, by the number that stands at its beginning")
		.option("--events", "what happened to the task: moves, questions, answers, notes")
		.addHelpText("after", example("dispatch logs review-login-code -f -n 20"))
		.action((id: string, flags: LogsFlags) =>
			runAnyway(async (context) => (await import("../logs.ts")).logs(context, id, flags)),
		);
	forAgents(program.command("output"))
		.description("the agent's report (output.md)")
		.argument("<id>", "the task's id or the beginning of it")
		.addHelpText("after", example("dispatch output review-login-code > report.md"))
		.action((id: string) => runAnyway(async (context) => (await import("../output.ts")).output(context, id)));
	forAgents(program.command("wait"))
		.description("wait until tasks have ended (default: all open ones)")
		.argument("[ids...]", "ids, or the beginnings of them; also with commas: a,b,c")
		.option("--any", "until one of them has ended")
		.option("--for <event>", "`question`: also until one asks")
		.option("--timeout <duration>", "give up after this time, e.g. 10m")
		.option(
			"--cursor <file>",
			"one event a call, each once; a new file begins with what is open and the ids given",
		)
		.addHelpText("after", example("dispatch wait --any --for question --cursor seen.json"))
		.action((ids: string[], flags: WaitFlags) =>
			runAnyway(async (context) => (await import("../wait.ts")).wait(context, idsOf(...ids), flags)),
		);
}
