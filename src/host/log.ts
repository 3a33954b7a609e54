/**
 * The daemon's log. What cannot be written to it (a full disk, a terminal that is gone) ends nobody: the lines wait
 * in memory, up to a limit, and come when there is room.
 */
import { type Logger, pino } from "pino";
import { withoutEscapes } from "../task/escapes.ts";
import { withoutSecrets } from "../task/secrets.ts";

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
	const destination = pino.destination({ dest: fd, sync: true, maxLength: WAITING_LIMIT_BYTES });
	// Without a listener a line that cannot be written is an exception wherever it was said.
	destination.on("error", () => {});
	const known = Object.hasOwn(pino.levels.values, level) || level === "silent";
	const log = pino(
		{
			level: known ? level : USUAL_LEVEL,
			base: { pid: process.pid },
			hooks: { streamWrite: isForPeople ? (line) => readable(withoutSecrets(line)) : withoutSecrets },
		},
		destination,
	);
	if (!known)
		log.warn(
			{ level, levels: [...Object.keys(pino.levels.values), "silent"] },
			"DISPATCH_LOG_LEVEL names no level",
		);
	return log;
}

const WARN = 40;

/** `14:05:09 worker ready (host mini1)` */
function readable(line: string): string {
	const { level, time, msg, pid: _pid, ...facts } = JSON.parse(line) as Record<string, unknown>;
	// A line of a task says itself which one it is of.
	const more =
		"event" in facts ? [] : Object.entries(facts).map(([name, value]) => `${name} ${shown(value)}`);
	const at = new Date(Number(time)).toLocaleTimeString("sv-SE");
	const what = `${Number(level) >= WARN ? "Warning: " : ""}${shown(msg)}`;
	return `${at} ${what}${more.length === 0 ? "" : ` (${more.join(", ")})`}\n`;
}

/** Foreign text steers no terminal. */
function shown(value: unknown): string {
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return withoutEscapes(text).replace(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+/g, " ");
}
