/**
 * The way into a task's directory. An agent may swap any part of it for a link or another directory at any
 * moment: `.dispatch`, `tasks`, the directory and what lies in it are opened one after the other, none of them a
 * link, and everything is done in what was opened.
 */
import { basename, dirname, join } from "node:path";
import { inDirectory, type OpenedDirectory } from "../process/opened-directory.ts";
import { isLocked, type NoFile, readRegularFile } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";

/** Says whose the directory is, see `task-dir.ts`. */
export const STAMP = ".owner.json";
const STAMP_LIMIT_BYTES = 4096;
const ANOTHERS: NoFile = { kind: "refused", why: "is the directory of another task" };

export type Stamp = ReadonlyMap<string, unknown>;

/**
 * @param dir the task directory, absolute
 * @param below directories in it, to be opened as well
 * @returns what stands in the way, or what `use` returns
 * @throws when this process is in trouble, and what `use` throws
 */
export function inTaskDir<T>(
	dir: string,
	use: (opened: OpenedDirectory) => T,
	below: readonly string[] = [],
): T | NoFile {
	const id = basename(dir);
	const tasks = dirname(dir);
	return inDirectory(dirname(tasks), [basename(tasks), id], (opened) => {
		const owner = stampOf(opened).get("id");
		// An agent put another task's directory in the place of its own.
		if (typeof owner === "string" && owner !== id) return ANOTHERS;
		return inDirectory(opened, below, use);
	});
}

/** As `inTaskDir`. @throws DispatchError DISPATCH_BAD_CWD, too */
export function requireTaskDir(dir: string, use: (opened: OpenedDirectory) => void): void {
	const done = inTaskDir(dir, (opened) => {
		use(opened);
		return true as const;
	});
	if (done !== true) throw notUsable(dir, done);
}

/** What the stamp in a task directory says; empty where there is none of ours. */
export function stampOf(opened: OpenedDirectory): Stamp {
	const file = readRegularFile(opened.at(STAMP), STAMP_LIMIT_BYTES);
	if (file.kind !== "text") return new Map();
	try {
		const stamp: unknown = JSON.parse(file.text);
		return new Map(typeof stamp === "object" && stamp !== null ? Object.entries(stamp) : []);
	} catch {
		return new Map();
	}
}

export type Locked = NoFile & { kind: "refused" };

/** What keeps the stamp from being read, so that nobody can know whose the directory is; null: nothing does. */
export function lockOfStamp(opened: OpenedDirectory): Locked | null {
	const file = readRegularFile(opened.at(STAMP), STAMP_LIMIT_BYTES);
	return isLocked(file) ? file : null;
}

/** Another user who owns it could read what is put there, or put something else in its place. */
export function notUsable(path: string, { kind, ...found }: NoFile): DispatchError {
	if (kind === "absent" || !("why" in found) || found.code !== undefined) return notADirectory(path);
	return new DispatchError("DISPATCH_BAD_CWD", `${path} ${found.why}: it is not used.`, {
		hint: `Work in a directory of your own, or have ${path} removed.`,
	});
}

export function notADirectory(path: string): DispatchError {
	return new DispatchError(
		"DISPATCH_BAD_CWD",
		`Expected ${path} to be a directory, found something else there.`,
		{
			hint: `Move ${path} out of the way, then try again.`,
		},
	);
}

/** What a refusal calls a file that is reached by the descriptor of its directory. */
export function nameIn(opened: OpenedDirectory, name: string): string {
	return join(opened.name, name);
}
