/**
 * Why we end an agent, kept in its run directory: a daemon that crashes over it leaves the reason behind. Sealed, since
 * some reasons cost no attempt: an agent that wrote one itself would be started for ever.
 */
import type { RunDir } from "../process/run-dir.ts";
import { readSealed, type Seals, writeSealed } from "../process/sealed-file.ts";
import { ENDINGS, type Ending } from "../task/outcome/ending.ts";

const FILE = "ending";
const LIMIT_BYTES = 64;

export function writeEnding(run: RunDir, ending: Ending, seals: Seals): void {
	try {
		writeSealed(run, FILE, ending, seals);
	} catch {
		// A full disk: the reason is kept in memory only.
	}
}

/** @returns null: this host wrote none. What an earlier version wrote carries no seal, and is not believed either. */
export function readEnding(run: RunDir, seals: Seals): Ending | null {
	const said = readSealed(run, FILE, LIMIT_BYTES, seals);
	return ENDINGS.find((ending) => ending === said) ?? null;
}
