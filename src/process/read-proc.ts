/** Files under /proc, of which a look at all processes reads hundreds: into one buffer, and no more calls than needed. */
import { closeSync, openSync, readSync } from "node:fs";

const FIRST_BYTES = 64 * 1024;
let room = Buffer.allocUnsafe(FIRST_BYTES);

/** @returns its bytes, one character each. @throws as `readFileSync` does */
export function readProc(path: string): string {
	const fd = openSync(path, "r");
	try {
		let length = 0;
		for (;;) {
			const read = readSync(fd, room, length, room.length - length, null);
			length += read;
			// The system fills the room while it has something.
			if (length < room.length) return room.toString("latin1", 0, length);
			room = Buffer.concat([room, Buffer.allocUnsafe(room.length)]);
		}
	} finally {
		closeSync(fd);
	}
}
