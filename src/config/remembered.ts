/**
 * What a config file says, kept beside it: reading YAML and checking it against the schema takes longer than all
 * else that a short command does. It is a pure function of the file's text and of this program, and the copy
 * holds both: it is used for that very text and by that very build alone, and only where it is this user's own.
 *
 * Only the file of the state directory has one. A config from elsewhere may be a secret that is mounted, of
 * which no copy shall stay.
 */
import { existsSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { replaceFile } from "../process/atomic-file.ts";
import { readOwnFile } from "../process/own-file.ts";
import { requireOwn } from "../process/own-path.ts";
import type { ConfigFile } from "./schema.ts";

/** Names the sources of this program, put in by the build; unbundled sources remember nothing. */
declare const DISPATCH_BUILD: string | undefined;
const BUILD = typeof DISPATCH_BUILD === "string" ? DISPATCH_BUILD : null;

interface Copy {
	build: string;
	text: string;
	file: ConfigFile;
}

export class RememberedConfig {
	readonly #path: string | null;
	readonly #build: string | null;

	/** @param source.env a file that DISPATCH_CONFIG names has no copy */
	constructor(source: { path: string; env: Readonly<Record<string, string | undefined>> }, build = BUILD) {
		this.#path = source.env.DISPATCH_CONFIG ? null : join(dirname(source.path), ".config-read.json");
		this.#build = build;
	}

	/** @returns null where the text is another one, or nothing can be trusted */
	recall(text: string): ConfigFile | null {
		const copy = this.#read();
		return copy?.text === text ? copy.file : null;
	}

	/** @returns what the file said when it loaded last; null where nothing can be trusted */
	last(): ConfigFile | null {
		return this.#read()?.file ?? null;
	}

	#read(): Copy | null {
		if (this.#path === null || this.#build === null) return null;
		try {
			const read = readOwnFile(this.#path);
			if (read.kind !== "bytes") return null;
			requireOwn(this.#path, "The copy of the config");
			const copy = JSON.parse(read.bytes.toString("utf8")) as Copy | null;
			return copy?.build === this.#build && copy.file ? copy : null;
		} catch {
			return null; // Damaged, or somebody else's: the config itself is there.
		}
	}

	/** For the next command; where it cannot be written that one reads the config again. */
	keep(text: string, file: ConfigFile): void {
		if (this.#path === null || this.#build === null) return;
		const copy: Copy = { build: this.#build, text, file };
		const json = JSON.stringify(copy);
		if (!isDeepStrictEqual(JSON.parse(json), copy)) return;
		try {
			replaceFile(this.#path, json, { durable: false });
		} catch {
			// A full or read-only disk, or no state directory yet.
		}
	}

	/** The config is gone: what stood in it may have been secret. */
	forget(): void {
		try {
			if (this.#path !== null && existsSync(this.#path)) unlinkSync(this.#path);
		} catch {
			// Where nothing can be removed nothing was written.
		}
	}
}
