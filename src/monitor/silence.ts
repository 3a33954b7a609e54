/**
 * How long an agent was silent so far, kept in its run directory: a worker that restarts more often than the
 * limit comes would never end an agent that hangs. Only silence that somebody heard is in it.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../process/atomic-file.ts";
import { readRegularFile } from "../process/read-file.ts";
import type { RunDir } from "../process/run-dir.ts";
import { count, object, soundOrNull, text } from "../task/check.ts";

/** Written once in so many ms of silence, or an eighth of a short limit: a busy agent never causes a write. */
const STEP_MS = 60_000;
const STEPS = 8;
/** Stamps of many files under `ipc/` are long. */
const LIMIT_BYTES = 64 * 1024;

export const SILENCE_FILE = "silence.json";

interface Silence {
	/** of the agent's files, as they were all the while */
	stamp: string;
	silentMs: number;
}

const checkSilence = object<Silence>({ stamp: text, silentMs: count });

export class SilenceNote {
	readonly #file: string;
	readonly #stepMs: number;
	#noted: Silence;

	constructor(run: RunDir, inactivityMs: number) {
		this.#file = join(run.path, SILENCE_FILE);
		this.#stepMs = Math.min(STEP_MS, inactivityMs / STEPS);
		const kept = readRegularFile(this.#file, LIMIT_BYTES);
		const found = kept.kind === "text" ? soundOrNull(checkSilence, kept.text) : null;
		// What an agent wrote here ends nobody at the first look.
		const silentMs = Math.min(found?.silentMs ?? 0, inactivityMs - this.#stepMs);
		this.#noted = { stamp: found?.stamp ?? "", silentMs: Math.max(0, silentMs) };
	}

	/** What the last daemon heard. It counts on while the stamp is the same. */
	get noted(): Readonly<Silence> {
		return this.#noted;
	}

	/** To be called at every look; writes seldom, throws nothing. */
	note(stamp: string, silentMs: number): void {
		const sinceMs = silentMs - this.#noted.silentMs;
		if (sinceMs >= 0 && sinceMs < this.#stepMs) return;
		this.#noted = { stamp, silentMs: Math.floor(silentMs) };
		try {
			if (silentMs < this.#stepMs) rmSync(this.#file, { force: true });
			else replaceFile(this.#file, JSON.stringify(this.#noted), { durable: false });
		} catch {
			// A full disk: the next daemon begins to listen anew.
		}
	}
}
