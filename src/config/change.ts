/**
 * Changes the config file. Whoever writes it names the text that it read; where another one stands there by now,
 * nothing is written. Between the comparison and the rename the file itself is locked, by every command alike.
 */
import { closeSync, constants, fstatSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../process/atomic-file.ts";
import { type Lock, lockOpened } from "../process/lock.ts";
import { realPathOf, writeOwnFile } from "../process/own-file.ts";
import { openRegularFile } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";
import { createConfig, NEW_FILE_MODE, readConfigText, unwritable } from "./save.ts";

const TRIES = 20;
/** A lock is held for one write. */
const LOCK_LIMIT_MS = 10_000;
const LOCK_LOOK_MS = 50;

/**
 * Replaces the file, or makes it; its mode stays, and a link to it stays a link.
 * @param before the text that was read; null: there was no file
 * @returns false: somebody has changed it since, and it is left alone
 * @throws DISPATCH_BAD_FILE, DISPATCH_CONFIG_INVALID, DISPATCH_DISK
 */
export async function swapConfig(path: string, before: string | null, text: string): Promise<boolean> {
	if (before === null) return createConfig(path, text);
	const lock = await lockConfig(path);
	if (lock === null) return false;
	try {
		if (readConfigText(path) !== before) return false;
		writeOwnFile(path, text, { mode: NEW_FILE_MODE, refuse: (error) => unwritable(path, error) });
		return true;
	} finally {
		lock.release();
	}
}

/**
 * Where there is no `flock`, or no lock on that file system, the comparison alone stands between two writers: one who
 * edits a file needs no more.
 */
const NO_LOCK: Lock = { fd: -1, release: () => {} };

function orNoLock(error: unknown): Lock {
	if (error instanceof DispatchError && ["ENOENT", "ENOLCK"].includes(codeOf(error.cause) ?? ""))
		return NO_LOCK;
	throw error;
}

/**
 * Reads the file and changes it, and begins anew where somebody was faster.
 * @param change gives the new text; null: nothing is to be written. It may be called more than once
 * @throws what `change` throws, and as `swapConfig`
 */
export async function changeConfig(
	path: string,
	change: (before: string | null) => string | null | Promise<string | null>,
): Promise<void> {
	for (let left = TRIES; left > 0; left--) {
		const before = readConfigText(path);
		const text = await change(before);
		if (text === null || text === before || (await swapConfig(path, before, text))) return;
	}
	throw new DispatchError("DISPATCH_BAD_FILE", `${path} is written by another process all the time.`, {
		hint: "Repeat the command.",
	});
}

/** @returns null: the file is gone */
async function lockConfig(path: string): Promise<Lock | null> {
	const until = performance.now() + LOCK_LIMIT_MS;
	while (performance.now() < until) {
		const opened = openToLock(realPathOf(path));
		if ("kind" in opened) return null;
		const { fd } = opened;
		const lock = await lockOpened(fd, path).catch(orNoLock);
		if (lock === NO_LOCK) return lock;
		let isOurs = false;
		try {
			isOurs = lock !== null && isStillAt(path, fd);
		} finally {
			if (!isOurs) closeSync(fd);
		}
		if (isOurs) return lock;
		// Somebody writes it at this moment, or has put another file in its place.
		if (lock === null) await sleep(LOCK_LOOK_MS);
	}
	throw new DispatchError("DISPATCH_BAD_FILE", `${path} is held by another process.`, {
		hint: "It was not changed: repeat the command.",
	});
}

/** For writing, where that is allowed: NFS locks no other descriptor. */
function openToLock(path: string): ReturnType<typeof openRegularFile> {
	const opened = openRegularFile(path, constants.O_RDWR, { links: true });
	return "fd" in opened ? opened : openRegularFile(path, constants.O_RDONLY, { links: true });
}

function isStillAt(path: string, fd: number): boolean {
	const [mine, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
	return there !== undefined && mine.ino === there.ino && mine.dev === there.dev;
}
