/**
 * Who holds a run's FIFO as an agent inherits it (for reading and writing); Linux only. The last that an agent is
 * known by: it may have left its group, emptied its environment, and removed or replaced every file of its run. One
 * that closed the FIFO too, or moved it away, is not known any more: only a sandbox holds it.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "./atomic-file.ts";
import { isSameFile, mountAt, pidsHolding } from "./processes.ts";
import { meansAbsent } from "./read-file.ts";
import { fifoPath, fifosOf, type RunDir } from "./run-dir.ts";

const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** EAGAIN: something with a lease took its place. */
const NOT_OURS = ["ELOOP", "EACCES", "EAGAIN"];
/** Of a start, or of its check. */
const FIFO_OF_RUN = /\/runs(\/[^/]+\/\d+(?:\/verify)?\/alive)$/;

/**
 * Lazy: who signals at once hits a process before its pid can be another's.
 * @throws what keeps it from looking
 */
export function* holdersOf(run: RunDir): Generator<number> {
	const own = fifoPath(run);
	const { base, real } = placeOf(own);
	const mount = mountAt(base);
	// Held open during the look: once free, its number is the next file's, perhaps another run's FIFO.
	const opened = openFifo(own);
	try {
		const there = opened === null ? null : fstatSync(opened);
		yield* pidsHolding(({ path, numbers, isOn }) => {
			if (path === real && isOn(mount)) return true;
			// A hard link to another run's FIFO makes nobody of that one of this.
			const start = FIFO_OF_RUN.exec(path)?.[0];
			if (there?.isFIFO() !== true || (start !== undefined && !real.endsWith(start))) return false;
			return isSameFile(numbers(), there);
		});
	} finally {
		if (opened !== null) closeSync(opened);
	}
}

/** null: it is away, or an agent put something there that is none of ours to open */
function openFifo(path: string): number | null {
	try {
		if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return null;
		return openSync(path, READ_ONLY);
	} catch (error) {
		if (meansAbsent(error) || NOT_OURS.includes(codeOf(error) ?? "")) return null;
		throw error;
	}
}

/** Of any start of the task, whatever its run directories say. @throws what keeps it from looking */
export function holdersOfTask(home: string, task: string): number[] {
	const [isFifo, mount] = [fifosOf(home, task), mountAt(realPathOf(home))];
	return [...pidsHolding(({ path, isOn }) => isFifo(path) && isOn(mount))];
}

/** As the system names what was made there. A link in the place of a directory of ours leads to another run: that is not it. */
function placeOf(fifo: string): { base: string; real: string } {
	const inRuns = FIFO_OF_RUN.exec(fifo)?.[1] ?? `/${basename(fifo)}`;
	const base = realPathOf(fifo.slice(0, -inRuns.length));
	return { base, real: join(base, inRuns) };
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
