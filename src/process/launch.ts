/** `launch.json` of a run: what its start has still to tell Redis. Written before the spawn, removed when told. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DispatchError } from "../task/errors.ts";
import { replaceFile } from "./atomic-file.ts";
import { isLocked, readRegularFile } from "./read-file.ts";
import type { RunDir } from "./run-dir.ts";

export interface Launch {
	/** the session that it begins or resumes, where that is known before */
	sessionId: string | null;
	/** fields of the answers that its prompt carries */
	carried: string[];
}

/** An answer's field is short, and so many questions are never open at once. */
const LIMIT_BYTES = 1024 * 1024;

const launchPath = (run: RunDir) => join(run.path, "launch.json");

/** @throws DISPATCH_DISK */
export function writeLaunch(run: RunDir, launch: Launch): void {
	replaceFile(launchPath(run), JSON.stringify(launch));
}

/** null: there is none, it was told already; or something else stands there. @throws when it cannot be known */
export function readLaunch(run: RunDir): Launch | null {
	const file = readRegularFile(launchPath(run), LIMIT_BYTES);
	if (file.kind === "absent") return null;
	if (isLocked(file)) throw new DispatchError("DISPATCH_DISK", `${launchPath(run)} ${file.why}.`);
	// What the agent put in its place, or damaged, tells nothing any more.
	return file.kind === "text" ? parsed(file.text) : null;
}

function parsed(text: string): Launch | null {
	try {
		const { sessionId, carried } = JSON.parse(text) as Record<string, unknown>;
		if (!Array.isArray(carried) || !carried.every((field) => typeof field === "string")) return null;
		return { sessionId: typeof sessionId === "string" ? sessionId : null, carried };
	} catch {
		return null;
	}
}

export function removeLaunch(run: RunDir): void {
	rmSync(launchPath(run), { force: true });
}
