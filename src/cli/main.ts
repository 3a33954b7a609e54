/** The command line: parses, runs one command, and turns what happened into output and an exit code. */
import { type Command, CommanderError } from "commander";
import { cleanText } from "../task/clean-text.ts";
import { DispatchError, EXIT } from "../task/errors.ts";
import { calledIn, examplesOf, pathOf, usageOf } from "./program/help.ts";
import { buildProgram } from "./program/program.ts";
import { Output } from "./show/output.ts";
import { onClosedOutput, readerGone } from "./show/reader-gone.ts";
import { troubleOf } from "./trouble.ts";

/** Runs the command of `argv` (without node and script) and ends the process. */
export async function main(argv: string[] = process.argv.slice(2)): Promise<void> {
	let refused: number | null = null;
	onClosedOutput((error) => {
		// To stderr, with --json too: stdout is what cannot be written.
		refused ??= explain(error, argv, outputOf(argv, { mayBeJson: false }));
	});
	const code = await run(argv);
	const leave = () => process.exit(refused ?? code);
	// Nothing that is still open may hold the caller's prompt; what was printed goes out first.
	// A write that failed is told a moment after the next one is done.
	process.stdout.write("", () => process.stderr.write("", () => setImmediate(leave)));
	if (readerGone.aborted) leave();
	readerGone.addEventListener("abort", leave);
}

async function run(argv: string[]): Promise<number> {
	let code: number = EXIT.ok;
	const output = outputOf(argv);
	const program = buildProgram({
		env: process.env,
		output,
		done: (result) => {
			code = result;
		},
	});
	try {
		await program.parseAsync(argv, { from: "user" });
		return code;
	} catch (error) {
		return explain(error, argv, output, program);
	}
}

/** What may hold options. */
function wordsOf(argv: string[]): string[] {
	return argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
}

/** As far as it can be told of a line that is not read yet, or cannot be. */
function outputOf(argv: string[], { mayBeJson = true } = {}): Output {
	const words = wordsOf(argv);
	return new Output({
		json: mayBeJson && words.includes("--json"),
		quiet: words.includes("--quiet"),
		env: process.env,
	});
}

/** @returns the exit code */
function explain(error: unknown, argv: string[], output: Output, program?: Command): number {
	if (error instanceof CommanderError) {
		if (error.exitCode === 0) return EXIT.ok;
		output.error(usageError(error, wordsOf(argv), program));
		return EXIT.usage;
	}
	const said = troubleOf(error);
	if (said !== null) {
		output.error(said);
		return said.exitCode;
	}
	output.error(internalFault(error));
	if (process.env.DISPATCH_LOG_LEVEL === "debug")
		process.stderr.write(`${cleanText(String(error instanceof Error ? error.stack : error))}\n`);
	return EXIT.internal;
}

/** Where commander's message is not enough: how the command is called. */
const NEEDS_USAGE = new Set([
	"commander.missingArgument",
	"commander.missingMandatoryOptionValue",
	"commander.excessArguments",
]);

function usageError(error: CommanderError, words: readonly string[], program?: Command): DispatchError {
	const [first = "", ...rest] = error.message
		.replace(/^error: /, "")
		.trim()
		.split("\n");
	const message = `${first.charAt(0).toUpperCase()}${first.slice(1)}`.replace(/\.?$/, ".");
	const command = program === undefined ? null : calledIn(program, words);
	const said = rest.join(" ").replace(/[()]/g, "").trim();
	if (command === null)
		return new DispatchError("DISPATCH_USAGE", message, {
			hint: said || "`dispatch --help` lists commands and options.",
		});
	const usage = usageOf(command);
	const page = `${pathOf(command)} --help`;
	if (!NEEDS_USAGE.has(error.code))
		return new DispatchError("DISPATCH_USAGE", message, { hint: said || `See: ${page}` });
	const [example] = examplesOf(command);
	const other = words.includes("stop") ? "; the worker stops by `dispatch down`" : "";
	const { registeredArguments: of } = command;
	const isOfOneTask = error.code === "commander.excessArguments" && of.length === 1 && of[0]?.name() === "id";
	return new DispatchError("DISPATCH_USAGE", message, {
		hint: `${isOfOneTask ? "It takes one task: name each in a call of its own. " : ""}Usage: ${usage}; e.g. ${example}${other}; more: ${page}`,
	});
}

function internalFault(error: unknown): DispatchError {
	const what = error instanceof Error ? error.message : String(error);
	return new DispatchError("DISPATCH_INTERNAL", `A fault in dispatch: ${what}.`, {
		hint: "Please report it with the output of the same command under DISPATCH_LOG_LEVEL=debug.",
		cause: error,
	});
}
