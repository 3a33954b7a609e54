/** Why we end an agent, kept in its run directory: a daemon that crashes over it leaves the reason behind. */
import { join } from "node:path";
import { replaceFile } from "../process/atomic-file.ts";
import { readRegularFile } from "../process/read-file.ts";
import type { RunDir } from "../process/run-dir.ts";
import { ENDINGS, type Ending } from "../task/outcome/ending.ts";

export function writeEnding(run: RunDir, ending: Ending): void {
	try {
		replaceFile(join(run.path, "ending"), ending);
	} catch {
		// A full disk: the reason is kept in memory only.
	}
}

export function readEnding(run: RunDir): Ending | null {
	const file = readRegularFile(join(run.path, "ending"), 64);
	return file.kind === "text" ? (ENDINGS.find((ending) => ending === file.text) ?? null) : null;
}
