/**
 * The one way to open what somebody else can reach (an agent's files, a run's, a file the user names): regular
 * files only, never blocking, up to a size. What is something else is refused and hangs nothing; what cannot
 * be known because this process is in trouble is thrown and never taken as "not there".
 */
import {
	closeSync,
	constants,
	fstatSync,
	lstatSync,
	openSync,
	read,
	readFileSync,
	readSync,
	type Stats,
	statfsSync,
	statSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { DispatchError } from "../task/errors.ts";
import { codeOf } from "./atomic-file.ts";

/** What stands in the way of a look; `code` is the system's, where it refused. */
export type NoFile = { kind: "absent" } | { kind: "refused"; why: string; code?: string };
/** `cut`: the file is longer, this is its beginning */
export type FileBytes = { kind: "bytes"; bytes: Buffer; cut: boolean } | NoFile;
export type FileText = { kind: "text"; text: string; cut: boolean } | NoFile;

export interface ReadOptions {
	/** true for files that the user names: a config may be a link into another folder. Never for an agent's */
	links?: boolean;
	/** its writer makes it anew where it cannot be read: whoever keeps it shut by a lease is not waited for */
	rewritten?: boolean;
	/** what else stands against the file that was opened; null: nothing does */
	refusal?: (stats: Stats) => string | null;
}

/** For what an agent says: a second name leads to another file of this user's, such as one of the state directory. */
export const HARD_LINK = "is a hard link: it has another name elsewhere";

const CHUNK_BYTES = 64 * 1024;
const COPY_CHUNK_BYTES = 1024 * 1024;
const OWNER_ONLY = 0o600;

/** Whether a failed look proves that nothing is there: no name, a file on the way, a FIFO without a reader. */
export function meansAbsent(error: unknown): boolean {
	return ["ENOENT", "ENOTDIR", "ENXIO"].includes(codeOf(error) ?? "");
}

/** Whether this process is short of descriptors or memory, at first hand or as the cause: it passes. */
export function isShortage(error: unknown): boolean {
	return hasCode(error, ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]);
}

/** Whether a file system, or this user's share of it, has no room left, at first hand or as the cause: it passes. */
export function isDiskFull(error: unknown): boolean {
	return hasCode(error, ["ENOSPC", "EDQUOT"]);
}

const LEAST_ROOM_BYTES = 64 * 1024;

/** Whether the file system of a directory has hardly a byte left; false where that cannot be told. */
export function hasNoRoom(path: string): boolean {
	try {
		const { bavail, bsize } = statfsSync(path);
		return bavail * bsize < LEAST_ROOM_BYTES;
	} catch {
		return false;
	}
}

const LEASED = "EAGAIN";
/**
 * A lease that keeps a file shut is broken by the kernel after /proc/sys/fs/lease-break-time, 45 s unless set otherwise
 * (fcntl(2)): so long it is waited out, as a shortage is. Who takes it again and again has locked the file.
 */
const LEASE_LIMIT_MS = Number(process.env.DISPATCH_LEASE_LIMIT_MS) || 90_000;
/** Longer than any pause between two looks: a step is tried again after a minute, a start that waits for a place later. */
const FORGOTTEN_MS = Math.max(LEASE_LIMIT_MS, 30 * 60_000);
const LEASES_MAX = 1_000;

interface Shut {
	/** ms of the process's clock */
	since: number;
	last: number;
	/** those found shut (device and number) and not open since */
	files: Set<string>;
}

/**
 * Where files are found shut, by directory (device and number), not by file: who reads several of them one after the
 * other waits once for all that one holds shut. It is over when each of them has been opened.
 */
const shutIn = new Map<string, Shut>();

/** Whether leases have kept files beside this one, or of the directory around it, shut for longer than one may. */
function isShutForGood(path: string, file: Stats): boolean {
	const now = performance.now();
	const folder = dirname(path);
	const [own, around] = [numberOf(folder), numberOf(`${folder}/..`)].map((key) => {
		const shut = shutIn.get(key);
		return { key, shut: shut !== undefined && now - shut.last <= FORGOTTEN_MS ? shut : undefined };
	});
	const since = Math.min(own?.shut?.since ?? now, around?.shut?.since ?? now);
	if (shutIn.size >= LEASES_MAX) shutIn.clear();
	const files = (own?.shut?.files ?? new Set()).add(idOf(file));
	shutIn.set(own?.key ?? path, { since, last: now, files });
	return now - since > LEASE_LIMIT_MS;
}

function noteOpen(file: Stats): void {
	for (const [key, { files }] of shutIn) if (files.delete(idOf(file)) && files.size === 0) shutIn.delete(key);
}

function idOf({ dev, ino }: Stats): string {
	return `${dev}:${ino}`;
}

function numberOf(folder: string): string {
	const stats = statSync(folder, { throwIfNoEntry: false });
	return stats === undefined ? folder : idOf(stats);
}

/** Whether a file is there, but was locked by somebody: by its mode, or by a lease. What it holds is not known. */
export function isLocked(file: { kind: string } | NoFile): file is NoFile & { kind: "refused" } {
	return file.kind === "refused" && "code" in file && ["EACCES", LEASED].includes(file.code ?? "");
}

/** Of the error itself, or of what caused it. */
function hasCode(error: unknown, codes: readonly string[]): boolean {
	if (codes.includes(codeOf(error) ?? "")) return true;
	return error instanceof Error && error.cause !== undefined && hasCode(error.cause, codes);
}

/** Whether a failed look says nothing about the file: descriptors, memory or the disk failed us. It may be tried again. */
export function isOurTrouble(error: unknown): boolean {
	return isShortage(error) || ["EIO", "ESTALE"].includes(codeOf(error) ?? "");
}

/** Whether somebody keeps the file shut by a lease. */
export function isShut(error: unknown): boolean {
	return hasCode(error, [LEASED]);
}

/** `7: LEASE  BREAKING READ 4711 fe:00:2376796 0 EOF`: whose it is, and of which file. */
const LEASE = /^\d+: LEASE +\w+ +\w+ +(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /gm;

/** Who keeps it so is ended, or asked: nobody else can give it back. */
function leasedText(path: string): string {
	const text = "Another program keeps it shut by a lease (fcntl)";
	try {
		const file = String(statSync(path).ino);
		const leases = [...readFileSync("/proc/locks", "latin1").matchAll(LEASE)];
		const pid = leases.find(([, , inode]) => inode === file)?.[1];
		if (pid !== undefined) return `${text}: \`ps -p ${pid}\` shows it, \`kill -9 ${pid}\` ends it.`;
	} catch {
		// Not every system tells.
	}
	return `${text}: \`fuser ${path}\` tells which.`;
}

/** What to say where it is not known what a file holds, or whether it is there. */
export function notLookedAt(path: string, cause: unknown): DispatchError {
	const why = cause instanceof Error ? cause.message.split(",")[0] : String(cause);
	const passes = isShut(cause) ? leasedText(path) : "It passes: try again.";
	const hint = isOurTrouble(cause) ? passes : "Make it readable for you.";
	return new DispatchError("DISPATCH_DISK", `${path} cannot be looked at: ${why}.`, { cause, hint });
}

/**
 * At most `limitBytes` of a regular file, as UTF-8 (what is none becomes U+FFFD).
 * @throws only what `isOurTrouble`
 */
export function readRegularFile(path: string, limitBytes: number, options: ReadOptions = {}): FileText {
	const file = readRegularBytes(path, limitBytes, options);
	if (file.kind !== "bytes") return file;
	// `stream` leaves out a character that the cut has torn apart.
	return { kind: "text", text: new TextDecoder().decode(file.bytes, { stream: file.cut }), cut: file.cut };
}

/** As `readRegularFile`, undecoded. @throws only what `isOurTrouble` */
export function readRegularBytes(path: string, limitBytes: number, options: ReadOptions = {}): FileBytes {
	return withRegularFile(path, constants.O_RDONLY, options, (fd): FileBytes => {
		const bytes = readUpTo(fd, limitBytes + 1);
		const cut = bytes.length > limitBytes;
		return { kind: "bytes", bytes: cut ? bytes.subarray(0, limitBytes) : bytes, cut };
	});
}

/**
 * Opens a regular file, uses its descriptor and closes it.
 * @param flags of open(2); links are not followed unless `options` say so, and nothing blocks
 * @throws what `isOurTrouble`, and what `use` throws
 */
export function withRegularFile<T>(
	path: string,
	flags: number,
	options: ReadOptions,
	use: (fd: number, stats: Stats) => T,
): T | NoFile {
	const opened = openRegularFile(path, flags, options);
	if ("kind" in opened) return opened;
	try {
		return use(opened.fd, opened.stats);
	} finally {
		closeSync(opened.fd);
	}
}

/** As `withRegularFile`, for who closes the descriptor himself. @throws what `isOurTrouble` */
export function openRegularFile(
	path: string,
	flags: number,
	options: ReadOptions = {},
): { fd: number; stats: Stats } | NoFile {
	let before: Stats | undefined;
	try {
		// Looked at before it is opened: opening a device may do something.
		before = options.links ? statSync(path) : lstatSync(path);
		if (!before.isFile()) return { kind: "refused", why: kindOf(before) };
		const fd = openSync(path, flags | constants.O_NONBLOCK | (options.links ? 0 : constants.O_NOFOLLOW));
		// It may have been swapped since.
		const stats = fstatSync(fd);
		if (shutIn.size > 0) noteOpen(stats);
		const why = stats.isFile() ? (options.refusal?.(stats) ?? null) : kindOf(stats);
		if (why === null) return { fd, stats };
		closeSync(fd);
		return { kind: "refused", why };
	} catch (error) {
		const isShut =
			codeOf(error) === LEASED &&
			(options.rewritten || (before !== undefined && isShutForGood(path, before)));
		if (isOurTrouble(error) && !isShut) throw error;
		return noFile(error);
	}
}

/**
 * Copies a regular file in chunks, so that nobody waits for it and it takes no memory.
 * @param to is made, and must not be there
 * @returns what stands in the way; null: it is copied
 * @throws what `isOurTrouble`, and what the system refuses for `to`
 */
export async function copyRegularFile(from: string, to: string, limitBytes: number): Promise<NoFile | null> {
	const opened = openRegularFile(from, constants.O_RDONLY);
	if ("kind" in opened) return opened;
	const tooLarge: NoFile = { kind: "refused", why: `is larger than ${limitBytes / 1024 / 1024} MiB` };
	try {
		if (opened.stats.size > limitBytes) return tooLarge;
		const copy = await open(to, "wx", OWNER_ONLY);
		try {
			const chunk = Buffer.allocUnsafe(COPY_CHUNK_BYTES);
			for (let bytes = 0; ; ) {
				const got = await readFrom(opened.fd, chunk);
				if (got === 0) return null;
				bytes += got;
				if (bytes > limitBytes) return tooLarge;
				await copy.writeFile(chunk.subarray(0, got));
			}
		} finally {
			await copy.close();
		}
	} finally {
		closeSync(opened.fd);
	}
}

function readFrom(fd: number, into: Buffer): Promise<number> {
	return new Promise((resolve, reject) => {
		read(fd, into, 0, into.length, null, (error, got) => (error ? reject(error) : resolve(got)));
	});
}

function noFile(error: unknown): NoFile {
	const code = codeOf(error) ?? "unknown error";
	if (code === "ENOENT") return { kind: "absent" };
	const why = { ELOOP: "is a link", [LEASED]: "is kept shut by a lease" }[code] ?? `cannot be read (${code})`;
	return { kind: "refused", why, code };
}

function readUpTo(fd: number, most: number): Buffer {
	const chunks: Buffer[] = [];
	for (let left = most; left > 0; ) {
		const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
		const got = readSync(fd, chunk, 0, chunk.length, null);
		if (got === 0) break;
		chunks.push(chunk.subarray(0, got));
		left -= got;
	}
	return Buffer.concat(chunks);
}

function kindOf(stats: Stats): string {
	if (stats.isSymbolicLink()) return "is a link";
	if (stats.isDirectory()) return "is a directory";
	if (stats.isFIFO()) return "is a FIFO";
	return stats.isSocket() ? "is a socket" : "is a device";
}
