/** Writes the config file: whole or not at all, and never over a newer one that nobody has read. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { hintFor, publishNew } from "../process/atomic-file.ts";
import { readOwnFile, realPathOf, writeOwnFile } from "../process/own-file.ts";
import { requireOwn } from "../process/own-path.ts";
import { isDiskFull } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";

/** A command line in it may carry a key. */
const NEW_FILE_MODE = 0o600;

/** @returns the file's text; null when there is none. @throws DISPATCH_CONFIG_INVALID */
export function readConfigText(path: string): string | null {
	const file = readOwnFile(path);
	if (file.kind === "absent") return null;
	if (file.kind === "bytes") {
		requireOwn(path, "The config");
		return file.bytes.toString("utf8");
	}
	throw new DispatchError("DISPATCH_CONFIG_INVALID", `The config ${path} cannot be read: ${file.why}.`, {
		hint: "DISPATCH_CONFIG names another file.",
	});
}

/** Replaces the file; its mode stays, and a link to it stays a link. @throws DISPATCH_BAD_FILE */
export function replaceConfig(path: string, text: string): void {
	writeOwnFile(path, text, { mode: NEW_FILE_MODE, refuse: (error) => unwritable(path, error) });
}

/** @returns false when a file was there already: it is left alone. @throws DISPATCH_BAD_FILE */
export function createConfig(path: string, text: string): boolean {
	const refuse = (error: unknown) => unwritable(path, error);
	try {
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	} catch (error) {
		throw refuse(error);
	}
	return publishNew(realPathOf(path), text, { mode: NEW_FILE_MODE, refuse });
}

function unwritable(path: string, error: unknown): DispatchError {
	const hint = isDiskFull(error)
		? hintFor(error)
		: "Make its directory writable, or name another file by DISPATCH_CONFIG.";
	return new DispatchError(
		"DISPATCH_BAD_FILE",
		`The config ${path} cannot be written: ${(error as Error).message}.`,
		{ hint, cause: error },
	);
}
