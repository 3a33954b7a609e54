/** docs/CLI.md, from the same definitions as `--help`. */
import type { Command } from "commander";
import { examplesOf } from "../../src/cli/program/help.ts";
import { ERRORS, EXIT } from "../../src/task/errors.ts";

const EXIT_MEANS: Readonly<Record<keyof typeof EXIT, string>> = {
	ok: "done; with `--wait`: all completed",
	taskFailed: "a task failed or was cancelled, or `doctor` found something broken",
	usage: "wrong use or bad input",
	needsAnswer: "needs an answer (`--wait` with parked tasks, `wait --for question`)",
	timedOut: "timed out waiting",
	redisUnreachable: "Redis cannot be reached",
	noSuchTask: "no such task",
	refused: "refused by policy",
	conflict: "conflict (already answered, already ended, id exists)",
	internal: "an internal fault",
	interrupted: "interrupted; waiting for a task never cancels it",
};

/** @param program with all its commands */
export function referencePage(program: Command): string {
	const commands = visibleCommands(program);
	const codes = Object.entries(EXIT).map(
		([name, code]) => `| ${code} | ${EXIT_MEANS[name as keyof typeof EXIT]} |`,
	);
	return `${[
		"# The command line",
		"Made from the definitions by `npm run docs`; do not edit. `dispatch COMMAND --help` shows the same.",
		"Global options, for every command:",
		optionTable(program),
		"## Exit codes",
		`| code | meaning |\n|---|---|\n${codes.join("\n")}`,
		`With \`--json\` an error is \`{"error":{"code":"DISPATCH_…","message":"…","hint":"…"}}\` on stdout; the ${Object.keys(ERRORS).length} codes stand in [ERRORS.md](ERRORS.md).`,
		"## Several tasks at once",
		"`cancel`, `retry` and `rm` take several ids, `answer` and `note` several with commas between them (`a,b,c`); or all of them a filter in place of ids: `--state`, `--tag`, `--host`, for `retry` also `--failed`. A filter takes tasks of this host that the command can do something with; `--host` names another one, `--any-host` takes all. On a terminal it shows them and asks; without one, and for more than one task, it is refused (exit code 2) unless `--yes` is given. A filter that hits nothing says so and is no error. Beside a filter the text of `answer` and `note` is one argument in quotes; one that names a task is refused, unless it comes from stdin (`-`).",
		'An id that is not there stops all before anything is done. What cannot be done to one task is said in a line, the others are done, and the highest exit code counts. One that was started again since it was listed is left alone. Where Redis goes in the middle of it, what was done is told, and which ids are left to repeat (exit code 5). With `--json` several ids or a filter give a list with an entry for each: what one alone would print, or `{"id":"…","error":{…}}`.',
		...commands.flatMap((command, n) => [
			...(command.helpGroup() === commands[n - 1]?.helpGroup() ? [] : [heading(command)]),
			...section(command, "dispatch"),
		]),
	].join("\n\n")}\n`;
}

function heading(command: Command): string {
	return `## ${command.helpGroup().replace(/:$/, "")}`;
}

function section(command: Command, parent: string): string[] {
	const name = `${parent} ${command.name()}`;
	const subs = visibleCommands(command);
	const level = parent === "dispatch" ? "###" : "####";
	const args = command.registeredArguments.map(
		(argument) => `- \`${argument.name()}\`: ${argument.description}`,
	);
	return [
		`${level} ${name}`,
		sentence(command.description()),
		`\`\`\`text\n${name} ${command.usage()}\n\`\`\``,
		...command.aliases().map((alias) => `Also: \`${parent} ${alias}\``),
		...(args.some((line) => !line.endsWith(": ")) ? [args.join("\n")] : []),
		...(command.options.some(({ hidden }) => !hidden) ? [optionTable(command)] : []),
		...examplesOf(command).map((line) => `Example: \`${line}\``),
		...subs.flatMap((sub) => section(sub, name)),
	];
}

function optionTable(command: Command): string {
	const rows = command.options
		.filter(({ hidden }) => !hidden)
		.map(({ flags, description }) => `| \`${flags}\` | ${description.replaceAll("|", "\\|")} |`);
	return `| option | meaning |\n|---|---|\n${rows.join("\n")}`;
}

export function visibleCommands(command: Command): Command[] {
	return command
		.createHelp()
		.visibleCommands(command)
		.filter((each) => each.name() !== "help");
}

function sentence(text: string): string {
	return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
