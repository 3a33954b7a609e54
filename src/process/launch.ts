/** `launch.json` of a run: what its start has still to tell Redis. Written before the spawn, removed when told. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { codeOf, replaceFile } from "./atomic-file.ts";
import type { RunDir } from "./run-dir.ts";

export interface Launch {
	/** the session that it begins or resumes, where that is known before */
	sessionId: string | null;
	/** fields of the answers that its prompt carries */
	carried: string[];
}

const launchPath = (run: RunDir) => join(run.path, "launch.json");

/** @throws DISPATCH_DISK */
export function writeLaunch(run: RunDir, launch: Launch): void {
	replaceFile(launchPath(run), JSON.stringify(launch));
}

/** null: there is none, it was told already */
export function readLaunch(run: RunDir): Launch | null {
	let text: string;
	try {
		text = readFileSync(launchPath(run), "utf8");
	} catch (error) {
		if (codeOf(error) === "ENOENT") return null;
		throw error;
	}
	return JSON.parse(text) as Launch;
}

export function removeLaunch(run: RunDir): void {
	rmSync(launchPath(run), { force: true });
}
