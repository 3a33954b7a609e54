/** Reads an agent's log while it grows: bounded memory whatever is printed, and a bounded file. */
import { spawn } from "node:child_process";
import { constants, readSync, type Stats } from "node:fs";
import { cutText } from "../task/cut-text.ts";
import { withoutEscapes } from "../task/escapes.ts";
import { withoutSecrets } from "../task/secrets.ts";
import { environmentOfProgram } from "./environment.ts";
import { withRegularFile } from "./read-file.ts";

/** One JSON event of an agent CLI may carry a whole file. */
const LINE_LIMIT_BYTES = 4 * 1024 * 1024;
const CUT = " …[cut]";
const LOG_CAP_BYTES = 32 * 1024 * 1024;
const KEPT_BYTES = 1024 * 1024;
const TAIL_BYTES = 64 * 1024;
/** In which a file's room is counted, by POSIX. */
const BLOCK_BYTES = 512;
const NEWLINE = 10;
const RETURN = 13;
const NO_BYTES = Buffer.alloc(0);

export interface TailLine {
	/** byte offset of the line's start */
	offset: number;
	text: string;
}

export interface TailRead {
	lines: TailLine[];
	/** the byte offset from which another reader would go on */
	offset: number;
	/** how many bytes it took in; 0 at the end */
	bytes: number;
}

export class LogTail {
	readonly #path: string;
	/** where the unfinished line begins */
	#offset: number;
	/** the parts of the unfinished line that were seen, and their length */
	#parts: Buffer[] = [];
	#pending = 0;
	/** bytes of an overlong line that were dropped after `#parts` */
	#dropped = 0;
	/** after a skip: the line in whose middle it ended is no line */
	#isTorn = false;
	#punched = 0;

	constructor(path: string, options: { offset: number }) {
		this.#path = path;
		this.#offset = options.offset;
	}

	/**
	 * @param maxBytes read at most this many
	 * @param options.flush an unfinished last line counts as a line
	 * @param options.maxLines stop after so many lines (empty ones count); the rest stays for the next call
	 */
	read(maxBytes: number, options: { flush?: boolean; maxLines?: number } = {}): TailRead {
		const bytes = readAt(this.#path, this.#position, maxBytes);
		const lines: TailLine[] = [];
		let left = options.maxLines ?? Number.POSITIVE_INFINITY;
		let at = 0;
		for (let end = bytes.indexOf(NEWLINE); end >= 0 && left > 0; end = bytes.indexOf(NEWLINE, at)) {
			this.#finish(bytes.subarray(at, end), lines, 1);
			at = end + 1;
			left--;
		}
		if (left === 0) return { lines, offset: this.#offset, bytes: at };
		this.#extend(bytes.subarray(at));
		const ended = options.flush === true && bytes.length < maxBytes;
		if (ended && this.#pending > 0) this.#finish(NO_BYTES, lines, 0);
		return { lines, offset: this.#offset, bytes: bytes.length };
	}

	/** Bytes that were not read yet. */
	get behind(): number {
		return Math.max(0, sizeOf(this.#path) - this.#position);
	}

	/** Goes on before the last `keptBytes`, with the first whole line there. @returns how many bytes it passed over */
	skipToTail(keptBytes: number): number {
		const skipped = this.behind - keptBytes;
		if (skipped <= 0) return 0;
		this.#offset = this.#position + skipped;
		this.#clear();
		this.#isTorn = true;
		return skipped;
	}

	/** Where the unfinished line begins. */
	get offset(): number {
		return this.#offset;
	}

	get #position(): number {
		return this.#offset + this.#pending + this.#dropped;
	}

	#extend(bytes: Buffer): void {
		const kept = bytes.subarray(0, Math.max(0, LINE_LIMIT_BYTES - this.#pending));
		if (kept.length > 0) this.#parts.push(kept);
		this.#pending += kept.length;
		this.#dropped += bytes.length - kept.length;
	}

	/** @param rest of the line @param newline bytes of its end */
	#finish(rest: Buffer, lines: TailLine[], newline: number): void {
		this.#extend(rest);
		const [first = NO_BYTES] = this.#parts;
		const line = this.#parts.length > 1 ? Buffer.concat(this.#parts, this.#pending) : first;
		const text = this.#isTorn ? "" : textOf(line);
		if (text !== "") lines.push({ offset: this.#offset, text: this.#dropped > 0 ? text + CUT : text });
		this.#isTorn = false;
		this.#offset = this.#position + newline;
		this.#clear();
	}

	#clear(): void {
		this.#parts = [];
		this.#pending = 0;
		this.#dropped = 0;
	}

	/** Gives the disk space of a log over its cap back, up to a little before `upTo`; offsets stay. */
	punchHole(upTo: number): void {
		const length = upTo - KEPT_BYTES;
		if (upTo - this.#punched < LOG_CAP_BYTES || length <= 0) return;
		this.#punched = upTo;
		withRegularFile(this.#path, constants.O_RDWR, {}, (fd) => {
			// By its descriptor: the name may lead elsewhere by now. Where the tool cannot, the log just stays long.
			const args = ["-p", "-o", "0", "-l", String(length), "/dev/fd/3"];
			spawn("fallocate", args, {
				stdio: ["ignore", "ignore", "ignore", fd],
				env: environmentOfProgram(process.env),
			}).on("error", () => {});
		});
	}
}

/** Where what was printed begins: a flood was given back to the disk, which left a hole at the start. NULs that were printed count. */
export function printedFrom(fd: number, { size, blocks }: Pick<Stats, "size" | "blocks">): number {
	if (size < LOG_CAP_BYTES || blocks * BLOCK_BYTES >= size) return 0;
	const bytes = Buffer.alloc(KEPT_BYTES);
	for (let at = 0; at < size; ) {
		const part = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, at));
		const first = part.findIndex((byte) => byte !== 0);
		if (first >= 0 || part.length === 0) return at + Math.max(0, first);
		at += part.length;
	}
	return size;
}

/** A punched hole reads as zeros. */
function textOf(line: Buffer): string {
	const from = line[0] === 0 ? line.findIndex((byte) => byte !== 0) : 0;
	if (from < 0 || line.length === 0) return "";
	const to = line[line.length - 1] === RETURN ? line.length - 1 : line.length;
	return line.toString("utf8", from, to);
}

/** 0 where there is no regular file, as for `readAt`. @throws when it cannot be known what is there */
function sizeOf(path: string): number {
	const size = withRegularFile(path, constants.O_RDONLY, {}, (_, stats) => stats.size);
	return typeof size === "number" ? size : 0;
}

/** Nothing where there is no regular file. @throws when it cannot be known what is there */
function readAt(path: string, offset: number, maxBytes: number): Buffer {
	const read = withRegularFile(path, constants.O_RDONLY, {}, (fd, { size }) => {
		const bytes = Buffer.alloc(Math.min(maxBytes, Math.max(0, size - offset)));
		return bytes.subarray(0, bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, offset));
	});
	return Buffer.isBuffer(read) ? read : Buffer.alloc(0);
}

/** The last lines of a log, without terminal control sequences; nothing of a line that begins before its last 64 KiB. */
export function tailLines(path: string, count: number): string[] {
	return (
		withoutEscapes(tailOf(path).toString("utf8").replaceAll("\0", ""))
			.split(/\r?\n/)
			// What a progress display left standing.
			.map((line) => line.slice(line.lastIndexOf("\r") + 1))
			.filter((line) => line.trim() !== "")
			.slice(-count)
			.map((line) => cutText(withoutSecrets(line), 500))
	);
}

/** From the beginning of a line: a part of a secret would not be known as one. */
function tailOf(path: string): Buffer {
	const from = sizeOf(path) - TAIL_BYTES;
	if (from <= 0) return readAt(path, 0, TAIL_BYTES);
	// One byte more: it tells whether the first line is whole.
	const bytes = readAt(path, from - 1, TAIL_BYTES + 1);
	const end = bytes.findIndex((byte) => byte === NEWLINE || byte === RETURN);
	return end < 0 ? NO_BYTES : bytes.subarray(end + 1);
}
