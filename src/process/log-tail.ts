/** Reads an agent's log while it grows: bounded memory whatever is printed, and a bounded file. */
import { execFile } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { cutText } from "../task/cut-text.ts";

/** One JSON event of an agent CLI may carry a whole file. */
const LINE_LIMIT_BYTES = 4 * 1024 * 1024;
const CUT = " …[cut]";
const LOG_CAP_BYTES = 32 * 1024 * 1024;
const KEPT_BYTES = 1024 * 1024;
const TAIL_BYTES = 64 * 1024;
const NEWLINE = 10;

export interface TailLine {
	/** byte offset of the line's start */
	offset: number;
	text: string;
}

export class LogTail {
	readonly #path: string;
	/** where the unfinished line begins */
	#offset: number;
	/** bytes of the unfinished line that were seen */
	#pending = Buffer.alloc(0);
	/** bytes of an overlong line that were dropped after `#pending` */
	#dropped = 0;
	#punched = 0;

	constructor(path: string, options: { offset: number }) {
		this.#path = path;
		this.#offset = options.offset;
	}

	/**
	 * @param maxBytes read at most this many
	 * @param options.flush an unfinished last line counts as a line
	 * @returns the lines, the offset from which another reader would go on, and how many bytes were read
	 */
	read(
		maxBytes: number,
		options: { flush?: boolean } = {},
	): { lines: TailLine[]; offset: number; bytes: number } {
		const bytes = readAt(this.#path, this.#offset + this.#pending.length + this.#dropped, maxBytes);
		const lines: TailLine[] = [];
		let at = 0;
		for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
			this.#extend(bytes.subarray(at, end));
			this.#finish(lines, 1);
			at = end + 1;
		}
		this.#extend(bytes.subarray(at));
		const ended = options.flush === true && bytes.length < maxBytes;
		if (ended && this.#pending.length > 0) this.#finish(lines, 0);
		return { lines, offset: this.#offset, bytes: bytes.length };
	}

	#extend(bytes: Buffer): void {
		const room = Math.max(0, LINE_LIMIT_BYTES - this.#pending.length);
		if (bytes.length > 0 && room > 0) this.#pending = Buffer.concat([this.#pending, bytes.subarray(0, room)]);
		this.#dropped += Math.max(0, bytes.length - room);
	}

	#finish(lines: TailLine[], newline: number): void {
		// A punched hole reads as zeros.
		const from = this.#pending.findIndex((byte) => byte !== 0);
		const text = from < 0 ? "" : this.#pending.toString("utf8", from).replace(/\r$/, "");
		if (text !== "") lines.push({ offset: this.#offset, text: this.#dropped > 0 ? text + CUT : text });
		this.#offset += this.#pending.length + this.#dropped + newline;
		this.#pending = Buffer.alloc(0);
		this.#dropped = 0;
	}

	/** Gives the disk space of a log over its cap back, up to a little before `upTo`; offsets stay. */
	punchHole(upTo: number): void {
		const length = upTo - KEPT_BYTES;
		if (upTo - this.#punched < LOG_CAP_BYTES || length <= 0) return;
		this.#punched = upTo;
		// Where the file system or the tool cannot, the log just stays long.
		execFile("fallocate", ["-p", "-o", "0", "-l", String(length), this.#path], () => {});
	}
}

function readAt(path: string, offset: number, maxBytes: number): Buffer {
	let file: number;
	try {
		file = openSync(path, "r");
	} catch {
		return Buffer.alloc(0);
	}
	try {
		const there = Math.min(maxBytes, Math.max(0, fstatSync(file).size - offset));
		const bytes = Buffer.alloc(there);
		return bytes.subarray(0, there === 0 ? 0 : readSync(file, bytes, 0, there, offset));
	} catch {
		return Buffer.alloc(0);
	} finally {
		closeSync(file);
	}
}

/** The last lines of a log, without terminal control sequences. */
export function tailLines(path: string, count: number): string[] {
	let size: number;
	try {
		const file = openSync(path, "r");
		size = fstatSync(file).size;
		closeSync(file);
	} catch {
		return [];
	}
	const bytes = readAt(path, Math.max(0, size - TAIL_BYTES), TAIL_BYTES);
	return (
		stripVTControlCharacters(bytes.toString("utf8").replaceAll("\0", ""))
			.split(/\r?\n/)
			// What a progress display left standing.
			.map((line) => line.slice(line.lastIndexOf("\r") + 1))
			.filter((line) => line.trim() !== "")
			.slice(-count)
			.map((line) => cutText(line, 500))
	);
}
