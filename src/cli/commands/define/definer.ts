/** What the definitions of commands share. */
import { type Command, Option } from "commander";
import type { Context, Environment } from "../../context.ts";
import type { Output } from "../../show/output.ts";

/** A command's work; @returns its exit code, 0 when it returns nothing */
export type Work = (context: Context) => Promise<number | undefined>;

export interface Definer {
	program: Command;
	env: Environment;
	/** runs the work with an open context, and closes it */
	run(work: Work): Promise<void>;
	/** as `run`, for what looks, answers or stops something: without a config, too */
	runAnyway(work: Work): Promise<void>;
	/** for what needs neither config nor Redis */
	runBare(work: (output: Output) => Promise<number | undefined>): Promise<void>;
}

/** Every command changes something and is refused inside a task, unless it stands here. */
const FOR_AGENTS = new WeakMap<Command, (command: Command) => boolean>();

/** An agent may run it all the same: it looks, or asks. @param when with these options only */
export function forAgents(command: Command, when: (command: Command) => boolean = () => true): Command {
	FOR_AGENTS.set(command, when);
	return command;
}

export function isForAgents(command: Command): boolean {
	return FOR_AGENTS.get(command)?.(command) === true;
}

/** An option that may be given several times. */
export function repeatable(flags: string, description: string): Option {
	return new Option(flags, description).argParser((value: string, before: string[] | undefined) => [
		...(before ?? []),
		value,
	]);
}

/** A repeatable option of plain names, several of which may also stand in one word: `running,asking`. */
export function names(flags: string, description: string): Option {
	return new Option(flags, description).argParser((value: string, before: string[] | undefined) => [
		...(before ?? []),
		...value.split(",").map((name) => name.trim()),
	]);
}

export function example(...lines: string[]): string {
	return `\nExample:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}
