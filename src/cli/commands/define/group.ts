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

/**
 * For a command that has commands of its own and takes one word besides, a file or a host: a word that is no such
 * thing was meant as a command.
 * @param isThere whether the word is what the command takes
 * @throws DISPATCH_USAGE where it is not, and a command is near, or more words follow
 */
export async function requireNoOtherWord(
	group: Command,
	isThere: (word: string) => boolean | Promise<boolean>,
): Promise<void> {
	const [word, ...more] = group.args;
	if (word === undefined || ((await isThere(word)) && more.length === 0)) return;
	const { meantIn, unknownIn } = await import("../unknown-word.ts");
	const isOther = meantIn(group, word) !== null;
	if (isOther || (more.length > 0 && !(await isThere(word)))) throw unknownIn(group, word);
	if (more.length > 0)
		group.error(
			`error: too many arguments for '${group.name()}'. Expected 1 argument but got ${group.args.length}.`,
			{
				code: "commander.excessArguments",
			},
		);
}

/** @param words in which no command is named */
export async function unknownWord(program: Command, words: string[]): Promise<DispatchError> {
	return (await import("../unknown-word.ts")).unknownWord(program, words);
}
