/**
 * Lines for a reader who may stand still: a terminal under Ctrl-S, a pager that is not scrolled. Nobody waits for
 * them: what is not taken lies in memory, up to a limit; what comes after it is left out, and counted.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

const RETRY_MS = 100;

export interface UnhurriedOptions {
	/** kept while nothing is taken */
	limitBytes: number;
	/** the line that stands in the place of those that were left out */
	leftOut: (count: number) => string;
}

export class UnhurriedLines {
	readonly #fd: number;
	readonly #options: UnhurriedOptions;
	#waiting: Buffer[] = [];
	#bytes = 0;
	#leftOut = 0;
	#timer: NodeJS.Timeout | null = null;

	/** @param fd one that is never waited for: `openUnhurried` */
	constructor(fd: number, options: UnhurriedOptions) {
		this.#fd = fd;
		this.#options = options;
	}

	/** Never waits, and never throws. @param line with its newline */
	write(line: string): void {
		const bytes = Buffer.from(line);
		// Until those before it are told, too: the count stands where they would.
		if (this.#leftOut > 0 || this.#bytes + bytes.length > this.#options.limitBytes) this.#leftOut++;
		else this.#keep(bytes);
		if (this.#timer === null) this.#flush();
	}

	#keep(bytes: Buffer): void {
		this.#waiting.push(bytes);
		this.#bytes += bytes.length;
	}

	#flush(): void {
		this.#timer = null;
		if (!this.#flushWaiting()) return;
		if (this.#leftOut === 0) return;
		this.#keep(Buffer.from(this.#options.leftOut(this.#leftOut)));
		this.#leftOut = 0;
		this.#flushWaiting();
	}

	/** @returns whether all was taken */
	#flushWaiting(): boolean {
		while (this.#waiting.length > 0) {
			const taken = this.#taken(this.#waiting[0] as Buffer);
			if (taken === null) {
				this.#timer = setTimeout(() => this.#flush(), RETRY_MS).unref();
				return false;
			}
			this.#bytes -= taken;
			const rest = (this.#waiting[0] as Buffer).subarray(taken);
			if (rest.length > 0) this.#waiting[0] = rest;
			else this.#waiting.shift();
		}
		return true;
	}

	/** @returns how many bytes; null: none now, perhaps later */
	#taken(bytes: Buffer): number | null {
		try {
			return writeSync(this.#fd, bytes) || null;
		} catch (error) {
			// A terminal that is gone takes nothing any more: its lines are gone, too.
			return (error as NodeJS.ErrnoException).code === "EAGAIN" ? null : bytes.length;
		}
	}
}

/**
 * The terminal or pipe behind a descriptor, opened once more so that a write to it never waits: how the first one
 * is written to is shared with whoever else has it.
 * @returns null where it is something else, or cannot be opened
 */
export function openUnhurried(fd: number): number | null {
	try {
		const isTerminal = isatty(fd);
		if (!isTerminal && !fstatSync(fd).isFIFO()) return null;
		const path = process.platform === "linux" ? `/proc/self/fd/${fd}` : isTerminal ? "/dev/tty" : null;
		if (path === null) return null;
		return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
	} catch {
		return null;
	}
}
