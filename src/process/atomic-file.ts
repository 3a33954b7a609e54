/** The one way to write a file: a reader sees it whole or not at all, and nobody but its owner sees it. */
import { randomBytes } from "node:crypto";
import {
	closeSync,
	fchmodSync,
	fsyncSync,
	linkSync,
	lstatSync,
	openSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DispatchError } from "../task/errors.ts";

export interface WriteOptions {
	/** its permissions, whatever the umask; 0600 when not given */
	mode?: number;
	/** false: a power failure may undo or empty it; for what can be made again, or is written all the time */
	durable?: boolean;
	/** what is thrown instead of DISPATCH_DISK */
	refuse?: (error: unknown) => DispatchError;
}

/** Our own temporary names; an agent's are `<name>.tmp`. */
const TEMPORARY = /^\..+\.[0-9a-f]{12}(?:-(\d+))?\.tmp$/;
const OWNER_ONLY = 0o600;

export function temporaryName(path: string): string {
	return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}-${process.pid}.tmp`);
}

/** The pid of who writes under a temporary name; 0: it does not say; null: the name is none of ours. */
export function writerOf(name: string): number | null {
	const temporary = TEMPORARY.exec(name);
	return temporary === null ? null : Number(temporary[1] ?? 0);
}

/**
 * Makes a file that is not there yet; link(2) never replaces one.
 * @returns false if something of that name is there, whatever it is
 * @throws DispatchError DISPATCH_DISK, or what `refuse` makes of the fault
 */
export function publishNew(path: string, data: string | Uint8Array, options: WriteOptions = {}): boolean {
	if (isThere(path, options.refuse)) return false;
	return viaTemporary(path, data, options, (temporary) => {
		try {
			linkSync(temporary, path);
			return true;
		} catch (error) {
			if (codeOf(error) === "EEXIST") return false;
			throw error;
		}
	});
}

/** Whatever it is; a link that leads nowhere is there, too. @throws DispatchError DISPATCH_DISK, or what `refuse` makes of it */
export function isThere(
	path: string,
	refuse: WriteOptions["refuse"] = (error) => diskError(path, error),
): boolean {
	try {
		return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
	} catch (error) {
		if (codeOf(error) === "ENOTDIR") return false;
		throw refuse(error);
	}
}

/** Makes a file or replaces it. @throws DispatchError DISPATCH_DISK, or what `refuse` makes of the fault */
export function replaceFile(path: string, data: string | Uint8Array, options: WriteOptions = {}): void {
	viaTemporary(path, data, options, (temporary) => renameSync(temporary, path));
}

function viaTemporary<T>(
	path: string,
	data: string | Uint8Array,
	{ mode = OWNER_ONLY, durable = true, refuse = (error) => diskError(path, error) }: WriteOptions,
	publish: (temporary: string) => T,
): T {
	const temporary = temporaryName(path);
	try {
		writeTemporary(temporary, data, mode, durable);
		return publish(temporary);
	} catch (error) {
		throw refuse(error);
	} finally {
		rmSync(temporary, { force: true });
	}
}

/** On the disk before it gets its name: a crash leaves no empty file under it. */
function writeTemporary(path: string, data: string | Uint8Array, mode: number, durable: boolean): void {
	const fd = openSync(path, "wx", OWNER_ONLY);
	try {
		writeFileSync(fd, data);
		if (mode !== OWNER_ONLY) fchmodSync(fd, mode);
		if (durable) fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
}

const HINTS: Readonly<Record<string, string>> = {
	ENOSPC: "Free some space, then try again.",
	EDQUOT: "Your disk quota is used up: free some space, then try again.",
	EROFS: "The file system is mounted read-only: name another directory with --cwd.",
	EACCES: "Make the directory writable for you, or name another one with --cwd.",
	EPERM: "Make the directory writable for you, or name another one with --cwd.",
};

/** A refusal that names the path and the next step; a refusal that came up already stays as it is. */
export function diskError(path: string, error: unknown): DispatchError {
	if (error instanceof DispatchError) return error;
	const reason = error instanceof Error ? error.message.split(",")[0] : String(error);
	return new DispatchError("DISPATCH_DISK", `Cannot write ${path}: ${reason}.`, {
		hint: hintFor(error),
		cause: error,
	});
}

/** The next step after a write that failed with `error`. */
export function hintFor(
	error: unknown,
	other = "Check that the directory exists and can be written.",
): string {
	return HINTS[codeOf(error) ?? ""] ?? other;
}

export function codeOf(error: unknown): string | null {
	return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
