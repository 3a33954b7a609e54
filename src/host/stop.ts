/** Stops the daemon of a state directory from another process. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Home } from "../config/home.ts";
import { type Identity, processIdentity, sameProcess, signalProcess } from "../process/identity.ts";
import { takePlaceLock } from "../process/lock.ts";
import { placeTaker } from "../process/place-holders.ts";
import {
	lockPath,
	readDaemonFile,
	removeStopRequest,
	replaceStopRequest,
	type StopRequest,
	writeStopRequest,
} from "./files.ts";
import {
	heldBySomebody,
	isLockFree,
	LOOK_MS,
	NAME_LIMIT_MS,
	requireAwake,
	requireNoStranger,
} from "./process.ts";

const STOP_LIMIT_MS = 10_000;
const STOP_AGENTS_LIMIT_MS = 60_000;
const NAME_LOOK_MS = 100;
/** A worker reads a request at once. */
const READ_LIMIT_MS = 2_000;

/** Whether a daemon holds the directory, or is about to. */
export async function isServed(home: Home): Promise<boolean> {
	return !(await isLockFree(home.path));
}

/**
 * Does what must not meet a worker, which could be taken for an agent that it starts: none begins meanwhile.
 * @returns false: a worker has the directory, and nothing was done
 */
export async function withoutWorker(
	{ path }: Pick<Home, "path">,
	act: () => Promise<void>,
): Promise<boolean> {
	const lock = await takePlaceLock(lockPath(path));
	if (lock === null) return false;
	try {
		await act();
		return true;
	} finally {
		lock.release();
	}
}

/**
 * The daemon that holds the directory, once it says who it is: at its start it has not yet, and one whose file was
 * damaged writes it anew. Where somebody keeps it shut for good, the kernel says who has the directory's lock.
 * @throws DISPATCH_ALREADY_RUNNING
 */
async function namedDaemon({ path }: Home, signal?: AbortSignal): Promise<Identity | null> {
	const until = performance.now() + NAME_LIMIT_MS;
	for (;;) {
		const file = readDaemonFile(path);
		if (file !== null && sameProcess(file.identity)) return file.identity;
		if (signal?.aborted || (await isLockFree(path))) return null;
		requireAwake(path);
		requireNoStranger(path);
		if (performance.now() > until) return lockedBy(path);
		await sleep(NAME_LOOK_MS);
	}
}

/** @throws DISPATCH_ALREADY_RUNNING where the system does not tell */
async function lockedBy(path: string): Promise<Identity> {
	const taker = placeTaker(path);
	// Who only looks has it for a moment.
	await sleep(NAME_LOOK_MS);
	const identity = taker !== null && placeTaker(path) === taker ? processIdentity(taker) : null;
	if (identity === null) throw heldBySomebody(path);
	return identity;
}

/**
 * What somebody asked for at the same moment is read first: its signal would find nothing, which is a plain stop. A
 * plain stop needs no file, and so no room on the disk.
 * @throws DISPATCH_DISK
 */
async function askToStop(home: string, daemon: Identity, request: StopRequest): Promise<void> {
	const until = performance.now() + READ_LIMIT_MS;
	try {
		while (!writeStopRequest(home, daemon, request)) {
			// Who wrote it was killed before it told of it, or the worker is stopped.
			if (performance.now() > until) return replaceStopRequest(home, daemon, request);
			await sleep(LOOK_MS);
		}
	} catch (error) {
		if (request.drain || request.stopAgents) throw error;
	}
}

/**
 * Ends the daemon; its agents go on unless it is told to stop them.
 * @param signal gives the waiting up, not what was asked for
 * @param waits called again and again for as long as it is waited for
 * @returns stopped: false when none ran, or when it was not waited for
 */
export async function stopDaemon(
	home: Home,
	request: StopRequest,
	signal?: AbortSignal,
	waits: () => void = () => {},
): Promise<{ stopped: boolean }> {
	const daemon = await namedDaemon(home, signal);
	if (daemon === null) return { stopped: false };
	await askToStop(home.path, daemon, request);
	signalProcess(daemon, "SIGTERM");
	const until = performance.now() + (request.stopAgents ? STOP_AGENTS_LIMIT_MS : STOP_LIMIT_MS);
	while (sameProcess(daemon)) {
		if (signal?.aborted) return { stopped: false };
		waits();
		// It has nothing left to save that the next daemon would not find on disk and in Redis.
		if (!request.drain && performance.now() > until) signalProcess(daemon, "SIGKILL");
		await sleep(LOOK_MS);
	}
	removeStopRequest(home.path);
	return { stopped: true };
}
