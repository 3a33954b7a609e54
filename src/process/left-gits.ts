/**
 * A git of dispatch's whose dispatch was killed (kill -9) is nobody's: nobody waits for what it does, and nobody's limit
 * ends it. Each carries in its environment, as all that it starts, whose it is.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { GIT_OPTIONS } from "./git-settings.ts";
import { ageOf, processIdentity, readStat } from "./identity.ts";
import { environmentOf, listPids, pidsWithOpen } from "./processes.ts";

/** Dropped wherever the environment of one git call is (`GIT_*`): a worker that a filter starts is none of these. */
const MARK = "GIT_OF_DISPATCH";
/** As long as a git may take. */
const LIMIT_MS = 10 * 60_000;
/** To take its locks back. */
const TERM_GRACE_MS = 1_000;
const LOOK_MS = 50;
/** As dispatch calls it: `GIT_OPTIONS`. */
const COMMAND = new RegExp(`^(?:[^\\0]*/)?git\\0${GIT_OPTIONS.slice(0, 2).join("\\0")}\\0`);

let mark: string | undefined;

/** For the environment of a git that this process starts; empty where the system does not show it. */
export function markOfOurs(): Record<string, string> {
	mark ??= newMark();
	return mark === undefined ? {} : { [MARK]: mark };
}

/** Where it cannot be told now, git works all the same, and the next one asks again. */
function newMark(): string | undefined {
	if (process.platform !== "linux") return undefined;
	try {
		const startTime = processIdentity(process.pid)?.startTime;
		return startTime === undefined ? undefined : `${process.pid} ${startTime} ${pidSpace()}`;
	} catch {
		return undefined;
	}
}

/** Another container's process has numbers of its own. */
const pidSpace = () => readlinkSync("/proc/self/ns/pid");

/** Whether a git of dispatch's, or what that started, whose dispatch lives no more. */
function isLeft(pid: number): boolean {
	const [starter, startTime, space] = environmentOf(pid)?.[MARK]?.split(" ") ?? [];
	if (space === undefined || space !== pidSpace()) return false;
	return processIdentity(Number(starter))?.startTime !== startTime;
}

/** What a filter leaves to live on has the mark too, and is no git of ours. */
function isLeftGit(pid: number): boolean {
	return readStat(pid)?.processGroup === pid && COMMAND.test(commandOf(pid)) && isLeft(pid);
}

function commandOf(pid: number): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "latin1");
	} catch {
		return ""; // It has ended in this moment.
	}
}

/** Those that hold a file of ours. @returns how many were ended */
export function endLeftHolding(path: string): Promise<number> {
	return endAll(pidsWithOpen(path).filter(isLeftGit));
}

/** Those that have had their time. @returns how many were ended */
export function endLeftGits(limitMs = LIMIT_MS): Promise<number> {
	const isOver = (pid: number) => {
		const identity = processIdentity(pid);
		return identity !== null && (ageOf(identity) ?? 0) >= limitMs;
	};
	return endAll(listPids().filter((pid) => isLeftGit(pid) && isOver(pid)));
}

/** With their groups; each is known by its mark at the very moment. */
async function endAll(leaders: readonly number[]): Promise<number> {
	if (leaders.length === 0) return 0;
	const members = () =>
		listPids().filter((pid) => leaders.includes(readStat(pid)?.processGroup ?? 0) && isLeft(pid));
	for (const pid of members()) signal(pid, "SIGTERM");
	for (let waited = 0; waited < TERM_GRACE_MS && members().length > 0; waited += LOOK_MS)
		await sleep(LOOK_MS);
	for (const pid of members()) signal(pid, "SIGKILL");
	return leaders.length;
}

function signal(pid: number, name: NodeJS.Signals): void {
	try {
		process.kill(pid, name);
	} catch {
		// It has ended in this moment.
	}
}
