/**
 * The sessions that a task's agents have had on this host, one a line in each run's directory. Only these are
 * resumed: a session's id from Redis could be that of any other work of this user's.
 */
import { join } from "node:path";
import { appendToFile } from "./append-file.ts";
import { readRegularFile } from "./read-file.ts";
import { type RunDir, runsOfTask } from "./run-dir.ts";

const LIMIT_BYTES = 1024 * 1024;

const sessionsPath = (run: RunDir) => join(run.path, "sessions");

/** @throws the fault of the disk */
export function noteSession(run: RunDir, id: string): void {
	appendToFile(sessionsPath(run), `${id}\n`);
}

/** @param home the state directory's path */
export function knowsSession(home: string, task: string, id: string): boolean {
	return runsOfTask(home, task).some((run) => sessionsOf(run).includes(id));
}

/** Whether this start went on in the session that the task had before it. */
export function resumedSession(run: RunDir): boolean {
	const { sessionId } = run.facts;
	return Boolean(sessionId) && sessionsOf(run).includes(sessionId ?? "");
}

function sessionsOf(run: RunDir): string[] {
	const file = readRegularFile(sessionsPath(run), LIMIT_BYTES);
	return file.kind === "text" ? file.text.split("\n") : [];
}
