/**
 * A server whose directory somebody moved while it ran: nobody finds it at its path, and it serves on whom it has. Its
 * data lie where it works now, so nothing of it is ever lost.
 */
import { renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isThere } from "../../process/atomic-file.ts";
import { heldPath, isOnMount, isSameFile, listPids, mountAt, numbersOf } from "../../process/processes.ts";
import { isServer, LOCK_FD, listens, type ServerPlace } from "./server-place.ts";

interface MovedServer {
	pid: number;
	/** where its directory lies now; null: it was removed there */
	dir: string | null;
}

/** Of this place, by the socket that they listen at. Empty where there is no /proc. */
export function movedServers({ home, dir, socketPath }: ServerPlace): MovedServer[] {
	return listPids().flatMap((pid): MovedServer[] => {
		if (!isServer(pid, socketPath) || !listens(pid, socketPath)) return [];
		const now = heldPath(pid, "cwd");
		const own = numbersOf(`/proc/${pid}/cwd`);
		// What was removed at its path is found by that.
		if (now === null || now === dir || own === null || isSameFile(own, numbersOf(dir))) return [];
		// One of another container has its files elsewhere, whatever their paths.
		if (own.nlink === 0) return isOnMount(pid, String(LOCK_FD), mountAt(home)) ? [{ pid, dir: null }] : [];
		return isSameFile(own, numbersOf(now)) && !isInOtherHome(now) ? [{ pid, dir: now }] : [];
	});
}

/** All of its state directory was moved: it is that one's server. */
function isInOtherHome(dir: string): boolean {
	return basename(dir) === "redis" && isThere(join(dirname(dir), "home-id"));
}

/**
 * Puts the directory of a moved server back, where nothing stands in its place: it serves on. Where something does,
 * what stands there is taken for what is wanted, and the server ends in good order.
 * @param warn told where the data lie
 */
export function settleMoved(place: ServerPlace, warn: (line: string) => void): void {
	for (const { pid, dir } of movedServers(place)) {
		if (dir !== null && putBack(dir, place.dir)) {
			warn(`${place.dir} had been moved to ${dir} while its server ran: it was put back.`);
			continue;
		}
		try {
			process.kill(pid, "SIGTERM");
			warn(`${place.dir} had been moved while its server ran. ${whereabouts(dir, place.dir)}`);
		} catch {
			// It ended in between.
		}
	}
}

function whereabouts(dir: string | null, wanted: string): string {
	if (dir === null) return "What was known is gone: it was removed where it had been moved to.";
	return `Something else stands in its place, and counts from now on. What was known lies in ${dir}: to go back to it, \`dispatch down\`, then move it to ${wanted}.`;
}

/** rename(2) replaces an empty directory and no other: of two who do this at once none takes away what the other put. */
function putBack(from: string, to: string): boolean {
	try {
		renameSync(from, to);
		return true;
	} catch {
		// Somebody was faster, or has put something there.
		return false;
	}
}
