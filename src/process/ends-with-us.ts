/**
 * Children in a process group of their own, which no terminal ends with us: they end with this process, and what they
 * started with them, unless it is killed by a signal that nobody can hear (then `left-gits.ts`).
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { endGroupOf, signalGroupOf } from "./end-group.ts";
import { readStat } from "./identity.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** For a process that leaves at once: a child takes its locks back. */
const EXIT_GRACE_MS = 500;
const EXIT_LOOK_MS = 10;

/** A child, and what ends it: by SIGTERM, and what is left of its group by SIGKILL. */
const living = new Map<ChildProcess, (why: string) => void>();
const cleanups = new Set<() => void>();
let isEnding = false;

/** @returns to be awaited when the child has ended: nobody goes on with what this process no longer wants */
export function endsWithUs(child: ChildProcess, end: (why: string) => void): () => Promise<void> {
	if (living.size === 0) {
		process.on("exit", endAtOnce);
		for (const name of SIGNALS) process.on(name, onSignal);
	}
	living.set(child, end);
	return async () => {
		if (isEnding) await new Promise(() => {});
		if (living.delete(child) && living.size === 0) listenNoMore();
	};
}

/** @param cleanup what a child works with, which goes when a signal ends this process. @returns it is done otherwise */
export function goesWithUs(cleanup: () => void): () => void {
	cleanups.add(cleanup);
	return () => void cleanups.delete(cleanup);
}

/** For who listens to signals: all of them end, and whoever waits for one is told why. @param why the end of a sentence */
export function endOurs(why: string): void {
	for (const end of living.values()) end(why);
}

function listenNoMore(): void {
	process.off("exit", endAtOnce);
	for (const name of SIGNALS) process.off(name, onSignal);
}

/** So that git takes its locks back, and nobody of its group stays. */
function endAtOnce(): void {
	for (const child of living.keys()) signalGroupOf(child, "SIGTERM");
	const pause = new Int32Array(new SharedArrayBuffer(4));
	for (let waited = 0; waited < EXIT_GRACE_MS && [...living.keys()].some(isAtWork); waited += EXIT_LOOK_MS)
		Atomics.wait(pause, 0, 0, EXIT_LOOK_MS);
	for (const child of living.keys()) endGroupOf(child);
	cleanUp();
}

/** Each by itself: one that fails keeps neither the others nor this process's end. */
function cleanUp(): void {
	for (const cleanup of cleanups) {
		try {
			cleanup();
		} catch {
			// It stays: whoever works there next sweeps it.
		}
	}
}

/** Not reaped by us any more: its zombie stays. */
function isAtWork({ pid }: ChildProcess): boolean {
	if (pid === undefined || process.platform !== "linux") return pid !== undefined;
	try {
		return !["Z", "X", undefined].includes(readStat(pid)?.state);
	} catch {
		return false; // This process is short of something: it waits for nobody.
	}
}

/** Where somebody else listens, that one decides whether this process ends. A second one waits for nobody. */
function onSignal(name: NodeJS.Signals): void {
	if (process.listenerCount(name) > 1) return;
	if (isEnding) {
		leave(name);
		return;
	}
	isEnding = true;
	const ends = [...living.keys()].map((child) => once(child, "exit"));
	endOurs("dispatch was interrupted");
	void Promise.all(ends).finally(() => leave(name));
}

function leave(name: NodeJS.Signals): void {
	for (const child of living.keys()) endGroupOf(child);
	cleanUp();
	listenNoMore();
	process.kill(process.pid, name);
}
