/** What writes of ours left behind when they were killed: files, and directories that were being made or removed. */
import { lstatSync } from "node:fs";
import { codeOf, writerOf } from "./atomic-file.ts";
import { type OpenedDirectory, removeTree } from "./opened-directory.ts";

/** One that is older, or of another clock, was left by a process that died. */
const LEFTOVER_MS = 60_000;
/** Ours are few; an agent may put any number of files beside them. */
const NAMES_LOOKED_AT = 10_000;

/** A name carries its writer's pid: one that is dead finishes nothing any more. Throws nothing. */
export async function clearLeftovers(folder: OpenedDirectory): Promise<void> {
	for (const name of namesIn(folder)) {
		const writer = writerOf(name);
		if (writer !== null) await removeLeftover(folder, name, writer);
	}
}

function namesIn(folder: OpenedDirectory): string[] {
	try {
		return folder.names(NAMES_LOOKED_AT);
	} catch {
		return []; // It cannot be read: it does no harm.
	}
}

async function removeLeftover(folder: OpenedDirectory, name: string, writer: number): Promise<void> {
	try {
		const isOld = Math.abs(Date.now() - lstatSync(folder.at(name)).mtimeMs) > LEFTOVER_MS;
		if (isOld || (writer > 1 && !isAlive(writer))) await removeTree(folder, name);
	} catch {
		// It went by itself, or cannot be removed: it does no harm.
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return codeOf(error) !== "ESRCH";
	}
}
