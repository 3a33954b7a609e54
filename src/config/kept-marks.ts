/** What a worker keeps up in its state directory, whatever becomes of the files while it lives: its names, and its key. */
import { randomBytes } from "node:crypto";
import { lstatSync, renameSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../process/atomic-file.ts";
import { DispatchError } from "../task/errors.ts";
import { HOST_FORM } from "../task/spec.ts";
import { lineOf, type ServedNames } from "./home.ts";
import { KEY_FILE, keyFrom, keyOf } from "./signing-key.ts";

/**
 * Writes anew what of them was lost, or is no name any more: a command would make another host of the directory.
 * @throws as `keepLine`
 */
export function keepNames(path: string, { place: _, ...names }: ServedNames): void {
	for (const [name, value] of Object.entries(names)) {
		keepLine(join(path, name), value, (line) => HOST_FORM.test(line));
	}
}

/** Nothing that was signed is lost by what becomes of the file. */
export class RememberedKey {
	readonly #path: string;
	/** as the file said it last */
	#last: Buffer;

	/** @param home the state directory's path @throws DISPATCH_KEY_UNUSABLE */
	constructor(home: string) {
		this.#path = join(home, KEY_FILE);
		this.#last = keyOf(home);
	}

	/** Another sound one was put there by its user, from a backup, say: it is the key from then on. */
	read(): Buffer {
		try {
			this.#last = keyFrom(lineOf(this.#path)) ?? this.#last;
		} catch {
			// Not there, or not to be read now: it is what it was.
		}
		return this.#last;
	}

	/** Puts the file back where it is lost. @returns what was found, as a sentence; null: it is sound. @throws as `keepLine` */
	keep(): string | null {
		const key = this.read().toString("hex");
		return keepLine(this.#path, key, (line) => keyFrom(line) !== null);
	}
}

/**
 * Writes the one line of a file anew where it is gone, cannot be read, or is not what it should be.
 * @returns what was found, as a sentence; null: it is sound, and stays. @throws DISPATCH_DISK, what passes (`isOurTrouble`)
 */
function keepLine(file: string, value: string, isSound: (line: string) => boolean): string | null {
	const found = whyLost(file, isSound);
	if (found === null) return null;
	// What somebody put there may be all that he has of it.
	if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory())
		renameSync(file, `${file}.aside-${randomBytes(4).toString("hex")}`);
	replaceFile(file, `${value}\n`);
	return found;
}

function whyLost(file: string, isSound: (line: string) => boolean): string | null {
	try {
		const line = lineOf(file);
		if (line === null) return `${file} is gone.`;
		return isSound(line) ? null : `${file} is damaged.`;
	} catch (error) {
		if (error instanceof DispatchError) return error.message;
		throw error;
	}
}
