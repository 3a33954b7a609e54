/**
 * Follows one agent's log: bytes → lines → typed events → what they add up to. How far it got is kept in
 * the run directory, so that the next daemon goes on there and no line is told twice.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentEvent, Backend, FailureClass, OutputParser } from "../backends/contract.ts";
import { renderEvent, retryText } from "../backends/render.ts";
import { replaceFile } from "../process/atomic-file.ts";
import { LogTail } from "../process/log-tail.ts";
import type { RunDir } from "../process/run-dir.ts";
import type { LogLine } from "../queue/records/log.ts";
import { cutText } from "../task/cut-text.ts";
import type { Usage } from "../task/spec.ts";

/** Shown beside the name of a task. */
const ACTIVITY_CHARS = 200;

const READ_BYTES = 1024 * 1024;
/** Bytes read in one look: a flood must not hold up the other tasks. */
const LOOK_BYTES = 8 * READ_BYTES;
const LINES_PER_LOOK = 5_000;

/** What an agent's events add up to. */
export interface Followed {
	sessionId: string | null;
	activity: string | null;
	usage: Usage | null;
	usageScope: "session" | "run";
	result: { ok: boolean; message: string | null } | null;
	failure: FailureClass | null;
	failureMessage: string | null;
	rateLimitUntil: number | null;
	/** it waits out a rate limit by itself until then, ms since the Unix epoch */
	pausedUntil: number | null;
	/** it would retry for too long: to be ended */
	givesUp: boolean;
	/** it said something only a working CLI says */
	sawOutput: boolean;
}

const NOTHING: Followed = {
	sessionId: null,
	activity: null,
	usage: null,
	usageScope: "session",
	result: null,
	failure: null,
	failureMessage: null,
	rateLimitUntil: null,
	pausedUntil: null,
	givesUp: false,
	sawOutput: false,
};

export class LogFollower {
	readonly #file: string;
	readonly #parser: OutputParser;
	readonly #tail: LogTail;
	#seen: Followed;
	#offset: number;

	constructor(run: RunDir, backend: Backend) {
		this.#file = join(run.path, "followed.json");
		const saved = readSaved(this.#file);
		this.#seen = saved.seen;
		this.#offset = saved.offset;
		this.#parser = backend.parser();
		this.#tail = new LogTail(run.logPath, { offset: this.#offset });
	}

	get seen(): Followed {
		return this.#seen;
	}

	/**
	 * Reads what is new.
	 * @param ended the agent is gone: an unfinished last line counts, and everything is read
	 * @returns lines to show
	 */
	read(ended: boolean): LogLine[] {
		const shown: LogLine[] = [];
		let read = 0;
		for (;;) {
			const { lines, offset, bytes } = this.#tail.read(READ_BYTES, { flush: ended });
			for (const line of lines) this.#take(line, shown);
			this.#offset = offset;
			read += bytes;
			if (shown.length > LINES_PER_LOOK) shown.splice(0, shown.length - LINES_PER_LOOK);
			if (bytes === 0 || (!ended && read >= LOOK_BYTES)) break;
		}
		return shown;
	}

	/** Call after the lines are safe in Redis: a repeat is refused there, a loss is not mended. */
	save(): void {
		try {
			const text = JSON.stringify({ offset: this.#offset, seen: this.#seen });
			replaceFile(this.#file, text, { durable: false });
			this.#tail.punchHole(this.#offset);
		} catch {
			// A full disk: the next daemon reads these lines again.
		}
	}

	#take(line: { offset: number; text: string }, shown: LogLine[]): void {
		let nth = 1;
		for (const event of this.#parser.line(line.text)) {
			this.#seen = addUp(this.#seen, event);
			const text = renderEvent(event);
			if (text === null) continue;
			for (const row of text.split("\n")) shown.push({ position: line.offset + nth++, text: row });
		}
	}
}

function addUp(seen: Followed, event: AgentEvent): Followed {
	switch (event.kind) {
		case "session":
			return { ...seen, sessionId: event.id, sawOutput: true };
		case "activity":
			return { ...seen, activity: event.text, sawOutput: true };
		case "message":
			return { ...seen, activity: cutText(event.text.split("\n")[0] ?? "", ACTIVITY_CHARS), sawOutput: true };
		case "usage":
			return { ...seen, usage: event.usage, usageScope: event.scope };
		case "rate_limit":
			return event.fatal
				? { ...seen, failure: "rate_limited", rateLimitUntil: event.until }
				: { ...seen, rateLimitUntil: event.until };
		case "retrying":
			return retrying(seen, event);
		case "error":
			return { ...seen, failure: event.failure ?? seen.failure, failureMessage: event.message };
		case "result":
			return { ...seen, result: { ok: event.ok, message: event.message } };
		case "text":
			return seen;
	}
}

function retrying(seen: Followed, event: AgentEvent & { kind: "retrying" }): Followed {
	const limited = event.failure === "rate_limited";
	const paused = {
		...seen,
		activity: retryText(event),
		pausedUntil: limited ? event.until : seen.pausedUntil,
	};
	if (!event.givesUp) return paused;
	const { failure, cause: failureMessage } = event;
	return { ...paused, failure, failureMessage, givesUp: true, rateLimitUntil: limited ? event.until : null };
}

function readSaved(file: string): { seen: Followed; offset: number } {
	try {
		const saved = JSON.parse(readFileSync(file, "utf8")) as { seen: Followed; offset: number };
		if (Number.isSafeInteger(saved.offset))
			return { seen: { ...NOTHING, ...saved.seen }, offset: saved.offset };
	} catch {
		// First look, or torn by a crash: from the start.
	}
	return { seen: NOTHING, offset: 0 };
}
