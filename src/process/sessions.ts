/**
 * The sessions that a task's agents have had on this host, one a line in each run's directory. Only these are
 * resumed: a session's id from Redis could be that of any other work of this user's.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "./atomic-file.ts";
import { type RunDir, runsOfTask } from "./run-dir.ts";

const sessionsPath = (run: RunDir) => join(run.path, "sessions");

/** @throws the fault of the disk */
export function noteSession(run: RunDir, id: string): void {
	appendFileSync(sessionsPath(run), `${id}\n`, { mode: 0o600 });
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
	try {
		return readFileSync(sessionsPath(run), "utf8").split("\n");
	} catch (error) {
		if (codeOf(error) === "ENOENT") return [];
		throw error;
	}
}
