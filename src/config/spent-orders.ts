/**
 * The orders of tasks that were removed, by their nonce: a copy of such a record, put back into Redis with its
 * good signature, starts nothing. One line each in the state directory, "<nonce>" or "<id> <nonce>"; lines are only
 * ever added.
 */
import { constants, readSync } from "node:fs";
import { join } from "node:path";
import { appendToFile } from "../process/append-file.ts";
import { withRegularFile } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";

const LINE = /^(?:[a-z0-9-]{1,64} )?[\w-]{1,64}$/;
const NONCE = /^[\w-]{1,64}$/;

const pathOf = (home: string) => join(home, "removed-tasks");

/**
 * Before the record goes: an order that was told as removed never works again. What is no nonce is no task's: in the facts
 * of a start its agent can write what it likes, also lines that name others.
 * @param home the state directory's path
 * @param id where the nonce may be another task's, since others can have written it: only this one's is spent then
 * @throws DISPATCH_DISK
 */
export function spendOrder(home: string, nonce: string, id?: string): void {
	if (!NONCE.test(nonce)) return;
	const path = pathOf(home);
	// A full disk may have cut the line before it: that must not swallow this one.
	appendToFile(path, `\n${lineOf(nonce, id)}\n`);
}

const lineOf = (nonce: string, id?: string) => (id === undefined ? nonce : `${id} ${nonce}`);

/** What was spent, read on as the file grows: other processes add to it. */
export class SpentOrders {
	readonly #path: string;
	readonly #lines = new Set<string>();
	/** which file was read so far: its number may be another one's by now, its birth not */
	#file = "";
	#offset = 0;
	#rest = "";

	/** @param home the state directory's path */
	constructor(home: string) {
		this.#path = pathOf(home);
	}

	/** @throws the fault when the file is there and cannot be read: what is not known is not permitted */
	has(nonce: string, id?: string): boolean {
		this.#readOn();
		return this.#lines.has(nonce) || this.#lines.has(lineOf(nonce, id));
	}

	#readOn(): void {
		const looked = withRegularFile(
			this.#path,
			constants.O_RDONLY,
			{},
			(file, { size, dev, ino, birthtimeMs }) => {
				const which = `${dev}:${ino}:${birthtimeMs}`;
				// Another one, or cut: from its begin. What was known stays known.
				if (which !== this.#file || size < this.#offset)
					[this.#file, this.#offset, this.#rest] = [which, 0, ""];
				const bytes = Buffer.alloc(Math.max(0, size - this.#offset));
				const read = readSync(file, bytes, 0, bytes.length, this.#offset);
				this.#offset += read;
				const lines = (this.#rest + bytes.toString("latin1", 0, read)).split("\n");
				this.#rest = lines.pop() ?? "";
				for (const line of lines) if (LINE.test(line)) this.#lines.add(line);
				return true as const;
			},
		);
		if (looked === true || looked.kind === "absent") return;
		throw new DispatchError("DISPATCH_DISK", `${this.#path} ${looked.why}.`, {
			hint: "It names the removed tasks, which must not start again: put it right, then `dispatch retry`.",
		});
	}
}
