/**
 * Starts an agent as a detached process and tells whether it lives.
 *
 * It runs behind a small shell wrapper that records its own pid and, at the end, the exit status. Both
 * hold a FIFO open that they inherited: as long as somebody does, the agent lives. The order of decision:
 * exit file → its tree was ended → FIFO → gone with unknown status. An agent can reach all of these files; what
 * it puts in their place hangs nothing. A look that fails is thrown: it is no end.
 */
import { execFile, spawn } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { constants as os } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { DispatchError } from "../task/errors.ts";
import { codeOf, hintFor, isThere, replaceFile } from "./atomic-file.ts";
import { environmentOfProgram } from "./environment.ts";
import { ageOf, type Identity, processIdentity, sameProcess } from "./identity.ts";
import { whyNoDirectory } from "./is-directory.ts";
import { environmentOf, markedPids } from "./processes.ts";
import { isLocked, meansAbsent, readRegularFile } from "./read-file.ts";
import { fifoPath, type RunDir } from "./run-dir.ts";

/** Linux refuses one argument of 131,072 bytes and more (MAX_ARG_STRLEN, its closing zero included). */
export const ARG_LIMIT_BYTES = 131_071;

/**
 * Signals reach the agent too (they go to the group); the wrapper stays to record how it ended. The
 * agent's PATH is the user's and may lack the system's programs. Its own stderr is a file of its own, the
 * agent's is descriptor 4: a shell names the signal that ended its child there ("Killed"), the only sign that
 * tells an end by a signal from an exit code over 128. Dash, bash and busybox do, but for SIGINT and SIGPIPE.
 * A subshell that is replaced, since dash opens a command's files before it looks how that ended. At last its
 * group goes, and it with it: one that emptied its environment is known by nothing else once the wrapper is gone.
 * It writes over what is there (1<>): the exit status has its room on the disk from the beginning.
 */
const WRAPPER = `
dir=$1; shift
trap : TERM INT HUP
write() {
	echo "$2" 1<> "$dir/$1.tmp" || return
	command -p mv "$dir/$1.tmp" "$dir/$1" 2>/dev/null || mv "$dir/$1.tmp" "$dir/$1"
}
write pid $$ 2>/dev/null
(exec "$@" 2>&4 4>&-) </dev/null
write exit $? 2>/dev/null
kill -s KILL 0
`;

/** Written over by the exit status, so that a disk that is full by then takes it all the same. */
const ROOM_FOR_EXIT = "        \n";

/** The pipe holds 64 KiB; more bytes than that come from somebody who writes at this moment. */
const PROBE = Buffer.alloc(64 * 1024);
const PROBES_MAX = 4;
const EXIT_CODE_MAX = 255;
/** A number, or who the wrapper is: more is not ours. */
const RUN_FILE_LIMIT_BYTES = 4096;

export type AgentStatus =
	| { kind: "alive" }
	| { kind: "exited"; code: number; signal: string | null }
	/** nobody recorded how it ended */
	| { kind: "gone" }
	/** claimed, but no process was ever made */
	| { kind: "never" };

export interface AgentStart {
	argv: readonly string[];
	cwd: string;
	env: Readonly<Record<string, string>>;
}

/**
 * Resolves when the process exists. Its output goes to `agent.log`, its input is empty.
 * @throws DISPATCH_BAD_CWD, DISPATCH_DISK
 */
export async function startAgent(run: RunDir, start: AgentStart): Promise<void> {
	if (whyNoDirectory(start.cwd) !== null) {
		throw new DispatchError("DISPATCH_BAD_CWD", `The working directory ${start.cwd} is gone.`, {
			hint: "Make it again, then `dispatch retry`.",
		});
	}
	const opened: number[] = [];
	const open = (path: string, flags: string | number) => {
		const descriptor = openSync(path, flags, 0o600);
		opened.push(descriptor);
		return descriptor;
	};
	try {
		await promisify(execFile)("mkfifo", ["-m", "600", fifoPath(run)], {
			env: environmentOfProgram(process.env),
		});
		const log = open(run.logPath, "a");
		const said = open(shellPath(run), "a");
		const fifo = open(fifoPath(run), constants.O_RDWR | constants.O_NONBLOCK);
		writeFileSync(join(run.path, "exit.tmp"), ROOM_FOR_EXIT, { mode: 0o600 });
		writeFileSync(spawningPath(run), "", { mode: 0o600 });
		recordIdentity(run, await spawnDetached(run, start, [said, log, fifo]));
	} catch (error) {
		// No process was made: agentStatus says so too.
		rmSync(spawningPath(run), { force: true });
		throw new DispatchError(
			"DISPATCH_DISK",
			`The agent's process could not be made: ${(error as Error).message.replace(/\.$/, "")}.`,
			{ cause: error, hint: hintFor(error) },
		);
	} finally {
		for (const descriptor of opened) closeSync(descriptor);
	}
}

function spawnDetached(
	run: RunDir,
	start: AgentStart,
	[said, log, fifo]: readonly [number, number, number],
): Promise<number> {
	return new Promise((resolve, reject) => {
		// Descriptors, not pipes: a pipe would break with us, and the agent with it.
		const child = spawn("/bin/sh", ["-c", WRAPPER, "dispatch", run.path, ...start.argv], {
			cwd: start.cwd,
			detached: true,
			stdio: ["ignore", log, said, fifo, log],
			env: { ...start.env, DISPATCH_RUN: run.facts.nonce, DISPATCH_TASK: run.facts.task },
		});
		child.once("error", reject);
		child.once("spawn", () => {
			child.unref();
			resolve(child.pid ?? 0);
		});
	});
}

/** For a later signal to its group. The agent runs already: a full disk must not look like a failed start. */
function recordIdentity(run: RunDir, pid: number): void {
	try {
		replaceFile(identityPath(run), JSON.stringify(processIdentity(pid)), { durable: false });
	} catch {
		// Its marked processes are found without it.
	}
}

const identityPath = (run: RunDir) => join(run.path, "identity.json");
const spawningPath = (run: RunDir) => join(run.path, "spawning");
const endedPath = (run: RunDir) => join(run.path, "ended");
const shellPath = (run: RunDir) => join(run.path, "shell.log");

/**
 * Costs a few system calls; may be called for thousands of runs.
 * @throws what says nothing about the agent (no descriptor left, no right to look): ask again
 */
export function agentStatus(run: RunDir): AgentStatus {
	const ended = readExit(run);
	if (ended !== null) return ended;
	if (!isThere(endedPath(run)) && isHeld(run)) return { kind: "alive" };
	// It may have ended between the two looks.
	return readExit(run) ?? (isThere(spawningPath(run)) ? { kind: "gone" } : { kind: "never" });
}

/** Its tree was ended: whatever still holds the FIFO, it is gone for good. */
export function markEnded(run: RunDir): void {
	if (isThere(run.path)) replaceFile(endedPath(run), "");
}

/** null: no exit was recorded, or something else stands in its place */
function readExit(run: RunDir): AgentStatus | null {
	const text = readRunFile(run, "exit")?.trim();
	if (text === undefined) return null;
	const code = Number(text);
	if (text === "" || !Number.isInteger(code) || code < 0 || code > EXIT_CODE_MAX) return { kind: "gone" };
	return { kind: "exited", code, signal: code > 128 ? signalOf(run, code - 128) : null };
}

/** @throws what is no proof of its absence */
function readRunFile(run: RunDir, name: string): string | null {
	const file = readRegularFile(join(run.path, name), RUN_FILE_LIMIT_BYTES);
	if (file.kind === "text") return file.text;
	if (isLocked(file)) throw new DispatchError("DISPATCH_DISK", `${join(run.path, name)} ${file.why}.`);
	return null;
}

/** The signal's name, if the shell said that one ended the agent, or says nothing of this kind. */
function signalOf(run: RunDir, number: number): string | null {
	const name = Object.entries(os.signals).find(([, value]) => value === number)?.[0] ?? null;
	if (name === "SIGINT" || name === "SIGPIPE") return name;
	// null: started by an older version, which did not listen.
	const said = readRunFile(run, "shell.log");
	const word = said?.split("\n").filter((line) => line.trim() !== "" && !line.includes("warning:"));
	return word === undefined || word.length > 0 ? name : null;
}

/** Whether somebody holds the FIFO open; where an agent replaced it, whether a process with the run's mark lives. */
export function isHeld(run: RunDir): boolean {
	let fifo: number;
	try {
		fifo = openSync(fifoPath(run), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
	} catch (error) {
		if (meansAbsent(error)) return false;
		// A link, or a file with a lease on it.
		if (["ELOOP", "EAGAIN"].includes(codeOf(error) ?? "")) return markedPids(run.facts.nonce).length > 0;
		throw error;
	}
	try {
		const there = fstatSync(fifo);
		// With a second name it may be another run's.
		if (!there.isFIFO() || there.nlink !== 1) return markedPids(run.facts.nonce).length > 0;
		// Bytes prove nothing: an agent may have written to the descriptor that it inherited.
		for (let probe = 0; probe < PROBES_MAX; probe++) if (readSync(fifo, PROBE) === 0) return false;
		return true;
	} catch (error) {
		if (codeOf(error) === "EAGAIN") return true;
		throw error;
	} finally {
		closeSync(fifo);
	}
}

/** Whether the wrapper itself lives; a pid alone could be another process's by now. */
export function isWrapperAlive(run: RunDir): boolean {
	const identity = parseIdentity(readRunFile(run, "identity.json"));
	if (identity === null || identity.pid !== wrapperPid(run) || !sameProcess(identity)) return false;
	// Both files are within the agent's reach, a process's environment is not: another one's is no wrapper of ours.
	const env = environmentOf(identity.pid);
	return env === null || (env.DISPATCH_RUN === run.facts.nonce && env.DISPATCH_TASK === run.facts.task);
}

/** ms since the wrapper was started, which no change of the clock changes; null where that cannot be told */
export function runningFor(run: RunDir): number | null {
	try {
		const identity = parseIdentity(readRunFile(run, "identity.json"));
		return identity !== null && sameProcess(identity) ? ageOf(identity) : null;
	} catch {
		return null;
	}
}

function parseIdentity(text: string | null): Identity | null {
	try {
		return JSON.parse(text ?? "null") as Identity | null;
	} catch {
		return null;
	}
}

/** The wrapper's pid, which is its process group; null when it was not written (yet). */
export function wrapperPid(run: RunDir): number | null {
	const pid = Number(readRunFile(run, "pid") ?? Number.NaN);
	return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
}
