/** Commands that have commands of their own, and words that are none. */
import type { Command } from "commander";
import type { DispatchError } from "../../../task/errors.ts";
import { commandOf } from "../../program/help.ts";
import { forAgents } from "./definer.ts";

/** A command of several: alone it prints its help, which anybody would ask for next. */
export function explainsItself(group: Command): Command {
	return forAgents(group)
		.usage("[options] [command]")
		.argument("[words...]")
		.action(async (words: string[]) => {
			const [word] = words[0] === "help" ? words.slice(1) : words;
			const asked = word === undefined ? group : words[0] === "help" ? commandOf(group, word) : undefined;
			if (asked === undefined) throw (await import("../unknown-word.ts")).unknownIn(group, word ?? "");
			asked.outputHelp();
		});
}

/** @param words in which no command is named */
export async function unknownWord(program: Command, words: string[]): Promise<DispatchError> {
	return (await import("../unknown-word.ts")).unknownWord(program, words);
}
