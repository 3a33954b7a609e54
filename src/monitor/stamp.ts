/** A stamp of everything an agent may write: another stamp is a sign of life, and worth a full look. */
import { statSync } from "node:fs";
import { signsOfLife } from "../ipc/signs.ts";
import type { RunDir } from "../process/run-dir.ts";

/** Throws nothing. */
export function stampOf(run: RunDir): string {
	return `${signsOfLife(run.facts.taskDir)}|${sizeOf(run.logPath)}`;
}

function sizeOf(path: string): number {
	try {
		return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
	} catch {
		return -1;
	}
}
