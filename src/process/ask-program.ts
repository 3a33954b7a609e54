/** Runs a program for what it says or does, within a time limit; what it started in its group ends with it. */
import { type ChildProcess, spawn } from "node:child_process";

const MAX_OUTPUT_BYTES = 1024 * 1024;
/** Somebody it left behind may hold its output open: what it said itself is there by then. */
const HELD_OUTPUT_MS = 500;

export interface Question {
	file: string;
	args?: readonly string[];
	/** all of its environment; what is undefined is left out */
	env: Readonly<Record<string, string | undefined>>;
	cwd?: string;
	/** its stdin; nothing when not given */
	input?: string;
	/** it gets its input and waits for more of it, as a server does: once this holds of its output it is ended */
	enough?: (stdout: string) => boolean;
	/** false: what it says goes nowhere, and may be as much as it likes */
	listen?: boolean;
	/** ms; then its whole process group gets SIGKILL */
	limitMs: number;
}

export interface Answer {
	/** null: it could not be started, was ended by a signal, took too long or said too much */
	exitCode: number | null;
	/** at most 1 MiB, without the last newline */
	stdout: string;
	stderr: string;
	timedOut: boolean;
	/** why there is no exit code, or what it is, in a few words */
	fault: string | null;
}

/** Never rejects: what goes wrong is in the answer, also where there is no descriptor left for its pipes. */
export function askProgram(question: Question): Promise<Answer> {
	return new Promise((resolve) => {
		try {
			listenTo(started(question), question, resolve);
		} catch (error) {
			resolve(unstarted(error));
		}
	});
}

function started({ file, args = [], env, cwd, input, listen = true }: Question): ChildProcess {
	const output = listen ? "pipe" : "ignore";
	return spawn(file, args, {
		env: definedOf(env),
		...(cwd === undefined ? {} : { cwd }),
		stdio: [input === undefined ? "ignore" : "pipe", output, output],
		// A group of its own: what it starts ends with it.
		detached: true,
	});
}

function listenTo(child: ChildProcess, question: Question, answer: (answer: Answer) => void): void {
	const { input, enough, limitMs } = question;
	// Where its pipes could not be made they are undefined, whatever the types say.
	const { stdin, stdout, stderr }: Partial<Pick<ChildProcess, "stdin" | "stdout" | "stderr">> = child;
	let cut: string | null = null;
	const letGo = () => {
		stdout?.destroy();
		stderr?.destroy();
	};
	const end = (why: string) => {
		cut ??= why;
		endGroup(child.pid);
		letGo();
	};
	const timer = setTimeout(() => end(TOO_LONG), limitMs);
	let held: NodeJS.Timeout | undefined;
	const tooMuch = () => end(`it said more than ${MAX_OUTPUT_BYTES / 1024 / 1024} MiB`);
	const said = new Collected(stdout, tooMuch);
	const complained = new Collected(stderr, tooMuch);
	child.once("exit", () => {
		held = setTimeout(letGo, HELD_OUTPUT_MS);
	});
	const over = (fault: string | null) => {
		clearTimeout(timer);
		clearTimeout(held);
		const exitCode = cut === null && fault === null ? child.exitCode : null;
		const how = exitCode === null ? `it was ended by ${child.signalCode}` : `it ended with code ${exitCode}`;
		answer({
			exitCode,
			stdout: said.text,
			stderr: complained.text,
			timedOut: cut === TOO_LONG,
			fault: exitCode === 0 ? null : (cut ?? fault ?? how),
		});
	};
	child.once("error", (error) => over(error.message));
	child.once("close", () => over(null));
	// It may end without having read all of it.
	stdin?.on("error", () => {});
	if (enough === undefined) stdin?.end(input);
	else {
		stdin?.write(input ?? "");
		stdout?.on("data", () => {
			if (enough(said.text)) endGroup(child.pid);
		});
	}
}

const TOO_LONG = "it took too long";

/** What comes out of a pipe, up to the limit. */
class Collected {
	readonly #chunks: Buffer[] = [];
	#bytes = 0;

	constructor(pipe: ChildProcess["stdout"] | undefined, tooMuch: () => void) {
		pipe?.on("error", () => {});
		pipe?.on("data", (chunk: Buffer) => {
			this.#chunks.push(chunk.subarray(0, MAX_OUTPUT_BYTES - this.#bytes));
			this.#bytes += chunk.length;
			if (this.#bytes > MAX_OUTPUT_BYTES) tooMuch();
		});
	}

	/** Without the last newline. */
	get text(): string {
		return Buffer.concat(this.#chunks)
			.toString("utf8")
			.replace(/\r?\n$/, "");
	}
}

function unstarted(error: unknown): Answer {
	return { exitCode: null, stdout: "", stderr: "", timedOut: false, fault: (error as Error).message };
}

/**
 * A shell line of the user's own at the user's terminal, for as long as it takes.
 * @param words become $1, $2, …
 * @returns its exit code; null when a signal ended it, or it could not be started
 */
export function runInTerminal(line: string, words: readonly string[]): Promise<number | null> {
	return new Promise((resolve) => {
		const child = spawn("sh", ["-c", line, "sh", ...words], { stdio: "inherit" });
		child.once("error", () => resolve(null));
		child.once("exit", (code) => resolve(code));
	});
}

function endGroup(pid: number | undefined): void {
	try {
		if (pid !== undefined) process.kill(-pid, "SIGKILL");
	} catch {
		// It has ended in this moment.
	}
}

function definedOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
	return Object.fromEntries(
		Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
	);
}
