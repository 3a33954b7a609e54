/**
 * Files that the user names or keeps: a config, a template, a prompt, a batch. They may be links; what is no
 * regular file (a FIFO that nobody writes to, /dev/zero) is refused, since it would hang a command.
 */
import { realpathSync, statSync } from "node:fs";
import { replaceFile, type WriteOptions } from "./atomic-file.ts";
import { type NoFile, readRegularBytes } from "./read-file.ts";

/** of anything that a user hands over */
export const FILE_LIMIT_BYTES = 16 * 1024 * 1024;

/** `why` reads behind the file's name and "cannot be read:"; `code` is the system's, where it refused */
export type OwnFile =
	| { kind: "bytes"; bytes: Buffer }
	| { kind: "absent" }
	| { kind: "unreadable"; why: string; code?: string };

/** What some editors put in front of UTF-8; no part of the text. */
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/** Without a byte order mark. @throws when this process has no descriptor or memory left */
export function readOwnFile(path: string): OwnFile {
	const file = readRegularBytes(path, FILE_LIMIT_BYTES, { links: true });
	if (file.kind === "absent") return file;
	if (file.kind === "refused") return { ...file, kind: "unreadable", why: whyUnreadable(file) };
	if (file.cut) return { kind: "unreadable", why: `it is larger than ${FILE_LIMIT_BYTES / 1024 / 1024} MiB` };
	const isMarked = file.bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
	return isMarked ? { ...file, bytes: file.bytes.subarray(BYTE_ORDER_MARK.length) } : file;
}

/**
 * Makes a file of the user's or replaces it, whole or not at all: its mode stays, and a link to it stays a link.
 * @param options.mode of one that was not there
 * @throws DispatchError DISPATCH_DISK, or what `refuse` makes of the fault
 */
export function writeOwnFile(path: string, text: string, { mode = 0o600, ...options }: WriteOptions): void {
	const target = realPathOf(path);
	replaceFile(target, text, { ...options, mode: modeOf(target) ?? mode });
}

function modeOf(path: string): number | null {
	const stats = statSync(path, { throwIfNoEntry: false });
	return stats === undefined ? null : stats.mode & 0o777;
}

/** Of what a link leads to; of what is not there as it is. */
export function realPathOf(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		return path;
	}
}

function whyUnreadable({ why, code }: NoFile & { kind: "refused" }): string {
	switch (code) {
		case undefined:
			return `it ${why}`;
		case "EACCES":
		case "EPERM":
			return "you may not read it";
		case "ENOTDIR":
			return "a part of its path is a file";
		case "ELOOP":
			return "its link leads in a circle";
		default:
			return code;
	}
}
