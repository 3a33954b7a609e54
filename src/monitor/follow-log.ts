/**
 * Follows one agent's log: bytes → lines → typed events → what they add up to. How far it got is kept in
 * the run directory, so that the next daemon goes on there and no line is told twice.
 */
import { join } from "node:path";
import type { Backend, OutputParser } from "../backends/contract.ts";
import { renderEvent } from "../backends/render.ts";
import { replaceFile } from "../process/atomic-file.ts";
import { LogTail } from "../process/log-tail.ts";
import { readRegularFile } from "../process/read-file.ts";
import type { RunDir } from "../process/run-dir.ts";
import type { LogLine } from "../queue/records/log.ts";
import { count, object, soundOrNull } from "../task/check.ts";
import { addUp, checkFollowed, type Followed, NOTHING } from "./followed.ts";

export const FOLLOWED_FILE = "followed.json";

const READ_BYTES = 64 * 1024;
/** Time for one look: whatever one agent prints, the other tasks have their turn soon. */
const LOOK_MS = 25;
const CHECK_CLOCK_LINES = 500;
/** Lines that one look puts into Redis. */
const LINES_PER_LOOK = 1_000;
/** Lines that wait in memory while Redis does not take them. */
const LINES_KEPT = 5_000;
/** An agent that prints faster than this is read for is skipped to its last lines. */
const BEHIND_MS = 5_000;
const SKIP_KEEPS_BYTES = 256 * 1024;
/** More than is ever kept: a message may be as long as a line of the log. */
const SAVED_LIMIT_BYTES = 8 * 1024 * 1024;

export interface FollowerOptions {
	/** monotonic ms */
	now?: () => number;
	/** ms for one look, and ms of being behind after which output is skipped */
	lookMs?: number;
	behindMs?: number;
}

export class LogFollower {
	readonly #file: string;
	readonly #parser: OutputParser;
	readonly #tail: LogTail;
	readonly #now: () => number;
	readonly #lookMs: number;
	readonly #behindMs: number;
	#seen: Followed;
	#offset: number;
	#signs = 0;
	/** what the file holds */
	#saved: number;
	/** lines that were read and are not safe in Redis yet */
	#unsaved: LogLine[] = [];
	/** since when there was always more to read */
	#behindSince: number | null = null;
	/** bytes, since it was last caught up with */
	#skipped = 0;

	constructor(run: RunDir, backend: Backend, options: FollowerOptions = {}) {
		this.#file = join(run.path, FOLLOWED_FILE);
		const saved = readSaved(this.#file);
		this.#seen = saved.seen;
		this.#offset = saved.offset;
		this.#saved = saved.offset;
		this.#parser = backend.parser();
		this.#tail = new LogTail(run.logPath, { offset: this.#offset });
		this.#now = options.now ?? (() => performance.now());
		this.#lookMs = options.lookMs ?? LOOK_MS;
		this.#behindMs = options.behindMs ?? BEHIND_MS;
	}

	get seen(): Followed {
		return this.#seen;
	}

	/** Grows with every line that is a sign of life; a heartbeat is none. */
	get signs(): number {
		return this.#signs;
	}

	/** What is to stand in the task's log between the agent's own lines; saved with the next of them. */
	tell(text: string): void {
		this.#show(this.#offset, `[dispatch] ${text}`);
	}

	/**
	 * Reads what is new, for a short time.
	 * @param ended the agent is gone: an unfinished last line counts
	 * @returns lines to show, with those of earlier reads that were not saved; `more`: come back soon
	 */
	read(ended: boolean): { lines: LogLine[]; more: boolean } {
		const until = this.#now() + this.#lookMs;
		this.#skipWhenFarBehind();
		let taken = 0;
		for (;;) {
			const maxLines = Math.min(CHECK_CLOCK_LINES, LINES_PER_LOOK - taken);
			const { lines, offset, bytes } = this.#tail.read(READ_BYTES, { flush: ended, maxLines });
			for (const line of lines) this.#take(line);
			this.#offset = offset;
			taken += lines.length;
			if (bytes === 0) return this.#caughtUp();
			if (taken >= LINES_PER_LOOK || this.#now() >= until) break;
		}
		this.#behindSince ??= this.#now();
		return { lines: this.#unsaved, more: true };
	}

	/** Of what was skipped once more here: what came after it may be all that the log keeps. */
	#caughtUp(): { lines: LogLine[]; more: boolean } {
		this.#behindSince = null;
		if (this.#skipped > 0) this.tell(`${this.#skipped} bytes of output above are not shown.`);
		this.#skipped = 0;
		return { lines: this.#unsaved, more: false };
	}

	#skipWhenFarBehind(): void {
		if (this.#behindSince === null || this.#now() - this.#behindSince < this.#behindMs) return;
		this.#behindSince = null;
		const skipped = this.#tail.skipToTail(SKIP_KEEPS_BYTES);
		if (skipped === 0) return;
		this.#show(this.#offset + 1, `[dispatch] ${skipped} bytes of output are not shown: it comes too fast.`);
		this.#offset = this.#tail.offset;
		this.#skipped += skipped;
	}

	#show(position: number, text: string): void {
		this.#unsaved.push({ position, text });
		if (this.#unsaved.length <= LINES_KEPT) return;
		// Redis keeps no more of them either.
		this.#unsaved.splice(0, this.#unsaved.length - LINES_KEPT);
	}

	/** Call after the lines are safe in Redis: a repeat is refused there, a loss is not mended. */
	save(): void {
		this.#unsaved = [];
		if (this.#offset === this.#saved) return;
		try {
			const text = JSON.stringify({ offset: this.#offset, seen: this.#seen });
			replaceFile(this.#file, text, { durable: false });
			this.#saved = this.#offset;
			this.#tail.punchHole(this.#offset);
		} catch {
			// A full disk: the next daemon reads these lines again.
		}
	}

	#take(line: { offset: number; text: string }): void {
		let nth = 1;
		const events = this.#parser.line(line.text);
		if (!events.some(({ kind }) => kind === "heartbeat")) this.#signs += 1;
		for (const event of events) {
			this.#seen = addUp(this.#seen, event);
			const text = renderEvent(event);
			if (text === null) continue;
			for (const row of text.split("\n")) this.#show(line.offset + nth++, row);
		}
	}
}

const checkSaved = object<{ seen: Followed; offset: number }>({ seen: checkFollowed, offset: count });

/** At the first look, and where it was torn by a crash or filled by the agent with something else: from the start. */
function readSaved(file: string): { seen: Followed; offset: number } {
	const kept = readRegularFile(file, SAVED_LIMIT_BYTES);
	const saved = kept.kind === "text" ? soundOrNull(checkSaved, kept.text) : null;
	return saved ?? { seen: NOTHING, offset: 0 };
}
