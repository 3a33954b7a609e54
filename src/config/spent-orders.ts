/**
 * The orders of tasks that were removed, by their nonce: a copy of such a record, put back into Redis with its
 * good signature, starts nothing. One line each in the state directory; lines are only ever added.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { codeOf, diskError } from "../process/atomic-file.ts";

const NONCE_LINE = /^[\w-]{1,64}$/;
const OWNER_ONLY = 0o600;

const pathOf = (home: string) => join(home, "removed-tasks");

/**
 * Before the record goes: an order that was told as removed never works again.
 * @param home the state directory's path
 * @throws DISPATCH_DISK
 */
export function spendOrder(home: string, nonce: string): void {
	const path = pathOf(home);
	try {
		const file = openSync(path, "a", OWNER_ONLY);
		try {
			writeSync(file, `${nonce}\n`);
		} finally {
			closeSync(file);
		}
	} catch (error) {
		throw diskError(path, error);
	}
}

/** What was spent, read on as the file grows: other processes add to it. */
export class SpentOrders {
	readonly #path: string;
	readonly #nonces = new Set<string>();
	#offset = 0;
	#rest = "";

	/** @param home the state directory's path */
	constructor(home: string) {
		this.#path = pathOf(home);
	}

	/** @throws the fault when the file is there and cannot be read: what is not known is not permitted */
	has(nonce: string): boolean {
		this.#readOn();
		return this.#nonces.has(nonce);
	}

	#readOn(): void {
		let file: number;
		try {
			file = openSync(this.#path, "r");
		} catch (error) {
			if (codeOf(error) === "ENOENT") return;
			throw error;
		}
		try {
			const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - this.#offset));
			const read = readSync(file, bytes, 0, bytes.length, this.#offset);
			this.#offset += read;
			const lines = (this.#rest + bytes.toString("latin1", 0, read)).split("\n");
			this.#rest = lines.pop() ?? "";
			for (const line of lines) if (NONCE_LINE.test(line)) this.#nonces.add(line);
		} finally {
			closeSync(file);
		}
	}
}
