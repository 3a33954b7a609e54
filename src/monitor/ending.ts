/**
 * Why we end an agent, kept in its run directory: a daemon that crashes over it leaves the reason behind. Sealed, since
 * some reasons cost no attempt: an agent that wrote one itself would be started for ever.
 */
import { join } from "node:path";
import { readRegularFile } from "../process/read-file.ts";
import type { RunDir } from "../process/run-dir.ts";
import { isBeforeSeals, type Looks, readSealed, type Seals, writeSealed } from "../process/sealed-file.ts";
import { ENDINGS, type Ending } from "../task/outcome/ending.ts";

const FILE = "ending";
const LIMIT_BYTES = 64;
const SEALED_LIMIT_BYTES = 256;

export function writeEnding(run: RunDir, ending: Ending, seals: Seals): void {
	try {
		writeSealed(run, FILE, ending, seals);
	} catch {
		// A full disk, or no key to seal it by: the reason is kept in memory only.
	}
}

/** @param run as its record names it. @returns null: this host wrote none. @throws DISPATCH_KEY_UNUSABLE, what `isOurTrouble` */
export function readEnding(run: RunDir, seals: Looks): Ending | null {
	const said = readSealed(run, FILE, LIMIT_BYTES, seals) ?? unsealed(run, seals);
	return ENDINGS.find((ending) => ending === said) ?? null;
}

/** As a version before seals wrote it; its last act over the upgrade may be ours, sealed. */
function unsealed(run: RunDir, seals: Looks): string | null {
	const file = readRegularFile(join(run.path, FILE), SEALED_LIMIT_BYTES);
	if (file.kind !== "text" || !isBeforeSeals(run.facts.nonce, seals)) return null;
	return file.text.split("\n").at(-1) ?? null;
}
