/** Values of options and arguments: parsed and checked, with the option's name in every refusal. */
import { hostname, userInfo } from "node:os";
import { FILE_LIMIT_BYTES, readOwnFile } from "../../process/own-file.ts";
import { DispatchError } from "../../task/errors.ts";

/** @throws DISPATCH_USAGE unless it is a whole number from `first` to `last` */
export function wholeNumber(text: string, option: string, first: number, last: number): number {
	const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
	if (value >= first && value <= last) return value;
	throw new DispatchError("DISPATCH_USAGE", `Expected ${option} to be ${first}–${last}, got ${text}.`);
}

/** An amount of money in USD. @throws DISPATCH_USAGE */
export function amountUsd(text: string, option: string): number {
	const value = /^\$?\d+(?:\.\d+)?$/.test(text) ? Number(text.replace("$", "")) : Number.NaN;
	if (value > 0) return value;
	throw new DispatchError("DISPATCH_USAGE", `Expected ${option} to be an amount in USD, got "${text}".`, {
		hint: "For example: 2.50",
	});
}

/** `k=v` pairs; a later one of the same name wins. @throws DISPATCH_USAGE */
export function pairsOf(pairs: readonly string[] | undefined, option: string): Record<string, string> {
	const tags: Record<string, string> = {};
	for (const pair of pairs ?? []) {
		const at = pair.indexOf("=");
		if (at < 1)
			throw new DispatchError("DISPATCH_USAGE", `Expected ${option} to be key=value, got "${pair}".`, {
				hint: `For example: ${option} team=web`,
			});
		Object.defineProperty(tags, pair.slice(0, at), {
			value: pair.slice(at + 1),
			enumerable: true,
			configurable: true,
			writable: true,
		});
	}
	return tags;
}

/** A text file, unchanged but for a byte order mark. @throws DISPATCH_BAD_FILE */
export function readTextFile(path: string): string {
	const file = readOwnFile(path);
	if (file.kind !== "bytes") {
		const why = file.kind === "absent" ? "it does not exist" : file.why;
		throw new DispatchError("DISPATCH_BAD_FILE", `Cannot read ${path}: ${why}.`, {
			hint: "Name a regular file that exists and that you may read.",
		});
	}
	return utf8Of(file.bytes, path);
}

/** Without a byte order mark. @throws DISPATCH_BAD_FILE */
function utf8Of(bytes: Buffer, from: string): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch (error) {
		throw new DispatchError("DISPATCH_BAD_FILE", `${from} is no UTF-8 text.`, {
			hint: "Save it as UTF-8.",
			cause: error,
		});
	}
}

/** Words as one text; a single `-` means stdin. @throws DISPATCH_BAD_FILE */
export async function textOf(words: readonly string[]): Promise<string> {
	return words.length === 1 && words[0] === "-" ? readStdin() : words.join(" ");
}

/** As a file is read: what never ends, as /dev/zero or `yes`, is refused before the memory is full. */
async function readStdin(): Promise<string> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > FILE_LIMIT_BYTES)
			throw new DispatchError(
				"DISPATCH_BAD_FILE",
				`Cannot read stdin: it is larger than ${FILE_LIMIT_BYTES / 1024 / 1024} MiB.`,
				{ hint: "Put long material into a file and name it in the text." },
			);
		chunks.push(chunk);
	}
	return utf8Of(Buffer.concat(chunks), "stdin");
}

/** user@host, or `agent of ID` inside a task: for the record of who asked and who answered */
export function whoAmI(): string {
	if (process.env.DISPATCH_TASK) return `agent of ${process.env.DISPATCH_TASK}`;
	let user = process.env.USER || "user";
	try {
		user = userInfo().username;
	} catch {
		// A user id without a name, as in some containers.
	}
	return `${user}@${hostname()}`;
}
