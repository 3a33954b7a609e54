/** A stamp of everything an agent may write: another stamp is a sign of life, and worth a full look. */
import { statSync } from "node:fs";
import { signsOfLife } from "../ipc/signs.ts";
import type { RunDir } from "../process/run-dir.ts";

export function stampOf(run: RunDir): string {
	const log = statSync(run.logPath, { throwIfNoEntry: false });
	return `${signsOfLife(run.facts.taskDir)}|${log?.size ?? -1}`;
}
