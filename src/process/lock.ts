/**
 * A lock that the kernel holds for this process: flock(2) on a file that stays open. It excludes across
 * network namespaces and is freed by any end, kill -9 included. Node has no flock, so the tool of that
 * name takes it on our descriptor: the lock belongs to the open file, not to the tool.
 */
import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DispatchError } from "../task/errors.ts";
import { openToWrite } from "./append-file.ts";
import { codeOf, diskError } from "./atomic-file.ts";
import { environmentOfProgram } from "./environment.ts";
import { isStrangersLock, PLACE_FLAGS, placeTaker } from "./place-holders.ts";
import { isSameFile, numbersOf } from "./processes.ts";

export interface Lock {
	/** handing it on to a child makes the child a holder too, and whoever that starts */
	fd: number;
	release(): void;
}

const HELD = 1;
/** sysexits(3), as flock(1) ends where the file system takes no lock: of a descriptor as this one (NFS), or at all. */
const TAKES_NONE = [65, 71];

/** @returns null when another process holds it. @throws DISPATCH_DISK */
export async function takeLock(path: string): Promise<Lock | null> {
	try {
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	} catch (error) {
		throw diskError(dirname(path), error);
	}
	const fd = openToWrite(path, "a");
	const lock = await lockOpened(fd, path);
	if (lock === null) closeSync(fd);
	return lock;
}

export interface PlaceLock {
	/** as those of `Lock` */
	fds: readonly number[];
	/**
	 * Takes what it could not have before, or lost: the directory's lock once the stranger who had it has ended, the
	 * file's where that was removed or replaced. @throws DISPATCH_DISK
	 */
	keep(): Promise<void>;
	release(): void;
}

/** Of a file that is removed or replaced while it is taken: more often is no chance. */
const TAKES_MAX = 5;

/**
 * Locks a file and the directory that it lies in. The directory's lock holds whatever is removed or replaced in it; the
 * file's holds where a directory takes none (NFS), or another program has it (`flock DIRECTORY COMMAND` of a crontab),
 * and keeps out an earlier version, which takes that one alone. Both stay open meanwhile: by that the others know whose
 * they are.
 * @param data a directory in it that is locked, too: for who cannot `keep` (a server that inherits the locks). Of the two
 * one at least must be free of strangers: what locks none but a file would keep out nobody once that is removed
 * @returns null when another process has the place, or the file's lock: `lockedOut` says whether that is a stranger. @throws DISPATCH_DISK
 */
export async function takePlaceLock(path: string, data?: string): Promise<PlaceLock | null> {
	for (let take = 0; take < TAKES_MAX; take++) {
		const lock = await takeAll(path, data);
		if (lock !== "replaced") return lock;
	}
	return null;
}

async function takeAll(path: string, data?: string): Promise<PlaceLock | "replaced" | null> {
	const directories: DirectoryLock[] = [];
	let file: Lock | null = null;
	const release = () => {
		file?.release();
		for (const { lock } of directories) lock.release();
	};
	let taken: "whole" | "held" | "replaced" = "held";
	try {
		for (const directory of [dirname(path), ...(data === undefined ? [] : [data])]) {
			const lock = await takeDirectoryLock(directory);
			if (lock === "held") return null;
			directories.push(lock);
		}
		if (data !== undefined && directories.every(({ isStrangers }) => isStrangers)) return null;
		file = await takeLock(path);
		const isKept = directories.some(({ isLocked }) => isLocked);
		if (file !== null) taken = isKept ? "whole" : lookAgain(file, path);
	} finally {
		if (taken !== "whole") release();
	}
	if (file === null || taken !== "whole") return taken === "replaced" ? taken : null;
	const keep = async () => {
		for (const each of directories)
			if (!each.isLocked) each.isLocked = (await flock(each.lock.fd, "-n").catch(() => HELD)) === 0;
		if (file !== null && isSameFile(fstatSync(file.fd), numbersOf(path))) return;
		const again = await takeLock(path);
		if (again === null) return;
		file?.release();
		file = again;
	};
	return { fds: [file.fd, ...directories.map(({ lock }) => lock.fd)], keep, release };
}

/**
 * Where the directory's lock keeps out nobody, another one may have taken the file's while we did: of a file that lay
 * there before, or lies there since. Each looks once more when it has its own: of two, the later one sees the other.
 */
function lookAgain({ fd }: Lock, path: string): "whole" | "held" | "replaced" {
	if (!isSameFile(fstatSync(fd), numbersOf(path))) return "replaced";
	return placeTaker(dirname(path)) === null ? "whole" : "held";
}

interface DirectoryLock {
	lock: Lock;
	/** false where its file system locks no directory, or a stranger has locked it: it is open and no more */
	isLocked: boolean;
	/** a stranger had locked it */
	isStrangers: boolean;
}

async function takeDirectoryLock(path: string): Promise<DirectoryLock | "held"> {
	let fd = openDirectory(path);
	let isLocked = false;
	let isFree = true;
	try {
		isLocked = (await lockOpened(fd, path)) !== null;
		isFree = isLocked;
	} catch (error) {
		if (codeOf((error as DispatchError).cause) !== "ENOLCK") throw error;
		fd = openDirectory(path);
	}
	const lock = lockOf(fd);
	let isOurs = false;
	try {
		// Also where the lock is free: whoever began while a stranger had it goes on without.
		isOurs = (isFree || isStrangersLock(path)) && placeTaker(path) === null;
	} finally {
		if (!isOurs) lock.release();
	}
	return isOurs ? { lock, isLocked, isStrangers: !isFree } : "held";
}

function openDirectory(path: string): number {
	try {
		mkdirSync(path, { recursive: true, mode: 0o700 });
		return openSync(path, PLACE_FLAGS);
	} catch (error) {
		throw diskError(path, error);
	}
}

/**
 * As `takeLock`, by a descriptor of the caller's, which the lock closes when it is released, and which is closed
 * when this throws.
 * @returns null when another process holds it: the descriptor stays the caller's
 * @throws DISPATCH_DISK; the cause's code: ENOENT, there is no `flock`; ENOLCK, the file system takes no lock
 */
export async function lockOpened(fd: number, path: string): Promise<Lock | null> {
	let code: number | null;
	try {
		code = await flock(fd, "-n");
	} catch (error) {
		closeSync(fd);
		throw new DispatchError(
			"DISPATCH_DISK",
			`The lock ${path} cannot be taken: ${(error as Error).message}.`,
			{
				hint:
					codeOf(error) === "ENOENT"
						? "The program `flock` must be installed: package util-linux; on macOS `brew install flock`."
						: "This machine is short of processes, descriptors or memory: try again when there is room.",
				cause: error,
			},
		);
	}
	if (code === HELD) return null;
	if (code !== 0) {
		closeSync(fd);
		const message = `flock ended with ${code}`;
		throw new DispatchError("DISPATCH_DISK", `The lock ${path} cannot be taken: ${message}.`, {
			hint: "The file system of the state directory must support locks.",
			...(TAKES_NONE.includes(code ?? 0)
				? { cause: Object.assign(new Error(message), { code: "ENOLCK" }) }
				: {}),
		});
	}
	return lockOf(fd);
}

function lockOf(fd: number): Lock {
	let open = true;
	const release = () => {
		if (open) closeSync(fd);
		open = false;
	};
	return { fd, release };
}

/** Also where a child, or somebody whom that left behind, has its descriptor still. Throws nothing. */
export async function releaseForAll({ fd, release }: Lock): Promise<void> {
	await flock(fd, "-u").catch(() => {});
	release();
}

function flock(fd: number, option: "-n" | "-u"): Promise<number | null> {
	return new Promise((resolve, reject) => {
		const child = spawn("flock", [option, "3"], {
			stdio: ["ignore", "ignore", "ignore", fd],
			env: environmentOfProgram(process.env),
		});
		child.once("error", reject);
		child.once("exit", resolve);
	});
}
