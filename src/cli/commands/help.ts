/** `dispatch help`: a command's help, a page on a topic, or the list of topics. */
import type { Command } from "commander";
import { DispatchError } from "../../task/errors.ts";
import { TOPICS, type Topic } from "../help/topics.ts";
import { commandOf, pathOf, usageOf } from "../program/help.ts";
import { meantBy } from "../program/near-words.ts";
import type { Output } from "../show/output.ts";

/** @param words a command with its own ones, or a topic; none: everything */
export async function help(program: Command, output: Output, words: string[]): Promise<undefined> {
	const [word, ...more] = words;
	if (word === undefined) return void program.outputHelp();
	if (word === "topics") return listTopics(output);
	const topic = TOPICS.find(({ name }) => name === word);
	if (topic !== undefined && more.length === 0) return showTopic(program, output, topic);
	let command = program;
	for (const each of words) {
		const sub = commandOf(command, each);
		if (sub === undefined) throw noHelpFor(program, each);
		command = sub;
	}
	command.outputHelp();
}

function listTopics(output: Output): undefined {
	const width = Math.max(...TOPICS.map(({ name }) => name.length));
	const lines = TOPICS.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`);
	output.result(
		TOPICS.map(({ name, title }) => ({ name, title })),
		["Topics, by `dispatch help TOPIC`:", "", ...lines],
		TOPICS.map(({ name }) => name),
	);
}

function showTopic(program: Command, output: Output, topic: Topic): undefined {
	output.result(topic, pageOf(program, topic));
}

/** The lines of a page; of a topic that is a command's name, too, the last one says how that is called. */
export function pageOf(program: Command, { name, title, text }: Topic): string[] {
	const command = commandOf(program, name);
	const usage =
		command === undefined ? [] : ["", `The command: ${usageOf(command)}; more: ${pathOf(command)} --help`];
	return [title, "", ...text.split("\n"), ...usage];
}

function noHelpFor(program: Command, word: string): DispatchError {
	const names = [
		...program.commands.map((command) => command.name()),
		...TOPICS.map(({ name }) => name),
		"topics",
	];
	const meant = meantBy(word, names);
	const line = meant?.startsWith("help ") || meant?.startsWith("-") ? meant : `help ${meant?.split(" ")[0]}`;
	const near = meant === null ? "" : `Did you mean \`dispatch ${line}\`? `;
	return new DispatchError("DISPATCH_USAGE", `There is no help for "${word}".`, {
		hint: `${near}\`dispatch --help\` lists the commands, \`dispatch help topics\` the topics.`,
	});
}
