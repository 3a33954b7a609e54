/**
 * What a command prints: results to stdout, diagnostics to stderr; one JSON document with `--json`. Whatever is in it,
 * nothing steers a terminal, a line is one line, and an id is one word: no command has to think of that.
 */
import { fstatSync } from "node:fs";
import picocolors from "picocolors";
import { inJson, oneLine, plain, plainLine, plainText } from "../../task/clean-text.ts";
import type { DispatchError } from "../../task/errors.ts";
import { hanging } from "../../task/rows.ts";
import { valueWithoutSecrets, withoutSecrets } from "../../task/secrets.ts";
import { namesPlainCommand } from "../program/groups.ts";
import { roomOf } from "./columns.ts";
import { jsonWithoutCommands, type Runner, runnerOf, withoutCommands } from "./runner.ts";

/** An id of a task, a batch, a host or a template: for a script it is one word, and none of it an option. */
const ID = /^[\w][\w.-]*$/;

export { oneLine, plain } from "../../task/clean-text.ts";

/** Where a person is asked: stdout is for the result, unless it alone is the terminal. */
export function promptStream(): NodeJS.WriteStream {
	return process.stderr.isTTY === true ? process.stderr : process.stdout;
}

export interface OutputOptions {
	json: boolean;
	quiet: boolean;
	env: Record<string, string | undefined>;
}

/** Whether another program reads it as it comes. */
function isPassedOn({ isTTY, fd }: typeof process.stdout): boolean {
	return isTTY !== true && !fstatSync(fd).isFile();
}

/** The runner whose log stdout is, or may be: a pipe of a script looks the same. */
function runnerBehind(stdout: typeof process.stdout, runner: Runner | null): Runner | null {
	return runner !== null && isPassedOn(stdout) ? runner : null;
}

/** Takes so many rows away, of which the cursor is in the last one. */
function eraser(rows: number): string {
	return rows === 1 ? "\r\x1b[K" : `\r\x1b[${rows - 1}A\x1b[J`;
}

export class Output {
	json = false;
	quiet = false;
	/** a CI log is read as it comes: nothing of an agent's is a command to it; null where none is */
	readonly runner: Runner | null;
	colors: ReturnType<typeof picocolors.createColors>;
	/** of the last line on stdout, ms of `performance.now()` */
	printedAt = performance.now();
	/** what the commands that are printed here need, too, for the Redis that this one is for; null: nothing */
	neededOption: string | null = null;
	/** how lines are laid out for who reads them here; as they are, unless a command says otherwise */
	layout = (text: string) => text;
	/** rows that are drawn now */
	#drawn = 0;
	/** told last by `awaits` */
	#awaited = "";
	/** what was printed goes through another program, to this terminal perhaps: a line is no more drawn into it */
	#isPassedOn = false;
	/** what goes to stderr may be read by a runner, wherever stdout goes */
	readonly #inLog: (line: string) => string;
	readonly #env: OutputOptions["env"];

	constructor({ json, quiet, env }: OutputOptions) {
		this.setMode({ json, quiet });
		this.#env = env;
		const colored = process.stdout.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
		this.colors = picocolors.createColors(colored);
		const runner = runnerOf(env);
		this.runner = runnerBehind(process.stdout, runner);
		this.#inLog = runner === null ? (line) => line : withoutCommands;
	}

	/** As the command line says it, once it is read. */
	setMode({ json, quiet }: Pick<OutputOptions, "json" | "quiet">): void {
		this.json = json;
		this.quiet = quiet;
	}

	/** For a log that shows colours where it is no terminal. */
	paint(env: OutputOptions["env"]): void {
		if (!env.NO_COLOR) this.colors = picocolors.createColors(true);
	}

	/**
	 * The result: the value with `--json`, the ids alone with `--quiet` where given, else the lines.
	 * @param ids what has not their form is left out: a script would take it for something else
	 */
	result(value: unknown, lines: readonly string[], ids?: readonly string[]): void {
		const shown = this.quiet && ids !== undefined ? ids.filter((id) => ID.test(id)) : lines;
		if (this.json) this.document(value);
		// At once: a call of the system for each line is what a long list would cost most.
		else if (shown.length > 0) {
			// Each for itself: no line may change how another one is read.
			this.#print(shown.map((line) => this.#line(line)).join("\n"));
			this.#tellNeeded(shown.join("\n"));
		}
	}

	/** Once, below the first command: the one that prints it may go on for hours. @param text is shown already */
	#tellNeeded(text: string): void {
		const option = this.neededOption;
		if (option === null || this.json || this.quiet || !namesPlainCommand(plain(text))) return;
		this.neededOption = null;
		this.note(`Commands shown here need it too: ${option}`);
	}

	/** One JSON document on a line. Secrets go before it is written: in its own escapes they would not be seen. */
	document(value: unknown): void {
		const text = inJson(JSON.stringify(valueWithoutSecrets(value)));
		this.#print(this.runner === null ? text : jsonWithoutCommands(text));
	}

	/** A line on stdout, whatever the mode. Secrets are named, here and on stderr. */
	write(line: string): void {
		this.#print(this.layout(this.#line(line)));
		this.#tellNeeded(line);
	}

	/** As `write`, of as many lines as an agent's text has: no command in it is ours. */
	text(text: string): void {
		this.#print(this.layout(withoutSecrets(plainText(text, this.#isColored))));
	}

	/** Escape sequences go first: one inside a secret hides it. */
	#line(line: string): string {
		return withoutSecrets(plainLine(line, this.#isColored));
	}

	get #isColored(): boolean {
		return this.colors.isColorSupported;
	}

	#print(line: string): void {
		this.toRunner(this.runner === null ? line : withoutCommands(line));
	}

	/** A line on stdout that is a command to the runner. @param line without words of anybody else's, but escaped */
	toRunner(line: string): void {
		this.clearProgress();
		process.stdout.write(`${line}\n`);
		this.printedAt = performance.now();
		this.#isPassedOn ||= this.drawsProgress && isPassedOn(process.stdout);
	}

	/** A remark on stderr, as wide as the terminal. */
	note(line: string): void {
		if (this.quiet) return;
		this.clearProgress();
		this.#tell(`dispatch: ${oneLine(line)}`);
		this.#tellNeeded(line);
	}

	/** The terminal breaks no line of ours: what goes on in the next row would stand where ours begin. */
	#tell(line: string): void {
		const rows = hanging([line], roomOf(process.stderr, this.#env));
		process.stderr.write(this.#inLog(`${rows.join("\n")}\n`));
	}

	/** Lines for the person who is asked something about them: as they are, where the question stands. */
	aside(...lines: readonly string[]): void {
		this.clearProgress();
		promptStream().write(`${lines.map((line) => this.#line(line)).join("\n")}\n`);
		this.#tellNeeded(lines.join("\n"));
	}

	get drawsProgress(): boolean {
		return process.stderr.isTTY === true && !this.quiet && !this.json;
	}

	/** One line on stderr that the next one replaces; nothing unless stderr is a terminal. */
	progress(line: string): void {
		this.live([oneLine(line, Math.max(20, (process.stderr.columns ?? 80) - 1))]);
	}

	/** What is waited for, as it is now: on a terminal as `progress`; elsewhere a remark for each change of it. */
	awaits(line: string): void {
		if (this.drawsProgress) this.progress(line);
		else if (line !== this.#awaited) this.note(line);
		this.#awaited = line;
	}

	/** As `progress`, of several rows. @param rows none wider than the terminal, and fewer than it has */
	live(rows: readonly string[]): void {
		if (!this.drawsProgress || this.#isPassedOn) return;
		// What is drawn stays the last.
		this.#tellNeeded(rows.join("\n"));
		const shown = rows.map((row) => plainLine(row, this.#isColored));
		process.stderr.write(`${eraser(Math.max(1, this.#drawn))}${shown.join("\n")}`);
		this.#drawn = rows.length;
	}

	clearProgress(): void {
		if (this.#drawn > 0) process.stderr.write(eraser(this.#drawn));
		this.#drawn = 0;
	}

	error(error: DispatchError): void {
		const { code, message, hint = null } = error;
		if (this.json) this.document({ error: { code, message, hint } });
		else {
			this.clearProgress();
			this.#tell(`dispatch: ${oneLine(error.inFull)} [${code}]`);
			this.#tellNeeded(error.inFull);
		}
	}
}
