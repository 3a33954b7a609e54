/**
 * Ends everything that belongs to a run. Members are known by DISPATCH_RUN in their environment, so that
 * a process that left the group, or whose pid is somebody else's now, is neither missed nor mistaken. The
 * wrapper's process group is signalled too: it reaches a process that emptied its environment, and it is
 * all there is where the environment of others cannot be read (macOS).
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isWrapperAlive, wrapperPid } from "./agent.ts";
import { readStat, type Stat } from "./identity.ts";
import type { RunDir } from "./run-dir.ts";

/** Looks at an unchanged list of processes that prove that nothing is left. */
const STILL_SCANS = 3;
/** Where processes come and go, one empty scan proves nothing against a chain that forks anew (measured). */
const EMPTY_SCANS = 10;
const LATE_LOOK_MS = 150;
const EMPTY_SCAN_MS = 1;
const SCAN_MS = 15;
const GRACE_LOOK_MS = 30;
const SCANS_MAX = 400;

interface Member {
	pid: number;
	stat: Stat;
}

/** Live processes of a run; a zombie is dead. */
export function markedPids(nonce: string): number[] {
	return [...marked(nonce, listPids())].map(({ pid }) => pid);
}

/** Lazy: who signals at once hits a process before it forks on, and before its pid can be another's. */
function* marked(nonce: string, pids: readonly number[]): Generator<Member> {
	const marker = `DISPATCH_RUN=${nonce}`;
	for (const pid of pids) {
		if (pid === process.pid || !hasInEnvironment(pid, marker)) continue;
		const stat = readStat(pid);
		if (stat !== null && isLive(stat)) yield { pid, stat };
	}
}

function hasInEnvironment(pid: number, marker: string): boolean {
	try {
		const environ = readFileSync(`/proc/${pid}/environ`, "latin1");
		return environ.includes(marker) && environ.split("\0").includes(marker);
	} catch {
		return false;
	}
}

const isLive = ({ state }: Stat) => state !== "Z" && state !== "X";

/** Newest first: the head of a chain that forks anew is gone a moment later. */
function listPids(): number[] {
	try {
		return readdirSync("/proc")
			.map(Number)
			.filter((pid) => Number.isSafeInteger(pid) && pid > 1)
			.sort((a, b) => b - a);
	} catch {
		return [];
	}
}

/** @param target a pid, or a process group as a negative number; @returns whether there was one */
function signal(target: number, name: NodeJS.Signals | 0): boolean {
	try {
		return process.kill(target, name);
	} catch {
		// It ended by itself.
		return false;
	}
}

/**
 * SIGTERM to all, the grace time, then SIGKILL to what is left. Each process gets SIGTERM once: to some
 * programs a second one means "at once".
 */
export async function endTree(run: RunDir, options: { graceMs: number }): Promise<void> {
	const { nonce } = run.facts;
	let group = groupOf(run);
	const outside = [...marked(nonce, listPids())].filter(({ stat }) => stat.processGroup !== group);
	// A stopped process takes no SIGTERM before it goes on.
	for (const name of ["SIGTERM", "SIGCONT"] as const) {
		if (group !== null) signal(-group, name);
		for (const { pid, stat } of outside) if (readStat(pid)?.startTime === stat.startTime) signal(pid, name);
	}
	const until = performance.now() + options.graceMs;
	for (;;) {
		// Once it was seen empty, its number may be given to others.
		if (group !== null && !isGroupAlive(group)) group = null;
		if (group === null && markedPids(nonce).length === 0) break;
		if (performance.now() >= until) break;
		await sleep(GRACE_LOOK_MS);
	}
	if (group !== null) signal(-group, "SIGKILL");
	await sweepMarked(nonce);
}

/** The wrapper's process group while it is surely this run's: a member carries its mark, or the wrapper lives. */
function groupOf(run: RunDir): number | null {
	const group = wrapperPid(run);
	if (group === null || readStat(process.pid)?.processGroup === group) return null;
	const pids = listPids();
	for (const { stat } of marked(run.facts.nonce, pids)) if (stat.processGroup === group) return group;
	return isWrapperAlive(run) ? group : null;
}

function isGroupAlive(group: number): boolean {
	// A zombie still takes signals; only /proc tells it from a live process.
	if (process.platform !== "linux") return signal(-group, 0);
	return listPids().some((pid) => {
		const stat = readStat(pid);
		return stat !== null && stat.processGroup === group && isLive(stat);
	});
}

/**
 * Kills every process of a run until none is left.
 * @returns how many it killed
 */
export async function sweepMarked(nonce: string): Promise<number> {
	const killed = new Set<number>();
	let empty = 0;
	let still = 0;
	let before = "";
	for (let scan = 0; scan < SCANS_MAX; scan++) {
		const pids = listPids();
		const found = killMarked(nonce, pids, killed);
		empty = found ? 0 : empty + 1;
		const now = pids.join();
		still = !found && now === before ? still + 1 : 1;
		before = now;
		// Nothing was there, and nobody came or went while we looked: the common case costs no wait.
		if (!found && killed.size === 0 && still >= STILL_SCANS) break;
		if (empty > EMPTY_SCANS) break;
		await sleep(found ? SCAN_MS : empty === EMPTY_SCANS ? LATE_LOOK_MS : EMPTY_SCAN_MS);
	}
	return killed.size;
}

function killMarked(nonce: string, pids: readonly number[], killed: Set<number>): boolean {
	let found = false;
	for (const { pid } of marked(nonce, pids)) {
		found = true;
		killed.add(pid);
		signal(pid, "SIGKILL");
	}
	return found;
}

/** Clock ticks (1/100 s) of CPU time that the run's processes have used. */
export function cpuTicks(nonce: string): number {
	return [...marked(nonce, listPids())].reduce((sum, { stat }) => sum + stat.cpuTicks, 0);
}
