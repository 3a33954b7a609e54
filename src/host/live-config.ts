/**
 * The config as it is in force: read again when the file has changed. One that does not load, or is gone, changes
 * nothing; why stands in the log, and in the daemon's file for `status` and `doctor`.
 */
import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { rememberConfig } from "../config/secrets.ts";
import { isOurTrouble, notLookedAt } from "../process/read-file.ts";

type Environment = Record<string, string | undefined>;

export interface LiveConfigOptions {
	path: string;
	env: Environment;
	/** as it was loaded a moment ago */
	first: Config;
	/** another config is in force, or the file has become unusable or usable */
	changed: (fault: string | null) => Promise<void>;
}

export class LiveConfig {
	readonly #options: LiveConfigOptions;
	#current: Config;
	/** of the file as it was read; null: it was read before, and may have changed since */
	#stamp: string | null = null;
	#refreshing: Promise<void> | null = null;
	#fault: string | null = null;

	constructor(options: LiveConfigOptions) {
		this.#options = options;
		this.#current = options.first;
	}

	get current(): Config {
		return this.#current;
	}

	/** Why the file as it is now cannot be used; null when it is in force. */
	get fault(): string | null {
		return this.#fault;
	}

	/** To be called before what must go by the file as it is now. One at a time; never throws. */
	refresh(): Promise<void> {
		this.#refreshing ??= this.#look().finally(() => {
			this.#refreshing = null;
		});
		return this.#refreshing;
	}

	async #look(): Promise<void> {
		const { path, changed } = this.#options;
		if (stampOf(path) === this.#stamp) return;
		const before = { config: this.#current, fault: this.#fault };
		this.#stamp = await settledStamp(path);
		await this.#read();
		const isSame = isDeepStrictEqual(before, { config: this.#current, fault: this.#fault });
		if (!isSame) await changed(this.#fault).catch(() => {});
	}

	async #read(): Promise<void> {
		const { path, env } = this.#options;
		try {
			// What was found on PATH instead would start agents with other commands, and other rights.
			if (this.#current.path !== null && stampOf(path) === ABSENT)
				throw new Error(`The config ${path} is gone. Put it back, or restart the worker to go without one.`);
			const config = await loadConfig({ path, env });
			rememberConfig(config, env);
			this.#current = config;
			this.#fault = null;
		} catch (error) {
			this.#fault = faultOf(path, error);
			// What passes is no property of the file: it is looked at again, though nobody touches it.
			if (isOurTrouble(error)) this.#stamp = null;
		}
	}
}

function faultOf(path: string, error: unknown): string {
	if (isOurTrouble(error)) return `${notLookedAt(path, error).message} It is tried again.`;
	return error instanceof Error ? error.message : String(error);
}

const ABSENT = "ENOENT";
const SETTLE_MS = 100;
const SETTLE_LOOKS = 20;

/** A file that somebody is writing is half of what it will be, and half a config may load. */
async function settledStamp(path: string): Promise<string> {
	let stamp = stampOf(path);
	for (let look = 0; look < SETTLE_LOOKS; look++) {
		await sleep(SETTLE_MS);
		const now = stampOf(path);
		if (now === stamp) break;
		stamp = now;
	}
	return stamp;
}

function stampOf(path: string): string {
	try {
		const { mtimeNs, ino, size } = statSync(path, { bigint: true });
		return `${mtimeNs} ${ino} ${size}`;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? "unknown";
	}
}
