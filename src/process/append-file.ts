/** Adds to a file of ours that others of this user can reach: a FIFO in its place hangs nobody. */
import { closeSync, constants, fstatSync, openSync, writeFileSync } from "node:fs";
import { diskError, publishNew } from "./atomic-file.ts";
import { withRegularFile } from "./read-file.ts";

/** Makes the file where it is missing. @throws DISPATCH_DISK, also when something else stands there */
export function appendToFile(path: string, text: string): void {
	try {
		if (publishNew(path, text)) return;
		const added = withRegularFile(path, constants.O_WRONLY | constants.O_APPEND, {}, (fd) => {
			writeFileSync(fd, text);
			return true as const;
		});
		if (added !== true) throw new Error(added.kind === "absent" ? "it vanished" : `it ${added.why}`);
	} catch (error) {
		throw diskError(path, error);
	}
}

/**
 * Opens a file of ours for what outlives this call: a lock, the output of a program. It may be a link of the user's, or
 * lead to /dev/null.
 * @param flags `a`: at its end; `w`: anew
 * @returns the descriptor, which the caller closes. @throws DISPATCH_DISK, also when something else stands there
 */
export function openToWrite(path: string, flags: "a" | "w"): number {
	const { O_WRONLY, O_CREAT, O_NONBLOCK, O_APPEND, O_TRUNC } = constants;
	try {
		const fd = openSync(path, O_WRONLY | O_CREAT | O_NONBLOCK | (flags === "a" ? O_APPEND : O_TRUNC), 0o600);
		const stats = fstatSync(fd);
		if (stats.isFile() || stats.isCharacterDevice()) return fd;
		closeSync(fd);
		throw new Error("it is no file");
	} catch (error) {
		throw diskError(path, error);
	}
}
