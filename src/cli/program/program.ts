/** All commands with their options. Only this is loaded at every start; a command's code follows when it runs. */
import { Command } from "commander";
import { DispatchError } from "../../task/errors.ts";
import { VERSION } from "../../task/version.ts";
import { defineAsk } from "../commands/define/ask.ts";
import { defineBatch } from "../commands/define/batch.ts";
import { defineChanges } from "../commands/define/changes.ts";
import { defineCompletion } from "../commands/define/completion.ts";
import { defineConfig } from "../commands/define/config.ts";
import { type Definer, forAgents, isForAgents, type Work } from "../commands/define/definer.ts";
import { hookFirstRun } from "../commands/define/first-run.ts";
import { unknownWord } from "../commands/define/group.ts";
import { defineHelp } from "../commands/define/help.ts";
import { defineHosts } from "../commands/define/hosts.ts";
import { defineMachines } from "../commands/define/machines.ts";
import { defineMessages } from "../commands/define/messages.ts";
import { defineReports } from "../commands/define/reports.ts";
import { defineScreens } from "../commands/define/screens.ts";
import { defineServices } from "../commands/define/services.ts";
import { defineSubmission } from "../commands/define/submission.ts";
import { defineTemplates } from "../commands/define/templates.ts";
import { defineWorktrees } from "../commands/define/worktrees.ts";
import type { ContextOptions, Environment } from "../context.ts";
import { Output } from "../show/output.ts";
import { groupCommands, styleHelp } from "./help.ts";

export interface ProgramOptions {
	env: Environment;
	/** called with the exit code of the command that ran */
	done(code: number): void;
	/** where all of it is printed */
	output?: Output;
}

interface GlobalOptions {
	redis?: string;
	json?: boolean;
	quiet?: boolean;
	allowNested?: boolean;
}

export function buildProgram({
	env,
	done,
	output: given = new Output({ json: false, quiet: false, env }),
}: ProgramOptions): Command {
	const program = new Command("dispatch");
	const output = () => {
		const { json = false, quiet = false } = program.opts<GlobalOptions>();
		given.setMode({ json, quiet });
		return given;
	};
	const options = () => ({ env, output: output(), redis: program.opts<GlobalOptions>().redis });
	const definer: Definer = {
		program,
		env,
		run: async (work) => done((await withContext(options(), "open", work)) ?? 0),
		runAnyway: async (work) => done((await withContext(options(), "openAnyway", work)) ?? 0),
		runBare: async (work) => done((await work(output())) ?? 0),
	};
	describeProgram(program, definer);
	refuseInsideTasks(program, env);
	hookFirstRun(definer);
	defineSubmission(definer);
	defineBatch(definer);
	defineReports(definer);
	defineTemplates(definer);
	defineMessages(definer);
	defineChanges(definer);
	defineWorktrees(definer);
	defineServices(definer);
	defineMachines(definer);
	defineAsk(definer);
	defineConfig(definer);
	defineScreens(definer);
	defineHosts(definer);
	defineCompletion(definer);
	defineHelp(definer);
	groupCommands(program);
	return program;
}

function describeProgram(program: Command, { runAnyway }: Definer): void {
	styleHelp(program);
	forAgents(program)
		.description("Run coding agents in the background: ask them, answer them, collect their reports.")
		.version(VERSION, "-V, --version", "print the version")
		.helpOption("-h, --help", "explain the command")
		.option("--redis <url>", "use this Redis, e.g. redis://host:6379, or `local`: dispatch's own")
		.option("--json", "print one JSON document")
		.option("--quiet", "print results only")
		.option("--allow-nested", "change something from inside an agent, where the config allows it")
		.addHelpText(
			"after",
			'\nExample:\n  $ dispatch enqueue "Review the login code for security holes"\n  $ dispatch status\n  $ dispatch answer review-login-code "Review both"\n\n`dispatch COMMAND --help` explains a command.\n`dispatch help topics` lists pages: questions, batches, config, redis, hosts …',
		)
		// Errors are printed by `main`, in one form.
		.configureOutput({ writeErr: () => {}, outputError: () => {} })
		.exitOverride()
		.argument("[words...]")
		.usage("[options] [command]")
		.allowUnknownOption()
		.action(async (words: string[]) => {
			if (words.length > 0) throw await unknownWord(program, words);
			await runAnyway(async (context) => (await import("../commands/status.ts")).summary(context));
		});
}

function refuseInsideTasks(program: Command, env: Environment): void {
	program.hook("preAction", async (_program, action) => {
		if (isForAgents(action)) return;
		const { mayChange, recognizeCaller } = await import("../nested.ts");
		recognizeCaller(env);
		await mayChange(env, program.opts<GlobalOptions>().allowNested ?? false);
	});
}

async function withContext(
	options: ContextOptions,
	open: "open" | "openAnyway",
	work: Work,
): Promise<number | undefined> {
	const { Context } = await import("../context.ts");
	const context = await Context[open](options);
	try {
		return await work(context);
	} catch (error) {
		if (!(error instanceof DispatchError) || error.code !== "DISPATCH_NO_SUCH_TASK") throw error;
		const { alsoElsewhere } = await import("../elsewhere.ts");
		throw alsoElsewhere(error, context.home);
	} finally {
		options.output.clearProgress();
		await context.close();
	}
}
