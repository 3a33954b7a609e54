/** `help`: commands, and pages on topics. */
import { type Definer, example, forAgents } from "./definer.ts";

export function defineHelp({ program, runBare }: Definer): void {
	forAgents(program.command("help"))
		.description("explain a command or a topic; `dispatch help topics` lists the topics")
		.argument("[words...]", "a command or a topic")
		.addHelpText("after", example("dispatch help topics", "dispatch help questions"))
		.action((words: string[]) =>
			runBare(async (output) => (await import("../help.ts")).help(program, output, words)),
		);
}
