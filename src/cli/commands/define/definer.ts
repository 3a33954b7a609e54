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
	/** for what needs neither config nor Redis */
	runBare(work: (output: Output) => Promise<number | undefined>): Promise<void>;
}

/** An option that may be given several times. */
export function repeatable(flags: string, description: string): Option {
	return new Option(flags, description).argParser((value: string, before: string[] | undefined) => [
		...(before ?? []),
		value,
	]);
}

export function example(...lines: string[]): string {
	return `\nExample:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}
