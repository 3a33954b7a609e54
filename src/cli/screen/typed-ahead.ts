/** What was typed before a screen opened was meant for a shell, or for nothing that is seen. */
import { closeSync, constants, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 4_096;

/**
 * Takes what waits at the terminal and throws it away; waits for nothing.
 * @returns whether there was something
 */
export function dropTypedAhead(): boolean {
	let terminal: number;
	try {
		// Opened anew: stdin may be read by others, who rely on it to wait.
		terminal = openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
	} catch {
		return false;
	}
	let dropped = false;
	try {
		while (readSync(terminal, Buffer.alloc(CHUNK_BYTES)) > 0) dropped = true;
	} catch {
		// Nothing is left.
	} finally {
		closeSync(terminal);
	}
	return dropped;
}
