/**
 * Who holds a run's FIFO as an agent inherits it (for reading and writing); Linux only. The last that an agent is
 * known by: it may have left its group, emptied its environment, and removed or replaced every file of its run. One
 * that closed the FIFO too, or moved it away, is not known any more: only a sandbox holds it.
 */
import { closeSync, constants, fstatSync, openSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "./atomic-file.ts";
import { pidsHolding } from "./processes.ts";
import { meansAbsent } from "./read-file.ts";
import { fifoPath, fifosOf, type RunDir } from "./run-dir.ts";

const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** @throws what keeps it from looking */
export function holdersOf(run: RunDir): number[] {
	const own = fifoPath(run);
	const real = join(realPathOf(dirname(own)), basename(own));
	// Held open during the look: once free, its number is the next file's, perhaps another run's FIFO.
	const opened = openOrNull(own);
	try {
		const there = opened === null ? null : numbersOf(opened);
		return pidsHolding((path, numbers) => {
			if (path === real) return true;
			if (there === null) return false;
			const held = numbers();
			return held?.ino === there.ino && held.dev === there.dev;
		});
	} finally {
		if (opened !== null) closeSync(opened);
	}
}

/** null: it is away, or an agent put something there that is none of ours to open */
function openOrNull(path: string): number | null {
	try {
		return openSync(path, READ_ONLY);
	} catch (error) {
		if (meansAbsent(error) || ["ELOOP", "EACCES"].includes(codeOf(error) ?? "")) return null;
		throw error;
	}
}

/** null: no FIFO, or one that has another name too, which may be another run's */
function numbersOf(opened: number): Stats | null {
	const stats = fstatSync(opened);
	return stats.isFIFO() && stats.nlink === 1 ? stats : null;
}

/** Of any start of the task, whatever its run directories say. @throws what keeps it from looking */
export function holdersOfTask(home: string, task: string): number[] {
	return pidsHolding(fifosOf(home, task));
}

/** As the system names it, also where parts of it are gone. */
function realPathOf(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		const parent = dirname(path);
		return parent === path ? path : join(realPathOf(parent), basename(path));
	}
}
