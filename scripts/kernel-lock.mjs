/** A lock between scripts that run at the same time. The kernel frees it at any end of this process. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Waits for the lock on `path`. Without the program `flock` (macOS) there is none: what the scripts write
 * is renamed into place, so that two at once do double work and no harm.
 * @returns {() => void} gives it back
 */
export function lock(path) {
	mkdirSync(dirname(path), { recursive: true });
	const fd = openSync(path, "a");
	spawnSync("flock", ["3"], { stdio: ["ignore", "ignore", "ignore", fd] });
	return () => closeSync(fd);
}
