/**
 * Starts an agent as a detached process and tells whether it lives.
 *
 * It runs behind a small shell wrapper that records its own pid and, at the end, the exit status. Both
 * hold a FIFO open that they inherited: as long as somebody does, the agent lives. The order of decision:
 * exit file → FIFO → gone with unknown status.
 */
import { execFile, spawn } from "node:child_process";
import {
	closeSync,
	constants,
	existsSync,
	openSync,
	readFileSync,
	readSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { constants as os } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { DispatchError } from "../task/errors.ts";
import { replaceFile } from "./atomic-file.ts";
import { type Identity, processIdentity, sameProcess } from "./identity.ts";
import type { RunDir } from "./run-dir.ts";

/** Linux refuses one argument of 131,072 bytes and more (MAX_ARG_STRLEN, its closing zero included). */
export const ARG_LIMIT_BYTES = 131_071;

/**
 * Signals reach the agent too (they go to the group); the wrapper stays to record how it ended. The
 * agent's PATH is the user's and may lack the system's programs.
 */
const WRAPPER = `
dir=$1; shift
trap : TERM INT HUP
write() {
	echo "$2" > "$dir/$1.tmp" || return
	command -p mv "$dir/$1.tmp" "$dir/$1" 2>/dev/null || mv "$dir/$1.tmp" "$dir/$1"
}
write pid $$
"$@" </dev/null
write exit $?
`;

/** The pipe holds 64 KiB; more bytes than that come from somebody who writes at this moment. */
const PROBE = Buffer.alloc(64 * 1024);
const PROBES_MAX = 4;

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
	if (!statSync(start.cwd, { throwIfNoEntry: false })?.isDirectory()) {
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
		await promisify(execFile)("mkfifo", ["-m", "600", fifoPath(run)]);
		const log = open(run.logPath, "a");
		const fifo = open(fifoPath(run), constants.O_RDWR | constants.O_NONBLOCK);
		writeFileSync(spawningPath(run), "");
		recordIdentity(run, await spawnDetached(run, start, log, fifo));
	} catch (error) {
		// No process was made: agentStatus says so too.
		rmSync(spawningPath(run), { force: true });
		throw new DispatchError(
			"DISPATCH_DISK",
			`The agent's process could not be made: ${(error as Error).message}.`,
			{ cause: error },
		);
	} finally {
		for (const descriptor of opened) closeSync(descriptor);
	}
}

function spawnDetached(run: RunDir, start: AgentStart, log: number, fifo: number): Promise<number> {
	return new Promise((resolve, reject) => {
		// Descriptors, not pipes: a pipe would break with us, and the agent with it.
		const child = spawn("/bin/sh", ["-c", WRAPPER, "dispatch", run.path, ...start.argv], {
			cwd: start.cwd,
			detached: true,
			stdio: ["ignore", log, log, fifo],
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
const fifoPath = (run: RunDir) => join(run.path, "alive");

/** Costs a few system calls; may be called for thousands of runs. */
export function agentStatus(run: RunDir): AgentStatus {
	const ended = readExit(run);
	if (ended !== null) return ended;
	if (isFifoHeld(run)) return { kind: "alive" };
	// It may have ended between the two looks.
	return readExit(run) ?? (existsSync(spawningPath(run)) ? { kind: "gone" } : { kind: "never" });
}

function readExit(run: RunDir): AgentStatus | null {
	let text: string;
	try {
		text = readFileSync(join(run.path, "exit"), "utf8").trim();
	} catch {
		return null;
	}
	const code = Number(text);
	if (text === "" || !Number.isSafeInteger(code)) return { kind: "gone" };
	return { kind: "exited", code, signal: code > 128 ? signalName(code - 128) : null };
}

function signalName(number: number): string | null {
	return Object.entries(os.signals).find(([, value]) => value === number)?.[0] ?? null;
}

function isFifoHeld(run: RunDir): boolean {
	let fifo: number;
	try {
		fifo = openSync(fifoPath(run), constants.O_RDONLY | constants.O_NONBLOCK);
	} catch {
		return false;
	}
	try {
		// Bytes prove nothing: an agent may have written to the descriptor that it inherited.
		for (let probe = 0; probe < PROBES_MAX; probe++) if (readSync(fifo, PROBE) === 0) return false;
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EAGAIN";
	} finally {
		closeSync(fifo);
	}
}

/** Whether the wrapper itself lives; a pid alone could be another process's by now. */
export function isWrapperAlive(run: RunDir): boolean {
	try {
		const identity = JSON.parse(readFileSync(identityPath(run), "utf8")) as Identity | null;
		return identity !== null && identity.pid === wrapperPid(run) && sameProcess(identity);
	} catch {
		return false;
	}
}

/** The wrapper's pid, which is its process group; null when it was not written (yet). */
export function wrapperPid(run: RunDir): number | null {
	try {
		const pid = Number(readFileSync(join(run.path, "pid"), "utf8"));
		return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
	} catch {
		return null;
	}
}
