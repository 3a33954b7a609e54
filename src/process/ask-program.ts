/** Runs a program for what it says or does, within a time limit; what it started in its group ends with it. */
import { closeSync, openSync } from "node:fs";
import { endGroupOf } from "./end-group.ts";

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
	/** of its output and of its errors, each; 1 MiB when not given */
	maxBytes?: number;
}

export interface Answer {
	/** null: it could not be started, was ended by a signal, took too long or said too much */
	exitCode: number | null;
	/** without the last newline */
	stdout: string;
	stderr: string;
	timedOut: boolean;
	/** why there is no exit code, or what it is, in a few words */
	fault: string | null;
}

/** Never rejects: what goes wrong is in the answer, also where there is no descriptor left for it. */
export async function askProgram(question: Question): Promise<Answer> {
	try {
		return await ask(question);
	} catch (error) {
		return { exitCode: null, stdout: "", stderr: "", timedOut: false, fault: (error as Error).message };
	}
}

/** execa is loaded by those who ask only: a start must be quick. */
async function ask(question: Question): Promise<Answer> {
	const {
		file,
		args = [],
		env,
		cwd,
		input,
		enough,
		listen = true,
		limitMs,
		maxBytes = MAX_OUTPUT_BYTES,
	} = question;
	const output = listen ? ("pipe" as const) : ("ignore" as const);
	const { execa } = await import("execa");
	requireDescriptors();
	const child = execa(file, args, {
		env: definedOf(env),
		extendEnv: false,
		...(cwd === undefined ? {} : { cwd }),
		...(input === undefined
			? { stdin: "ignore" as const }
			: enough === undefined
				? { input }
				: { stdin: "pipe" as const }),
		stdout: output,
		stderr: output,
		reject: false,
		maxBuffer: maxBytes,
		// A group of its own: what it starts ends with it.
		detached: true,
	});
	let timedOut = false;
	const letGo = () => {
		child.stdout?.destroy();
		child.stderr?.destroy();
	};
	const timer = setTimeout(() => {
		timedOut = true;
		endGroupOf(child);
		letGo();
	}, limitMs);
	if (enough !== undefined) {
		let said = "";
		child.stdin?.on("error", () => {}).write(input ?? "");
		child.stdout?.on("data", (chunk: Buffer) => {
			said += chunk.toString("latin1");
			if (enough(said)) endGroupOf(child);
		});
	}
	let held: NodeJS.Timeout | undefined;
	child.once("exit", () => {
		held = setTimeout(letGo, HELD_OUTPUT_MS);
	});
	const ended = await child;
	clearTimeout(timer);
	clearTimeout(held);
	if (timedOut || ended.isMaxBuffer) endGroupOf(child);
	const cut = timedOut || ended.isMaxBuffer;
	const { stdout = "", stderr = "" } = ended;
	// Node gives a program that could not be started a negative one.
	const exitCode = cut || (child.exitCode ?? -1) < 0 ? null : child.exitCode;
	return { exitCode, stdout, stderr, timedOut, fault: exitCode === 0 ? null : (ended.shortMessage ?? null) };
}

/**
 * A shell line of the user's own at the user's terminal, for as long as it takes.
 * @param words become $1, $2, …
 * @returns its exit code; null when a signal ended it
 */
export async function runInTerminal(line: string, words: readonly string[]): Promise<number | null> {
	const { execa } = await import("execa");
	const { exitCode } = await execa("sh", ["-c", line, "sh", ...words], { stdio: "inherit", reject: false });
	return exitCode ?? null;
}

/** Two for each of its pipes, and for the one by which Node learns that it runs. */
const DESCRIPTORS = 8;

/**
 * Where Node cannot make the pipes of a child, execa gives that child up with nobody listening to its `error`, and
 * the event ends this process. Nothing comes between this and its spawn.
 * @throws EMFILE, ENFILE
 */
function requireDescriptors(): void {
	const opened: number[] = [];
	try {
		while (opened.length < DESCRIPTORS) opened.push(openSync("/dev/null", "r"));
	} finally {
		for (const fd of opened) closeSync(fd);
	}
}

function definedOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
	return Object.fromEntries(
		Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
	);
}
