/** Tab completion. It must be quick and quiet: it starts nothing, and what cannot be had is left out. */
import type { Command, Option } from "commander";
import { configPath, openHome } from "../../config/home.ts";
import { loadConfig } from "../../config/load.ts";
import { listTemplates } from "../../config/templates.ts";
import { localServerState } from "../../queue/redis/local-server.ts";
import { PERMISSIONS } from "../../task/spec.ts";
import { STATES } from "../../task/states.ts";
import { Context, type Environment } from "../context.ts";
import { COMPLETION_SCRIPTS } from "../program/completion-scripts.ts";
import { type Output, oneLine } from "../show/output.ts";

const IDS_OFFERED = 200;
const REDIS_LIMIT_MS = 1_000;

interface Candidate {
	value: string;
	description: string;
}

export async function printScript(output: Output, shell: string): Promise<undefined> {
	output.write((COMPLETION_SCRIPTS[shell] ?? "").trim());
}

/**
 * Prints what may stand in place of the last word, a line each: value, tab, description. Nothing where a
 * file's name, or anything, may stand.
 * @param words the line behind `dispatch`, the last one as far as it is written
 */
export async function complete(
	program: Command,
	output: Output,
	env: Environment,
	words: string[],
): Promise<undefined> {
	const written = words.at(-1) ?? "";
	const found = await candidates({ program, output, env }, words.slice(0, -1), written);
	const unique = new Map(found.map(({ value, description }) => [value, description]));
	for (const [value, description] of unique)
		if (value.startsWith(written)) output.write(`${value}\t${oneLine(description, 80)}`);
}

interface Asking {
	program: Command;
	output: Output;
	env: Environment;
}

async function candidates(asking: Asking, before: string[], written: string): Promise<Candidate[]> {
	const { command, args, open } = walk(asking.program, before);
	if (open !== null) return valuesOf(open.attributeName(), asking);
	if (written.startsWith("-"))
		return [...visibleOptions(command), ...visibleOptions(asking.program)].map(
			({ long, short, description }) => ({
				value: long ?? short ?? "",
				description,
			}),
		);
	const subs = args > 0 ? [] : command.createHelp().visibleCommands(command);
	if (subs.length > 0) return subs.map((sub) => ({ value: sub.name(), description: sub.description() }));
	const expected = command.registeredArguments;
	const argument = expected[args] ?? (expected.at(-1)?.variadic ? expected.at(-1) : undefined);
	if (argument === undefined) return [];
	if (argument.argChoices !== undefined) return plainValues(argument.argChoices);
	return valuesOf(
		`${command.parent?.name() === "config" ? "config " : ""}${argument.name()}`,
		asking,
		command,
	);
}

/** Follows the words to the command they name; `open` is an option that still waits for its value. */
function walk(
	program: Command,
	words: readonly string[],
): { command: Command; args: number; open: Option | null } {
	let command = program;
	let args = 0;
	let open: Option | null = null;
	for (const word of words) {
		if (open !== null) open = null;
		else if (word.startsWith("-")) {
			const option = [...command.options, ...program.options].find(
				({ long, short }) => word === long || word === short,
			);
			open = option !== undefined && (option.required || option.optional) ? option : null;
		} else {
			const sub = args === 0 ? command.commands.find((each) => each.name() === word) : undefined;
			if (sub === undefined) args += 1;
			else command = sub;
		}
	}
	return { command, args, open };
}

function visibleOptions(command: Command): Option[] {
	return command.createHelp().visibleOptions(command);
}

function plainValues(values: readonly string[]): Candidate[] {
	return values.map((value) => ({ value, description: "" }));
}

/** @param name of an option or an argument */
async function valuesOf(name: string, { output, env }: Asking, command?: Command): Promise<Candidate[]> {
	switch (name) {
		case "id":
		case "ids":
			return command === undefined ? [] : idsOf(output, env);
		case "model":
		case "config name":
			return modelsOf(env);
		case "template":
			return templatesOf(env);
		case "name":
			return command?.name() === "templates" ? templatesOf(env) : [];
		case "state":
			return plainValues(STATES);
		case "permissions":
			return plainValues(PERMISSIONS);
		case "for":
			return plainValues(["question"]);
		default:
			return [];
	}
}

async function modelsOf(env: Environment): Promise<Candidate[]> {
	try {
		const config = await loadConfig({ path: configPath(env), env });
		return [
			...Object.keys(config.aliases).map((value) => ({ value, description: "alias" })),
			...Object.entries(config.models).map(([value, { backend }]) => ({ value, description: backend ?? "" })),
			...Object.keys(config.backends).map((value) => ({ value, description: "backend" })),
		];
	} catch {
		return [];
	}
}

function templatesOf(env: Environment): Candidate[] {
	try {
		const places = { project: process.cwd(), home: openHome(env).path };
		return listTemplates(places).map(({ name, description }) => ({ value: name, description }));
	} catch {
		return [];
	}
}

/** The newest tasks, if Redis is there to be asked. */
async function idsOf(output: Output, env: Environment): Promise<Candidate[]> {
	let context: Context | undefined;
	try {
		context = await Context.open({ env, output, redis: undefined });
		if ((await context.redisUrl()) === null && localServerState(context.home) === "stopped") return [];
		const store = await context.store();
		const late = new Promise<never>((_resolve, reject) => setTimeout(reject, REDIS_LIMIT_MS).unref());
		const records = await Promise.race([store.list(IDS_OFFERED), late]);
		return records.map(({ spec, state }) => ({ value: spec.id, description: state }));
	} catch {
		return [];
	} finally {
		await context?.close().catch(() => {});
	}
}
