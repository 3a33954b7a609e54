/** Adds to a file of ours that others of this user can reach: a FIFO in its place hangs nobody. */
import { constants, writeFileSync } from "node:fs";
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
