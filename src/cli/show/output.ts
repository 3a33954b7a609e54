/** What a command prints: results to stdout, diagnostics to stderr; one JSON document with `--json`. */
import { fstatSync } from "node:fs";
import picocolors from "picocolors";
import { oneLine } from "../../task/clean-text.ts";
import type { DispatchError } from "../../task/errors.ts";
import { valueWithoutSecrets, withoutSecrets } from "../../task/secrets.ts";

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

/** Whether a command stands in it that does not say which Redis it is for. */
export function namesPlainCommand(text: string): boolean {
	return /\bdispatch [a-z-](?![^`\n]*--redis\b)/.test(text);
}

export class Output {
	readonly json: boolean;
	readonly quiet: boolean;
	readonly colors: ReturnType<typeof picocolors.createColors>;
	/** a command of dispatch stands in what a person reads here, and does not say which Redis it is for */
	namesCommands = false;
	/** how lines are laid out for who reads them here; as they are, unless a command says otherwise */
	layout = (text: string) => text;
	#drawn = false;
	/** what was printed goes through another program, to this terminal perhaps: a line is no more drawn into it */
	#isPassedOn = false;

	constructor(options: OutputOptions) {
		this.json = options.json;
		this.quiet = options.quiet;
		const colored = process.stdout.isTTY === true && !options.env.NO_COLOR && options.env.TERM !== "dumb";
		this.colors = picocolors.createColors(colored);
	}

	/** The result: the value with `--json`, the ids alone with `--quiet` where given, else the lines. */
	result(value: unknown, lines: readonly string[], ids?: readonly string[]): void {
		const shown = this.quiet && ids !== undefined ? ids : lines;
		if (this.json) this.document(value);
		// At once: a call of the system for each line is what a long list would cost most.
		else if (shown.length > 0) {
			const text = shown.join("\n");
			this.#shows(text, process.stdout);
			// Each for itself: no line may change how another one is read.
			this.#print(shown.map(withoutSecrets).join("\n"));
		}
	}

	#shows(text: string, { isTTY }: NodeJS.WriteStream): void {
		this.namesCommands ||= isTTY === true && namesPlainCommand(text);
	}

	/** One JSON document on a line. Secrets go before it is written: in its own escapes they would not be seen. */
	document(value: unknown): void {
		this.#print(JSON.stringify(valueWithoutSecrets(value)));
	}

	/** A line on stdout, whatever the mode. Secrets are named, here and on stderr. */
	write(line: string): void {
		this.#print(this.layout(withoutSecrets(line)));
	}

	#print(line: string): void {
		this.clearProgress();
		process.stdout.write(`${line}\n`);
		this.#isPassedOn ||= this.drawsProgress && isPassedOn(process.stdout);
	}

	/** @param option what the commands that stand above need; null: nothing */
	noteNeeded(option: string | null): void {
		if (option !== null && this.namesCommands) this.note(`The commands above need it too: ${option}`);
	}

	/** A remark on stderr. */
	note(line: string): void {
		if (this.quiet) return;
		this.clearProgress();
		this.#shows(line, process.stderr);
		process.stderr.write(`dispatch: ${oneLine(line)}\n`);
	}

	/** A line for the person who is asked something about it: as it is, where the question stands. */
	aside(line: string): void {
		this.clearProgress();
		promptStream().write(`${withoutSecrets(line)}\n`);
	}

	get drawsProgress(): boolean {
		return process.stderr.isTTY === true && !this.quiet && !this.json;
	}

	/** One line on stderr that the next one replaces; nothing unless stderr is a terminal. */
	progress(line: string): void {
		if (!this.drawsProgress || this.#isPassedOn) return;
		const width = Math.max(20, (process.stderr.columns ?? 80) - 1);
		process.stderr.write(`\r\x1b[K${oneLine(line, width)}`);
		this.#drawn = true;
	}

	clearProgress(): void {
		if (this.#drawn) process.stderr.write("\r\x1b[K");
		this.#drawn = false;
	}

	error(error: DispatchError): void {
		const { code, message, hint = null } = error;
		if (this.json) this.document({ error: { code, message, hint } });
		else {
			this.clearProgress();
			this.#shows(error.inFull, process.stderr);
			process.stderr.write(`dispatch: ${oneLine(error.inFull)} [${code}]\n`);
		}
	}
}
