/** `completion`, and what the shells' scripts call at every Tab. */
import { Argument } from "commander";
import { type Definer, example, forAgents } from "./definer.ts";

export function defineCompletion({ program, runBare, env }: Definer): void {
	forAgents(program.command("completion"))
		.description("print the script with which your shell completes commands, options, models and task ids")
		.addArgument(new Argument("<shell>", "which one").choices(["bash", "zsh", "fish"]))
		.addHelpText(
			"after",
			example(
				"dispatch completion bash >> ~/.bashrc",
				"dispatch completion zsh >> ~/.zshrc",
				"dispatch completion fish > ~/.config/fish/completions/dispatch.fish",
			),
		)
		.action((shell: string) =>
			runBare(async (output) => (await import("../completion.ts")).printScript(output, shell)),
		);
	forAgents(program.command("complete", { hidden: true }))
		.argument("[words...]")
		.allowUnknownOption()
		.action((words: string[]) =>
			runBare(async (output) => (await import("../completion.ts")).complete(program, output, env, words)),
		);
}
