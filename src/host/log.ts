/**
 * The daemon's log. What cannot be written to it (a full disk, a terminal that is gone, or that takes nothing) ends
 * nobody and holds up nobody: the lines wait in memory, up to a limit, and come when there is room.
 */
import { type DestinationStream, type Logger, pino } from "pino";
import { cleanText, oneLine, plain } from "../task/clean-text.ts";
import { hanging } from "../task/rows.ts";
import { mapTexts } from "../task/secrets.ts";
import { openUnhurried, UnhurriedLines } from "./unhurried-lines.ts";

const USUAL_LEVEL = "info";
/** Kept while nothing can be written; what comes after it is left out. */
const WAITING_LIMIT_BYTES = 256 * 1024;

export interface LogOptions {
	/** where it goes; default: stderr */
	fd?: number;
	/** lines to read, in place of JSON */
	isForPeople?: boolean;
}

/** @param level of pino */
export function openLog(level: string, { fd = 2, isForPeople = false }: LogOptions = {}): Logger {
	const known = Object.hasOwn(pino.levels.values, level) || level === "silent";
	const log = pino(
		{
			level: known ? level : USUAL_LEVEL,
			base: { pid: process.pid },
			hooks: { streamWrite: (line) => written(line, isForPeople, roomOf(fd)) },
		},
		destinationOf(fd, isForPeople),
	);
	if (!known)
		log.warn(
			{ level, levels: [...Object.keys(pino.levels.values), "silent"] },
			"DISPATCH_LOG_LEVEL names no level",
		);
	return log;
}

const WARN = 40;

/** Columns of a terminal; null: not limited. */
function roomOf(fd: number): number | null {
	return fd === 2 && process.stderr.isTTY === true ? (process.stderr.columns ?? null) : null;
}

/** A file takes each line at once; who reads along may stop reading. */
function destinationOf(fd: number, isForPeople: boolean): DestinationStream {
	const unhurried = openUnhurried(fd);
	if (unhurried !== null) {
		const leftOut = (count: number) => {
			const msg = `${count} ${count === 1 ? "line is" : "lines are"} left out here: nobody took them`;
			const record = { level: WARN, time: Date.now(), pid: process.pid, msg };
			return written(JSON.stringify(record), isForPeople);
		};
		return new UnhurriedLines(unhurried, { limitBytes: WAITING_LIMIT_BYTES, leftOut });
	}
	const destination = pino.destination({ dest: fd, sync: true, maxLength: WAITING_LIMIT_BYTES });
	// Without a listener a line that cannot be written is an exception wherever it was said.
	destination.on("error", () => {});
	return destination;
}

/** Cleaned text by text: in the line as it is written a secret's end may be a quote's escape. Never throws: whoever logs goes on. */
function written(line: string, isForPeople: boolean, room: number | null = null): string {
	try {
		const record = mapTexts(JSON.parse(line), cleanText) as Record<string, unknown>;
		return `${isForPeople ? hanging([readable(record)], room).join("\n") : JSON.stringify(record)}\n`;
	} catch {
		return `${oneLine(line)}\n`;
	}
}

/** `14:05:09 worker ready (host mini1)` */
function readable({ level, time, msg, pid: _pid, ...facts }: Record<string, unknown>): string {
	// A line of a task says itself which one it is of.
	const more =
		"event" in facts ? [] : Object.entries(facts).map(([name, value]) => `${name} ${shown(value)}`);
	const at = new Date(Number(time)).toLocaleTimeString("sv-SE");
	const what = `${Number(level) >= WARN ? "Warning: " : ""}${shown(msg)}`;
	return `${at} ${what}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}

/** A line stays one; names of facts steer no terminal either. */
function shown(value: unknown): string {
	const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
	return plain(text).replace(/[\n\t]+/g, " ");
}
