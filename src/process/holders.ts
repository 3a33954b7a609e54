/**
 * Who holds a run's FIFO as an agent inherits it (for reading and writing); Linux only. The last that an agent is
 * known by: it may have left its group, emptied its environment, and removed or replaced every file of its run. One
 * that closed the FIFO too, or moved it away, is not known any more: only a sandbox holds it.
 */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pidsHolding } from "./processes.ts";
import { fifoPath, fifosOf, type RunDir } from "./run-dir.ts";

/** @throws what keeps it from looking */
export function holdersOf(run: RunDir): number[] {
	const own = fifoPath(run);
	const there = lstatSync(own, { throwIfNoEntry: false });
	const real = join(realPathOf(dirname(own)), basename(own));
	return pidsHolding((path, numbers) => {
		if (path === real) return true;
		if (there?.isFIFO() !== true) return false;
		const held = numbers();
		return held?.ino === there.ino && held.dev === there.dev;
	});
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
