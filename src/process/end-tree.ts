/**
 * Ends everything that belongs to a run. Members are known by DISPATCH_RUN in their environment, so that
 * a process that left the group, or whose pid is somebody else's now, is neither missed nor mistaken.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { readStat } from "./identity.ts";
import type { RunDir } from "./run-dir.ts";

/** One empty scan proves nothing against a chain that forks anew; three in a row and a late one did (measured). */
const EMPTY_SCANS = 3;
const LATE_LOOK_MS = 150;
const SCAN_MS = 15;
const SCANS_MAX = 400;

/** Live processes of a run; a zombie is dead. */
export function markedPids(nonce: string): number[] {
	const marker = `DISPATCH_RUN=${nonce}`;
	return listPids().filter((pid) => {
		if (pid === process.pid) return false;
		try {
			const environ = readFileSync(`/proc/${pid}/environ`, "latin1");
			if (!environ.includes(marker) || !environ.split("\0").includes(marker)) return false;
		} catch {
			return false;
		}
		const state = readStat(pid)?.state ?? "X";
		return state !== "Z" && state !== "X";
	});
}

function listPids(): number[] {
	try {
		return readdirSync("/proc")
			.map(Number)
			.filter((pid) => Number.isSafeInteger(pid) && pid > 1);
	} catch {
		return [];
	}
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
	for (const pid of pids) {
		try {
			process.kill(pid, name);
		} catch {
			// It ended by itself.
		}
	}
}

/** SIGTERM to all, the grace time, then SIGKILL to what is left. */
export async function endTree(run: RunDir, options: { graceMs: number }): Promise<void> {
	const { nonce } = run.facts;
	signal(markedPids(nonce), "SIGTERM");
	// A stopped process takes no SIGTERM.
	signal(markedPids(nonce), "SIGCONT");
	const until = performance.now() + options.graceMs;
	while (performance.now() < until && markedPids(nonce).length > 0) await sleep(SCAN_MS);
	await sweepMarked(nonce);
}

/**
 * Kills every process of a run until none is left.
 * @returns how many it killed
 */
export async function sweepMarked(nonce: string): Promise<number> {
	const killed = new Set<number>();
	let empty = 0;
	for (let scan = 0; scan < SCANS_MAX; scan++) {
		const pids = markedPids(nonce);
		for (const pid of pids) killed.add(pid);
		signal(pids, "SIGKILL");
		empty = pids.length === 0 ? empty + 1 : 0;
		// Nothing was ever there: the common case costs no wait.
		if (empty >= EMPTY_SCANS && killed.size === 0) break;
		if (empty > EMPTY_SCANS) break;
		await sleep(empty === EMPTY_SCANS ? LATE_LOOK_MS : killed.size === 0 ? 1 : SCAN_MS);
	}
	return killed.size;
}

/** Clock ticks (1/100 s) of CPU time that the run's processes have used. */
export function cpuTicks(nonce: string): number {
	return markedPids(nonce).reduce((sum, pid) => sum + (readStat(pid)?.cpuTicks ?? 0), 0);
}
