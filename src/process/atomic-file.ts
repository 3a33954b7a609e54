/** Writes that a reader sees whole or not at all. */
import { randomBytes } from "node:crypto";
import {
	closeSync,
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

/** Our own temporary names; an agent's are `<name>.tmp`. */
export const TEMPORARY = /^\..+\.[0-9a-f]{12}(?:-(\d+))?\.tmp$/;

export function temporaryName(path: string): string {
	return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}-${process.pid}.tmp`);
}

/**
 * Makes a file that is not there yet; link(2) never replaces one.
 * @returns false if something of that name is there, whatever it is
 * @throws DispatchError DISPATCH_DISK
 */
export function publishNew(path: string, text: string): boolean {
	if (isThere(path)) return false;
	return viaTemporary(path, text, (temporary) => {
		try {
			linkSync(temporary, path);
			return true;
		} catch (error) {
			if (codeOf(error) === "EEXIST") return false;
			throw error;
		}
	});
}

/** Whatever it is; a link that leads nowhere is there, too. @throws DispatchError DISPATCH_DISK */
export function isThere(path: string): boolean {
	try {
		return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
	} catch (error) {
		if (codeOf(error) === "ENOTDIR") return false;
		throw diskError(path, error);
	}
}

/** Makes a file or replaces it. @throws DispatchError DISPATCH_DISK */
export function replaceFile(path: string, text: string): void {
	viaTemporary(path, text, (temporary) => renameSync(temporary, path));
}

function viaTemporary<T>(path: string, text: string, publish: (temporary: string) => T): T {
	const temporary = temporaryName(path);
	try {
		writeDurably(temporary, text);
		return publish(temporary);
	} catch (error) {
		throw diskError(path, error);
	} finally {
		rmSync(temporary, { force: true });
	}
}

/** On the disk before it gets its name: a crash leaves no empty file under it. */
function writeDurably(path: string, text: string): void {
	const fd = openSync(path, "wx");
	try {
		writeFileSync(fd, text);
		fsyncSync(fd);
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
		hint: HINTS[codeOf(error) ?? ""] ?? "Check that the directory exists and can be written.",
		cause: error,
	});
}

export function codeOf(error: unknown): string | null {
	return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
