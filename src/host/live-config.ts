/**
 * The config as it is in force: read again when the file has changed. One that does not load changes nothing; why
 * stands in the log, and in the daemon's file for `status` and `doctor`.
 */
import { statSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { rememberConfig } from "../config/secrets.ts";

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
	#stamp: string;
	#refreshing: Promise<void> | null = null;
	#fault: string | null = null;

	constructor(options: LiveConfigOptions) {
		this.#options = options;
		this.#current = options.first;
		this.#stamp = stampOf(options.path);
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
		const { path, env, changed } = this.#options;
		const stamp = stampOf(path);
		if (stamp === this.#stamp) return;
		try {
			const config = await loadConfig({ path, env });
			rememberConfig(config, env);
			this.#current = config;
			this.#fault = null;
		} catch (error) {
			this.#fault = error instanceof Error ? error.message : String(error);
		}
		this.#stamp = stamp;
		await changed(this.#fault);
	}
}

function stampOf(path: string): string {
	try {
		const { mtimeNs, ino, size } = statSync(path, { bigint: true });
		return `${mtimeNs} ${ino} ${size}`;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? "unknown";
	}
}
