/** The agent's own command. */
import type { AskFlags } from "../ask.ts";
import { type Definer, example, forAgents, repeatable } from "./definer.ts";

export function defineAsk({ program, runBare, env }: Definer): void {
	forAgents(program.command("ask"))
		.description("for agents: ask, and block until answered")
		.argument("<text...>", "the question")
		.addOption(repeatable("--option <text>", "an answer to choose from (repeatable)"))
		.option("--timeout <duration>", "give up after this time; the question stays open")
		.addHelpText("after", example('dispatch ask "Which database?" --option Postgres --option SQLite'))
		.action((words: string[], flags: AskFlags) =>
			runBare(async (output) => (await import("../ask.ts")).askCommand(output, env, words, flags)),
		);
}
