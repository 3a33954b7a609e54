/** `config …` and `doctor`. */
import { BACKEND_TYPES } from "../../../backends/known.ts";
import type { AliasFlags, BackendFlags, ConfigCommand } from "../config.ts";
import type { DoctorFlags } from "../doctor.ts";
import { type Definer, example, forAgents } from "./definer.ts";
import { explainsItself } from "./group.ts";

const TYPES = BACKEND_TYPES.join(", ").replace(/, (?=[^,]*$)/, " or ");

export function defineConfig(definer: Definer): void {
	const { program, runBare, env } = definer;
	defineEditing(definer);
	forAgents(program.command("doctor"), (doctor) => doctor.opts<DoctorFlags>().fix !== true)
		.description("look for what is broken, with its fix: Redis, config, agent CLIs, worker, disk, clock")
		.option("--fix", "mend what can be mended safely")
		.addHelpText("after", example("dispatch doctor --fix"))
		.action((flags: DoctorFlags) =>
			runBare(async (output) => {
				const { redis } = program.opts<{ redis?: string }>();
				return (await import("../doctor.ts")).doctor({ output, env, redis }, flags);
			}),
		);
}

function defineEditing({ program, run, runBare, env }: Definer): void {
	const config = explainsItself(program.command("config")).description(
		"look at the config file and change it",
	);
	config.addHelpText(
		"after",
		example("dispatch config show", 'dispatch config add-backend mine --command "./agent.sh"'),
	);
	type Commands = typeof import("../config.ts");
	const act = (work: (commands: Commands, command: ConfigCommand) => Promise<number | undefined>) =>
		runBare(async (output) => work(await import("../config.ts"), { output, env }));
	const sub = (usage: string, description: string, ...lines: string[]) =>
		config
			.command(usage)
			.description(description)
			.addHelpText("after", example(...lines));

	sub("init", "write a config of the agent CLIs on PATH", "dispatch config init").action(() =>
		act((commands, command) => commands.initConfig(command)),
	);
	forAgents(sub("path", "print where the config file is", "dispatch config path")).action(() =>
		act((commands, command) => commands.printPath(command)),
	);
	forAgents(
		sub("show", "print what is in force, and where it came from", "dispatch config show --json"),
	).action(() =>
		act(async (_commands, command) => {
			const { redis } = program.opts<{ redis?: string }>();
			return (await import("../config-show.ts")).showConfig(command, redis);
		}),
	);
	sub(
		"set-default <name>",
		"choose the model of tasks that name none",
		"dispatch config set-default opus",
	).action((name: string) => act((commands, command) => commands.setDefault(command, name)));
	sub("add-model <name>", "add a model, or change it", "dispatch config add-model gpt-5 --backend codex")
		.option("--backend <name>", "who runs it (default: found by its name)")
		.option("--id <id>", "what --model gets (default: its name)")
		.action((name: string, flags: { backend?: string; id?: string }) =>
			act((commands, command) => commands.addModel(command, name, flags)),
		);
	sub("remove-model <name>", "remove a model", "dispatch config remove-model gpt-5").action((name: string) =>
		act((commands, command) => commands.removeModel(command, name)),
	);
	sub(
		"add-backend <name>",
		"add an agent CLI, or change it",
		'dispatch config add-backend mine --command "./agent.sh"',
	)
		.requiredOption("--command <line>", "the shell line that starts it")
		.option("--type <type>", `${TYPES} (default: by its name or program)`)
		.option("--no-model-flag", "never pass --model to it")
		.option("--prompt-by <way>", "how it gets its prompts: stdin, file or argument")
		.option("--permissions <degree>", "hold it to read_only, edit or full (default: as its line says)")
		.action((name: string, flags: BackendFlags) =>
			act((commands, command) => commands.addBackend(command, name, flags)),
		);
	sub("remove-backend <name>", "remove an agent CLI", "dispatch config remove-backend mine")
		.option("-y, --yes", "also while tasks that are not over use it, or nobody knows")
		.action((name: string, flags: { yes?: boolean }) =>
			run(async (context) =>
				(await import("../config-remove-backend.ts")).removeBackend(context, name, flags),
			),
		);
	sub(
		"add-alias <name>",
		"add a model with words of its own before the prompt, or change it",
		'dispatch config add-alias reviewer --model opus --prompt "You are a reviewer."',
	)
		.option("--model <name>", "its model (default: the default)")
		.option("--prompt <text>", "goes before the task's prompt")
		.option("--permissions <degree>", "narrow its agents to read_only or edit")
		.action((name: string, flags: AliasFlags) =>
			act((commands, command) => commands.addAlias(command, name, flags)),
		);
	sub("remove-alias <name>", "remove an alias", "dispatch config remove-alias reviewer").action(
		(name: string) => act((commands, command) => commands.removeAlias(command, name)),
	);
	sub("edit", "open it in your editor; only what loads is taken", "dispatch config edit").action(() =>
		act(async (_commands, command) => (await import("../config-edit.ts")).editInEditor(command)),
	);
	sub("migrate", "turn the older agents: form into the present one", "dispatch config migrate").action(() =>
		act((commands, command) => commands.migrate(command)),
	);
}
