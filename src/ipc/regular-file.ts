/** Reads what an agent may have written: regular files only, never through a link, never blocking, up to a size. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from "node:fs";
import { join } from "node:path";
import { isIntact } from "./real-directory.ts";

export type FileText =
	/** `cut`: the file is longer, this is its beginning */
	{ kind: "text"; text: string; cut: boolean } | { kind: "absent" } | { kind: "refused"; why: string };

/** The file `name` of a task directory, which must not have been replaced by a link. `name` may hold a folder of it. */
export function readTaskFile(dir: string, name: string, limitBytes: number): FileText {
	if (!isIntact(dir)) return { kind: "refused", why: "its task directory is missing or a link" };
	return readRegularFile(join(dir, name), limitBytes);
}

/** At most `limitBytes` of a regular file, as UTF-8 (what is none becomes U+FFFD). Throws nothing. */
export function readRegularFile(path: string, limitBytes: number): FileText {
	try {
		const stats = lstatSync(path, { throwIfNoEntry: false });
		if (stats === undefined) return { kind: "absent" };
		if (!stats.isFile()) return { kind: "refused", why: kindOf(stats) };
		return readNow(path, limitBytes);
	} catch (error) {
		const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
		return code === "ENOENT" ? { kind: "absent" } : { kind: "refused", why: `cannot be read (${code})` };
	}
}

function readNow(path: string, limitBytes: number): FileText {
	// The file may be swapped after the look at it: a link fails here, a FIFO does not block.
	const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		const stats = fstatSync(fd);
		if (!stats.isFile()) return { kind: "refused", why: kindOf(stats) };
		const buffer = Buffer.allocUnsafe(Math.min(stats.size, limitBytes) + 1);
		let length = 0;
		for (let got = -1; got !== 0 && length < buffer.length; length += got) {
			got = readSync(fd, buffer, length, buffer.length - length, null);
		}
		const cut = length > limitBytes;
		return { kind: "text", text: decode(buffer.subarray(0, Math.min(length, limitBytes)), cut), cut };
	} finally {
		closeSync(fd);
	}
}

/** `stream` leaves out a character that the cut has torn apart. */
function decode(bytes: Uint8Array, cut: boolean): string {
	return new TextDecoder().decode(bytes, { stream: cut });
}

function kindOf(stats: Stats): string {
	if (stats.isSymbolicLink()) return "is a link";
	if (stats.isDirectory()) return "is a directory";
	if (stats.isFIFO()) return "is a FIFO";
	return stats.isSocket() ? "is a socket" : "is a device";
}
