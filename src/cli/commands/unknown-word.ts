/** What is said of a word that is no command: what was meant, as far as that can be guessed. */
import type { Command } from "commander";
import { DispatchError } from "../../task/errors.ts";
import { similar } from "../../task/similar.ts";
import { commandOf } from "../program/help.ts";
import { meantBy } from "../program/near-words.ts";

/** @param words the whole line, which begins with one that is no command */
export function unknownWord(program: Command, words: string[]): DispatchError {
	const [word = ""] = words;
	if (word.startsWith("-")) {
		const option = word.replace(/=.*$/s, "");
		const known = ["--redis", "--json", "--quiet", "--help", "--version"];
		const near = option === "-v" ? "--version" : similar(option, known);
		return new DispatchError("DISPATCH_USAGE", `Unknown option '${option}'.`, {
			hint: near === null ? hintOn(program, words) : `Did you mean ${near}?`,
		});
	}
	const names = program.commands
		.filter((command) => command.name() !== "complete")
		.map((each) => each.name());
	const meant = meantBy(word, names);
	const sentence = words.filter((each) => !each.startsWith("-")).join(" ");
	const hints = [
		...(meant === null ? [] : [`Did you mean \`dispatch ${meant}\`?`]),
		// One word alone is a slip, seldom all of a task.
		...(/\s/.test(sentence.trim()) ? [`To submit a task: dispatch enqueue "${sentence}".`] : []),
		...(meant === null ? ["`dispatch --help` lists the commands."] : []),
	];
	return new DispatchError("DISPATCH_USAGE", `Unknown command "${word}".`, { hint: hints.join(" ") });
}

/** Where a command is named behind it, it may be one of that command's options. */
function hintOn(program: Command, words: readonly string[]): string {
	const name = words.find((word) => commandOf(program, word) !== undefined);
	if (name === undefined) return "`dispatch --help` lists commands and options.";
	return `Options of a command stand behind it: \`dispatch ${name} --help\` lists them.`;
}

/** @returns the line behind `dispatch`; null: nothing is near */
export function meantIn(group: Command, word: string): string | null {
	return meantBy(
		word,
		group.commands.map((command) => command.name()),
		group.name(),
	);
}

/** @param group a command with commands of its own, of which `word` is none */
export function unknownIn(group: Command, word: string): DispatchError {
	const names = group.commands.map((command) => command.name());
	const meant = meantIn(group, word);
	const hint = meant === null ? `There is: ${names.join(", ")}.` : `Did you mean \`dispatch ${meant}\`?`;
	return new DispatchError("DISPATCH_USAGE", `Unknown command "${group.name()} ${word}".`, {
		hint: `${hint} See: dispatch ${group.name()} --help`,
	});
}
