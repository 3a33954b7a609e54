/**
 * The daemon's log. What cannot be written to it (a full disk, a terminal that is gone) ends nobody: the lines wait
 * in memory, up to a limit, and come when there is room.
 */
import { type Logger, pino } from "pino";
import { withoutSecrets } from "../task/secrets.ts";

const USUAL_LEVEL = "info";
/** Kept while nothing can be written; what comes after it is left out. */
const WAITING_LIMIT_BYTES = 256 * 1024;

/** @param fd where it goes @param level of pino */
export function openLog(level: string, fd = 2): Logger {
	const destination = pino.destination({ dest: fd, sync: true, maxLength: WAITING_LIMIT_BYTES });
	// Without a listener a line that cannot be written is an exception wherever it was said.
	destination.on("error", () => {});
	const known = Object.hasOwn(pino.levels.values, level) || level === "silent";
	const log = pino(
		{
			level: known ? level : USUAL_LEVEL,
			base: { pid: process.pid },
			hooks: { streamWrite: withoutSecrets },
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
