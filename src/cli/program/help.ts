/** How help looks: commands in groups, the everyday ones first, and under each what is true of every command. */
import { type Command, Help } from "commander";
import { GROUPS } from "./groups.ts";

/** Before any command is defined: they take it over. */
export function styleHelp(program: Command): void {
	program.helpCommand(false).configureHelp({
		showGlobalOptions: true,
		// There it would print the version of dispatch, and nobody asks a command for it.
		visibleGlobalOptions(command) {
			const all = Help.prototype.visibleGlobalOptions.call(this, command);
			// Those of a group that is a command itself are not its commands'.
			return all.filter((option) => option.long !== "--version" && program.options.includes(option));
		},
		commandDescription: (command) => sentence(command.description()),
		subcommandTerm: (command) => [command.name(), ...command.aliases()].join(", "),
		styleTitle: (title) => (title === "Global Options:" ? "Global options:" : title),
	});
}

function sentence(text: string): string {
	return text === "" ? "" : `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

/** Once all commands are defined. */
export function groupCommands(program: Command): void {
	const order = GROUPS.flatMap(([, names]) => names);
	for (const [heading, names] of GROUPS)
		for (const name of names) commandOf(program, name)?.helpGroup(heading);
	const place = (command: Command) => (order.indexOf(command.name()) + order.length + 1) % (order.length + 1);
	(program.commands as Command[]).sort((a, b) => place(a) - place(b));
}

/** @param word a command's name or alias */
export function commandOf(parent: Command, word: string): Command | undefined {
	return parent.commands.find((each) => each.name() === word || each.aliases().includes(word));
}

/** The command that a line calls, as far as its words name one. */
export function calledIn(program: Command, words: readonly string[]): Command | null {
	let command: Command | null = null;
	for (const word of words) command = commandOf(command ?? program, word) ?? command;
	return command;
}

/** `dispatch config add-model` */
export function pathOf(command: Command): string {
	return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** `dispatch config add-model [options] <name>` */
export function usageOf(command: Command): string {
	return `${pathOf(command)} ${command.usage()}`;
}

/** The lines behind `$` in a command's help. */
export function examplesOf(command: Command): string[] {
	let help = "";
	const { writeOut } = command.configureOutput();
	command.configureOutput({
		writeOut: (text) => {
			help += text;
		},
	});
	command.outputHelp();
	command.configureOutput({ writeOut: writeOut ?? ((text) => process.stdout.write(text)) });
	return [...help.matchAll(/^ {2}\$ (.+)$/gm)].map(([, line]) => line ?? "");
}
