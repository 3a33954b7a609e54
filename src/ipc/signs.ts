/** Stamps of an agent's files: an equal stamp means that nothing changed, and that a closer look can wait. */
import { lstatSync } from "node:fs";
import type { OpenedDirectory } from "../process/opened-directory.ts";
import { inTaskDir } from "./opened-task.ts";

/** Up to so many files under `ipc/` are looked at one by one; over it the directory's own stamp must do. */
const LOOK_AT_FILES = 64;
/** Nor are more than so many counted. */
const COUNTED_FILES = 10_000;
const CANNOT_LOOK = "?";

/** Changes whenever plan.md, output.md, context.md or anything under `ipc/` changed. Cheap, throws nothing. */
export function signsOfLife(dir: string): string {
	return stampIn(dir, (task) =>
		[...["plan.md", "output.md", "context.md", "ipc"].map((name) => stampOf(task, name)), ipcStamp(dir)].join(
			" ",
		),
	);
}

/** Changes whenever a file under `ipc/` came, went or was filled (agents do not always rename). */
export function ipcStamp(dir: string): string {
	return stampIn(dir, stampOfAll, ["ipc"]);
}

function stampIn(dir: string, use: (opened: OpenedDirectory) => string, below: string[] = []): string {
	try {
		const stamp = inTaskDir(dir, use, below);
		return typeof stamp === "string" ? stamp : `${CANNOT_LOOK}${stamp.kind}`;
	} catch {
		return CANNOT_LOOK;
	}
}

function stampOfAll(ipc: OpenedDirectory): string {
	const own = stampOf(ipc, ".");
	const names = ipc.names(COUNTED_FILES);
	if (names.length > LOOK_AT_FILES) return `${own} ${names.length}`;
	return [own, ...names.map((name) => `${name} ${stampOf(ipc, name)}`)].join(" ");
}

/** Inode, size and time: one clock tick of the file system can hold several writes. */
function stampOf(directory: OpenedDirectory, name: string): string {
	try {
		const stats = lstatSync(directory.at(name), { bigint: true, throwIfNoEntry: false });
		return stats === undefined ? "-" : `${stats.ino}:${stats.size}:${stats.mtimeNs}`;
	} catch {
		return CANNOT_LOOK;
	}
}
