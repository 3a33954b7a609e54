/** Stamps of an agent's files: an equal stamp means that nothing changed, and that a closer look can wait. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Up to so many files under `ipc/` are looked at one by one; over it the directory's own stamp must do. */
const LOOK_AT_FILES = 64;

/** Changes whenever plan.md, output.md, context.md or anything under `ipc/` changed. Cheap, throws nothing. */
export function signsOfLife(dir: string): string {
	const files = ["plan.md", "output.md", "context.md"].map((name) => stampOf(join(dir, name)));
	return [...files, ipcStamp(dir)].join(" ");
}

/** Changes whenever a file under `ipc/` came, went or was filled (agents do not always rename). */
export function ipcStamp(dir: string): string {
	const ipc = join(dir, "ipc");
	const own = stampOf(ipc);
	try {
		const names = lstatSync(ipc).isDirectory() ? readdirSync(ipc) : [];
		if (names.length > LOOK_AT_FILES) return `${own} ${names.length}`;
		return [own, ...names.map((name) => `${name} ${stampOf(join(ipc, name))}`)].join(" ");
	} catch {
		return own;
	}
}

/** Inode, size and time: one clock tick of the file system can hold several writes. */
function stampOf(path: string): string {
	try {
		const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
		return stats === undefined ? "-" : `${stats.ino}:${stats.size}:${stats.mtimeNs}`;
	} catch {
		return "?";
	}
}
