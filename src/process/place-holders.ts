/**
 * Who has a place: a directory, and the file in it that is its lock (`takePlaceLock`). Any program may lock either of
 * them (`flock ~/.dispatch COMMAND` in a crontab, a backup): that is no process of ours. Ours are told by a mark that
 * goes with the descriptor, also to a server that inherits it, and that no change of files takes away: the directory is
 * open in a way (`PLACE_FLAGS`) that nobody else opens one. Where nobody is seen (macOS, another container) a lock
 * counts as ours.
 */
import { constants, readFileSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import { shownArguments } from "../task/secrets-of-command.ts";
import { codeOf } from "./atomic-file.ts";
import { descriptorsOf, heldPath, isSameFile, listPids, look, numbersOf } from "./processes.ts";

const MARK = process.platform === "linux" ? constants.O_DIRECTORY | constants.O_APPEND : 0;
/** How a place's directory is opened. Nobody adds to a directory: that flag does nothing, and nobody else gives it. */
export const PLACE_FLAGS = constants.O_RDONLY | MARK;

/** Of a command. */
const READ_CHARS = 4_000;
const SHOWN_CHARS = 100;

interface Descriptor {
	isMarked: boolean;
	/** a lock is held through it */
	isLocked: boolean;
	/** of its file; null: gone, or nothing that we may look at */
	numbers(): Stats | null;
}

/** What a process has open of files that are marked or locked. */
function openOf(pid: number): Descriptor[] {
	return descriptorsOf(pid).flatMap((fd) => {
		// Pipes, sockets and the like have no path.
		if (heldPath(pid, `fd/${fd}`)?.startsWith("/") !== true) return [];
		const info = look(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1")) ?? "";
		const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "0", 8);
		const isMarked = MARK !== 0 && (flags & MARK) === MARK;
		const isLocked = /^lock:.*\bFLOCK\b/m.test(info);
		const numbers = () => numbersOf(`/proc/${pid}/fd/${fd}`);
		return isMarked || isLocked ? [{ isMarked, isLocked, numbers }] : [];
	});
}

/**
 * The other process of ours that has the place of a directory: by the directory's lock or, where a stranger had that,
 * by a file's lock beside it. One that only looks whether it is free has it for that moment.
 */
export function placeTaker(directory: string): number | null {
	const there = numbersOf(directory);
	const isIt = (numbers: Stats | null) => isSameFile(numbers, there);
	return listPids().find((pid) => pid !== process.pid && hasPlace(pid, isIt)) ?? null;
}

/** For people: who has a place, as `placeTaker` sees it. Any process can pass for one of ours. */
export function takerOf(directory: string): { pid: number; command: string } | null {
	const pid = placeTaker(directory);
	return pid === null ? null : { pid, command: commandOf(pid) };
}

/** Whether a process has the place of the directory that is meant, in the manner of ours. */
export function hasPlace(pid: number, isIt: (numbers: Stats | null) => boolean): boolean {
	const open = openOf(pid);
	if (!open.some(({ isMarked, numbers }) => isMarked && isIt(numbers()))) return false;
	// Without our mark it is the stranger's, whose command this is.
	return open.some(({ isMarked, isLocked, numbers }) => isLocked && (isMarked || !isIt(numbers())));
}

/** Whether this process has the lock of that directory itself: no other one can have its place then. */
export function hasDirectoryLock(isIt: (numbers: Stats | null) => boolean): boolean {
	return openOf(process.pid).some((each) => each.isMarked && each.isLocked && isIt(each.numbers()));
}

/** Whether nobody of ours has the lock that is held on a directory or file. */
export function isStrangersLock(path: string): boolean {
	return strangerWithLock(path) !== null;
}

function strangerWithLock(path: string): number | null {
	const there = numbersOf(path);
	if (there === null) return null;
	const lockers = listPids().flatMap((pid) => {
		const locked = openOf(pid).filter(({ isLocked, numbers }) => isLocked && isSameFile(numbers(), there));
		return locked.length === 0 ? [] : [{ pid, isOurs: locked.some(({ isMarked }) => isMarked) }];
	});
	if (lockers.some(({ isOurs }) => isOurs)) return null;
	// The oldest: its children inherit the lock.
	return lockers.at(-1)?.pid ?? otherUserWithLock(there);
}

/** Ours have no process in this list: the tool that took their lock has ended. */
function otherUserWithLock({ ino }: Stats): number | null {
	const rows = (look(() => readFileSync("/proc/locks", "latin1")) ?? "").split("\n");
	const pids = rows.flatMap((row) => {
		const [, pid, inode] = /\bFLOCK\b.* (\d+) \w+:\w+:(\d+) /.exec(row) ?? [];
		return Number(inode) === ino && isOtherUsers(Number(pid)) ? [Number(pid)] : [];
	});
	return pids[0] ?? null;
}

function isOtherUsers(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return false;
	} catch (error) {
		return codeOf(error) === "EPERM";
	}
}

/**
 * What keeps everybody of ours out of a place that none of ours has: another program has locked its file.
 * @param path of that file @returns null where that is not so, or not known
 */
export function lockedOut(path: string): DispatchError | null {
	if (placeTaker(dirname(path)) !== null) return null;
	const pid = strangerWithLock(path);
	if (pid === null) return null;
	return new DispatchError("DISPATCH_LOCKED", `Process ${pid} (${commandOf(pid)}) has locked ${path}.`, {
		hint: `Nothing of dispatch can start here until it has ended, or \`kill ${pid}\` has ended it. To run commands one at a time, lock a file of your own.`,
	});
}

/** What everybody may read (`ps`) is shown without its secrets all the same: messages are sent on. */
function commandOf(pid: number): string {
	const said = look(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "";
	const read = cutText(said, READ_CHARS, "");
	// A word that is not read whole may be a part of a secret.
	const whole = read === said ? read : read.replace(/[^\s\0]*$/, "");
	return shownArguments(whole.split("\0").filter(Boolean), SHOWN_CHARS) || "its command is not shown";
}
