/** Who a process is: boot, pid and start time. A pid alone may have been given to another one. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { codeOf } from "./atomic-file.ts";
import { environmentOfProgram } from "./environment.ts";
import { readProc } from "./read-proc.ts";

export interface Identity {
	pid: number;
	bootId: string;
	/** as the system tells it: clock ticks since boot on Linux, a date on macOS */
	startTime: string;
}

let bootIdRead: string | undefined;

/** Changes with every boot of the machine. */
export function bootId(): string {
	bootIdRead ??=
		process.platform === "linux"
			? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
			: macBootId();
	return bootIdRead;
}

function macBootId(): string {
	return execFileSync("sysctl", ["-n", "kern.bootsessionuuid"], {
		encoding: "utf8",
		env: environmentOfProgram(process.env),
	}).trim();
}

/** @returns null when there is no such process, or only its zombie */
export function processIdentity(pid: number): Identity | null {
	const startTime = process.platform === "linux" ? linuxStartTime(pid) : macStartTime(pid);
	return startTime === null ? null : { pid, bootId: bootId(), startTime };
}

/** Whether that very process still lives. */
export function sameProcess(identity: Identity): boolean {
	const now = processIdentity(identity.pid);
	return now !== null && now.bootId === identity.bootId && now.startTime === identity.startTime;
}

let ownRead: string | undefined;

/** Who this process is, in one word: see `livesBy`. */
export function ownIdentity(): string {
	if (ownRead === undefined) {
		const { pid } = process;
		ownRead = [pid, bootId(), processIdentity(pid)?.startTime].join(" ");
	}
	return ownRead;
}

/** @param word of `ownIdentity`, or anything @returns the pid of another process that it names and that lives; else null */
export function livesBy(word: string): number | null {
	const [, pid, boot = "", startTime = ""] = /^(\d{1,10}) (\S+) (.+)$/.exec(word) ?? [];
	const identity = { pid: Number(pid), bootId: boot, startTime };
	return word !== ownIdentity() && identity.pid > 1 && sameProcess(identity) ? identity.pid : null;
}

/** Signals that very process. @returns false when it has ended, also at this moment. @throws EPERM when it is not ours */
export function signalProcess(identity: Identity, name: NodeJS.Signals): boolean {
	if (!sameProcess(identity)) return false;
	try {
		return process.kill(identity.pid, name);
	} catch (error) {
		if (codeOf(error) === "ESRCH") return false;
		throw error;
	}
}

/** Whether somebody stopped it (SIGSTOP, a debugger): it lives and does nothing. False where the system does not tell. */
export function isFrozen(pid: number): boolean {
	const state = process.platform === "linux" ? readStat(pid)?.state : undefined;
	return state === "T" || state === "t";
}

/** How long this machine has been up, in ms: every process reads the same, whatever is done to the clock. */
export const upMs = () => Math.round(uptime() * 1_000);

/** Of `startTime`, on every Linux (USER_HZ). */
const TICK_MS = 10;

/** How long ago the process was made, in ms, whatever was done to the clock since; null where the system does not tell. */
export function ageOf(identity: Identity): number | null {
	if (process.platform !== "linux" || identity.bootId !== bootId()) return null;
	const age = upMs() - Number(identity.startTime) * TICK_MS;
	// Some containers show another uptime than that by which processes are told.
	return age >= 0 ? age : null;
}

function linuxStartTime(pid: number): string | null {
	const stat = readStat(pid);
	return stat !== null && isLive(stat) ? stat.startTime : null;
}

export interface Stat {
	state: string;
	/** pid */
	parent: number;
	processGroup: number;
	/** clock ticks of the process and of its children that ended */
	cpuTicks: number;
	startTime: string;
	/** that have not ended, and the first one whether it has or not */
	threads: number;
	/** It runs nothing any more, and gives up what it has: its memory first, then its files. */
	isEnding: boolean;
	/** of the kernel's own, which starts no program and has no environment */
	isKernels: boolean;
}

/** A first thread that has ended is a zombie until the others have: they may work on, and hold what is open until then. */
export const isLive = ({ state, threads }: Stat) => threads > 1 || (state !== "Z" && state !== "X");

/** PF_EXITING and PF_KTHREAD of linux/sched.h */
const ENDING = 0x4;
const KERNEL_THREAD = 0x0020_0000;

/**
 * `/proc/<pid>/stat`; the command's name may hold blanks and brackets, so fields count from its end.
 * @returns null when there is no such process. @throws when that cannot be known
 */
export function readStat(pid: number): Stat | null {
	let text: string;
	try {
		text = readProc(`/proc/${pid}/stat`);
	} catch (error) {
		if (["ENOENT", "ESRCH"].includes(codeOf(error) ?? "")) return null;
		throw error;
	}
	const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
	const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0);
	return {
		state: fields[0] ?? "X",
		parent: Number(fields[1]),
		processGroup: Number(fields[2]),
		cpuTicks: ticks,
		threads: Number(fields[17]),
		startTime: fields[19] ?? "",
		isEnding: (Number(fields[6]) & ENDING) !== 0,
		isKernels: (Number(fields[6]) & KERNEL_THREAD) !== 0,
	};
}

function macStartTime(pid: number): string | null {
	try {
		// The date must read alike whoever asks: two callers may differ in zone and language.
		const env = { ...environmentOfProgram(process.env), TZ: "UTC", LC_ALL: "C" };
		const arguments_ = ["-o", "stat=,lstart=", "-p", String(pid)];
		return parsePs(execFileSync("ps", arguments_, { encoding: "utf8", env }));
	} catch (error) {
		// It ends with 1 where there is no such process; what kept it from looking is no answer.
		if ((error as { status?: unknown }).status === 1) return null;
		throw error;
	}
}

/** One line of `ps -o stat=,lstart=`: `Ss   Tue Nov 24 02:22:21 2026`. */
export function parsePs(line: string): string | null {
	const found = /^\s*(\S+)\s+(\S.*\S)\s*$/.exec(line);
	if (found?.[1] === undefined || found[1].startsWith("Z")) return null;
	return found[2] ?? null;
}
