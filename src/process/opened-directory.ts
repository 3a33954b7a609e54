/**
 * Work in a directory that somebody may swap at any moment for a link or another one: it is opened once, and
 * everything is done through its descriptor (`/proc/self/fd/N/name`), which leads to it wherever it was moved.
 * Node has no openat(2). Where descriptors have no such names (macOS), the path itself is used: what is there
 * was looked at, but a swap at the very moment is not noticed.
 */
import { randomUUID } from "node:crypto";
import {
	closeSync,
	constants,
	type Dir,
	existsSync,
	fchmodSync,
	fstatSync,
	opendirSync,
	openSync,
	renameSync,
	rmdirSync,
	unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { codeOf } from "./atomic-file.ts";
import { isOurTrouble, type NoFile } from "./read-file.ts";

const DESCRIPTORS = "/proc/self/fd";
const HAS_DESCRIPTORS = existsSync(DESCRIPTORS);

const WRITABLE_BY_OTHERS = 0o022;
const MODE_BITS = 0o7777;

export interface OpenOptions {
	/** true for a directory that the user names. Never for an agent's */
	links?: boolean;
}

export class OpenedDirectory {
	/** as people know it, for messages */
	readonly name: string;
	readonly #fd: number;

	private constructor(fd: number, name: string) {
		this.#fd = fd;
		this.name = name;
	}

	/** @throws only what `isOurTrouble` */
	static open(path: string, options: OpenOptions = {}, name = path): OpenedDirectory | NoFile {
		const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
		try {
			const flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | (options.links ? 0 : O_NOFOLLOW);
			const fd = openSync(path, flags);
			if (options.links || isOurs(fstatSync(fd).uid)) return new OpenedDirectory(fd, name);
			closeSync(fd);
			return { kind: "refused", why: "belongs to another user" };
		} catch (error) {
			if (isOurTrouble(error)) throw error;
			const code = codeOf(error) ?? "unknown error";
			if (code === "ENOENT") return { kind: "absent" };
			const isOther = code === "ENOTDIR" || code === "ELOOP";
			return { kind: "refused", why: isOther ? "is no directory" : `cannot be read (${code})`, code };
		}
	}

	/** Takes the right to write away from everybody else. @throws what the system refuses */
	makePrivate(): void {
		const { mode } = fstatSync(this.#fd);
		if ((mode & WRITABLE_BY_OTHERS) !== 0) fchmodSync(this.#fd, mode & ~WRITABLE_BY_OTHERS & MODE_BITS);
	}

	/** The way to what is called `name` in it, for one call; valid until `close`. */
	at(name: string): string {
		return HAS_DESCRIPTORS ? `${DESCRIPTORS}/${this.#fd}/${name}` : join(this.name, name);
	}

	/** A directory in it, which must be this user's (or root's) and no link. @throws only what `isOurTrouble` */
	inside(name: string): OpenedDirectory | NoFile {
		return OpenedDirectory.open(this.at(name), {}, join(this.name, name));
	}

	/** @param most only the first so many: an agent may put a million there. @throws what the system refuses */
	names(most: number): string[] {
		const names: string[] = [];
		const directory = this.list();
		try {
			while (names.length < most) {
				const entry = directory.readSync();
				if (entry === null) break;
				names.push(entry.name);
			}
		} finally {
			directory.closeSync();
		}
		return names;
	}

	/** For a directory of any size. @throws what the system refuses */
	list(): Dir {
		return opendirSync(this.at("."), { bufferSize: 256 });
	}

	isSame(other: OpenedDirectory): boolean {
		const [mine, theirs] = [fstatSync(this.#fd), fstatSync(other.#fd)];
		return mine.ino === theirs.ino && mine.dev === theirs.dev;
	}

	close(): void {
		closeSync(this.#fd);
	}
}

/**
 * Opens a directory (through a link if `options` say so), then each of `names` in the one before, and uses the last
 * one; what `use` promises is waited for before they are closed.
 * @throws what `isOurTrouble`, and what `use` throws
 */
export function inDirectory<T>(
	start: OpenedDirectory | string,
	names: readonly string[],
	use: (opened: OpenedDirectory) => T,
	options: OpenOptions = {},
): T | NoFile {
	const [name, ...rest] = names;
	if (typeof start !== "string" && name === undefined) return use(start);
	const opened = typeof start === "string" ? OpenedDirectory.open(start, options) : start.inside(name ?? ".");
	if (!(opened instanceof OpenedDirectory)) return opened;
	let used: T | NoFile | undefined;
	try {
		used = inDirectory(opened, typeof start === "string" ? names : rest, use);
		return used instanceof Promise ? (used.finally(() => opened.close()) as T) : used;
	} finally {
		if (!(used instanceof Promise)) opened.close();
	}
}

/** What an agent filled may hold a million entries: after so many the other work has its turn. */
const ENTRIES_PER_TURN = 200;

/** Deletes a file, a link, or a directory with all that is in it, in turns. @throws what the system refuses */
export async function removeTree(directory: OpenedDirectory, name: string): Promise<void> {
	let left = ENTRIES_PER_TURN;
	for (const _ of removing(directory, name)) {
		left--;
		if (left > 0) continue;
		left = ENTRIES_PER_TURN;
		await turn();
	}
}

/** As `removeTree`, by its path. Of a folder that is not there there is nothing to delete. @throws what the system refuses */
export async function removePath(path: string): Promise<void> {
	await inDirectory(dirname(path), [], (parent) => removeTree(parent, basename(path)), { links: true });
}

/**
 * The names in a folder that an agent may have filled, in turns; none where there is none.
 * @throws what the system refuses
 */
export async function* namesInTurns(folder: string): AsyncGenerator<string> {
	let left = ENTRIES_PER_TURN;
	for (const name of namesOneByOne(folder)) {
		yield name;
		if (--left > 0) continue;
		left = ENTRIES_PER_TURN;
		await turn();
	}
}

function* namesOneByOne(folder: string): Generator<string> {
	let directory: Dir;
	try {
		directory = opendirSync(folder, { bufferSize: ENTRIES_PER_TURN });
	} catch (error) {
		if (codeOf(error) === "ENOENT") return;
		throw error;
	}
	try {
		for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry.name;
	} finally {
		directory.closeSync();
	}
}

/** As `removeTree`, for the little that we have just made ourselves. */
export function removeTreeAtOnce(directory: OpenedDirectory, name: string): void {
	Array.from(removing(directory, name));
}

/** Deletes a directory, unless something is in it by now. @throws what the system refuses */
export function removeEmpty(directory: OpenedDirectory, name: string): void {
	attempt(["ENOENT", "ENOTEMPTY", "EEXIST"], () => rmdirSync(directory.at(name)));
}

/** Yields after each entry. */
function* removing(directory: OpenedDirectory, name: string): Generator<void> {
	if (attempt(["ENOENT", "EISDIR", "EPERM"], () => unlinkSync(directory.at(name)))) return;
	const opened = directory.inside(name);
	if (opened instanceof OpenedDirectory) {
		try {
			yield* emptying(opened);
		} finally {
			opened.close();
		}
	}
	attempt(["ENOENT"], () => rmdirSync(directory.at(name)));
}

/** root may be at home in anybody's directory, as in a container with a mounted project. */
function isOurs(uid: number): boolean {
	const me = process.geteuid?.() ?? uid;
	return uid === me || uid === 0 || me === 0;
}

/** A living swapper could keep us busy for ever. */
const ROUNDS_WITHOUT_SUCCESS = 1_000;
/** of a round */
const ENTRIES_AT_ONCE = 1_000;

/**
 * Deletes everything in it. What lies deeper is first moved up into the directory itself, so that a tree of any
 * depth takes two descriptors, and no way leads through a directory that could be swapped meanwhile.
 * @throws what the system refuses
 */
function* emptying(directory: OpenedDirectory): Generator<void> {
	for (let left = ROUNDS_WITHOUT_SUCCESS; left > 0; left--) {
		const names = directory.names(ENTRIES_AT_ONCE);
		if (names.length === 0) return;
		for (const name of names) {
			if (yield* removingEntry(directory, name)) left = ROUNDS_WITHOUT_SUCCESS;
			yield;
		}
	}
	throw new Error(`something in ${directory.name} cannot be removed, or comes back again and again`);
}

/** A file, a link, or a directory; what that has of directories lies in `directory` then. @returns whether something went */
function* removingEntry(directory: OpenedDirectory, name: string): Generator<void, boolean> {
	if (attempt(["ENOENT", "EISDIR", "EPERM"], () => unlinkSync(directory.at(name)))) return true;
	const inner = directory.inside(name);
	if (!(inner instanceof OpenedDirectory)) return false;
	let went = false;
	try {
		for (const each of inner.names(ENTRIES_AT_ONCE)) {
			went = removeOrMoveUp(inner.at(each), directory) || went;
			yield;
		}
	} finally {
		inner.close();
	}
	return attempt(["ENOENT", "ENOTDIR", "ENOTEMPTY"], () => rmdirSync(directory.at(name))) || went;
}

/** An empty directory may be removed where it may not be moved. @returns whether it went */
function removeOrMoveUp(path: string, to: OpenedDirectory): boolean {
	if (attempt(["ENOENT", "EISDIR", "EPERM"], () => unlinkSync(path))) return true;
	if (attempt(["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR"], () => rmdirSync(path))) return true;
	return attempt(["ENOENT"], () => renameSync(path, to.at(`.${randomUUID()}`)));
}

/** @returns false: it failed with one of the codes */
function attempt(codes: readonly string[], act: () => void): boolean {
	try {
		act();
		return true;
	} catch (error) {
		if (codes.includes(codeOf(error) ?? "")) return false;
		throw error;
	}
}
