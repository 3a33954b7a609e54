/**
 * Why we end an agent, kept in its run directory: a daemon that crashes over it leaves the reason behind. Sealed, since
 * some reasons cost no attempt: an agent that wrote one itself would be started for ever.
 */
import { join } from "node:path";
import { readRegularFile } from "../process/read-file.ts";
import type { RunDir } from "../process/run-dir.ts";
import { isBeforeSeals, readSealed, type Seals, writeSealed } from "../process/sealed-file.ts";
import { ENDINGS, type Ending } from "../task/outcome/ending.ts";

const FILE = "ending";
const LIMIT_BYTES = 64;
const SEALED_LIMIT_BYTES = 256;

export function writeEnding(run: RunDir, ending: Ending, seals: Seals): void {
	try {
		writeSealed(run, FILE, ending, seals);
	} catch {
		// A full disk: the reason is kept in memory only.
	}
}

/** @param run as its record names it. @returns null: this host wrote none. @throws what `isOurTrouble` */
export function readEnding(run: RunDir, seals: Seals): Ending | null {
	const said = isBeforeSeals(run.facts.nonce, seals)
		? unsealed(run)
		: readSealed(run, FILE, LIMIT_BYTES, seals);
	return ENDINGS.find((ending) => ending === said) ?? null;
}

/** As a version before seals wrote it; its last act over the upgrade may be ours, sealed. */
function unsealed(run: RunDir): string | null {
	const file = readRegularFile(join(run.path, FILE), SEALED_LIMIT_BYTES);
	return file.kind === "text" ? (file.text.split("\n").at(-1) ?? null) : null;
}
