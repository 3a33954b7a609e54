/** Reads the config file, and makes the first one. Who changes it: change.ts. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { hintFor, publishNew } from "../process/atomic-file.ts";
import { readOwnFile, realPathOf } from "../process/own-file.ts";
import { otherOwnerOf, requireOwn } from "../process/own-path.ts";
import { isDiskFull } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";

/** A command line in it may carry a key. */
export const NEW_FILE_MODE = 0o600;

/** @returns the file's text; null when there is none. @throws DISPATCH_CONFIG_INVALID */
export function readConfigText(path: string): string | null {
	const file = readOwnFile(path);
	if (file.kind === "absent") return null;
	if (file.kind === "bytes") {
		requireOwn(path, "The config");
		return file.bytes.toString("utf8");
	}
	const whose = file.code === "EACCES" ? otherOwnerOf(path) : null;
	const why = whose === null ? file.why : `it ${whose}`;
	throw new DispatchError("DISPATCH_CONFIG_INVALID", `The config ${path} cannot be read: ${why}.`, {
		hint:
			whose === null
				? "DISPATCH_CONFIG names another file."
				: "Use one of your own: DISPATCH_HOME names its directory, DISPATCH_CONFIG the file.",
	});
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

/** Of a config that cannot be written. */
export function unwritable(path: string, error: unknown): DispatchError {
	const hint = isDiskFull(error)
		? hintFor(error)
		: "Make its directory writable, or name another file by DISPATCH_CONFIG.";
	return new DispatchError(
		"DISPATCH_BAD_FILE",
		`The config ${path} cannot be written: ${(error as Error).message}.`,
		{ hint, cause: error },
	);
}
