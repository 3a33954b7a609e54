/** Commands to a CI runner: groups that can be folded, and errors that it shows beside the log. */
import { type Output, oneLine } from "./output.ts";
import { withoutCommands } from "./runner.ts";

/** GitHub shows no more of an error; the log has all of it. */
const MESSAGE_CHARS = 1_000;
const TITLE_CHARS = 200;

/** Prints what belongs together below a title; elsewhere the lines alone. */
export class RunnerLog {
	readonly #output: Output;
	readonly #now: () => number;
	#groups = 0;

	/** @param now ms since the Unix epoch */
	constructor(output: Output, now: () => number = Date.now) {
		this.#output = output;
		this.#now = now;
	}

	/** Whether it can be folded: then a long group is in nobody's way. */
	get folds(): boolean {
		const { runner } = this.#output;
		return runner === "github" || runner === "gitlab";
	}

	/** @param print prints the lines of the group */
	group(title: string, print: () => void): void {
		const { runner } = this.#output;
		const said = withoutCommands(oneLine(title, TITLE_CHARS));
		if (runner === "github") {
			this.#output.toRunner(`::group::${escapedData(said)}`);
			print();
			this.#output.toRunner("::endgroup::");
		} else if (runner === "gitlab") {
			this.#groups += 1;
			const name = `dispatch_${process.pid}_${this.#groups}`;
			this.#output.toRunner(`${this.#section("start", `${name}[collapsed=true]`)}${said}`);
			print();
			this.#output.toRunner(this.#section("end", name));
		} else print();
	}

	/** `\x1b[0K` and `\r` hide the marker itself where the log is read as text. */
	#section(what: "start" | "end", name: string): string {
		return `\x1b[0Ksection_${what}:${Math.floor(this.#now() / 1_000)}:${name}\r\x1b[0K`;
	}

	/** A line in red; where the runner knows errors, one that stands on the summary of the run, too. */
	error(title: string, message: string): void {
		const output = this.#output;
		if (output.runner !== "github") {
			output.text(output.colors.red(message));
			return;
		}
		const said = withoutCommands(oneLine(message, MESSAGE_CHARS));
		const head = withoutCommands(oneLine(title, TITLE_CHARS));
		output.toRunner(`::error title=${escapedProperty(head)}::${escapedData(said)}`);
	}
}

function escapedData(text: string): string {
	return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapedProperty(text: string): string {
	return escapedData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
