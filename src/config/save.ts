/** Writes the config file: whole or not at all, and never over a newer one that nobody has read. */
import { randomBytes } from "node:crypto";
import {
	chmodSync,
	linkSync,
	mkdirSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DispatchError } from "../task/errors.ts";

/** A command line in it may carry a key. */
const NEW_FILE_MODE = 0o600;

/** @returns the file's text; null when there is none. @throws DISPATCH_CONFIG_INVALID */
export function readConfigText(path: string): string | null {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
		throw new DispatchError(
			"DISPATCH_CONFIG_INVALID",
			`The config ${path} cannot be read: ${(error as Error).message}.`,
			{ hint: "DISPATCH_CONFIG names another file.", cause: error },
		);
	}
}

/** Replaces the file; its mode stays, and a link to it stays a link. @throws DISPATCH_BAD_FILE */
export function replaceConfig(path: string, text: string): void {
	withTemporary(path, text, (temporary, target) => {
		chmodSync(temporary, statSync(target).mode & 0o777);
		renameSync(temporary, target);
	});
}

/** @returns false when a file was there already: it is left alone. @throws DISPATCH_BAD_FILE */
export function createConfig(path: string, text: string): boolean {
	try {
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	} catch (error) {
		throw unwritable(path, error);
	}
	let made = true;
	withTemporary(path, text, (temporary, target) => {
		try {
			linkSync(temporary, target);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			made = false;
		}
	});
	return made;
}

function withTemporary(
	path: string,
	text: string,
	publish: (temporary: string, target: string) => void,
): void {
	let temporary: string | null = null;
	try {
		const target = realPathOf(path);
		temporary = join(dirname(target), `.config.${randomBytes(4).toString("hex")}.tmp`);
		writeFileSync(temporary, text, { mode: NEW_FILE_MODE, flag: "wx" });
		publish(temporary, target);
	} catch (error) {
		throw unwritable(path, error);
	} finally {
		if (temporary !== null) rmSync(temporary, { force: true });
	}
}

function realPathOf(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		return path;
	}
}

function unwritable(path: string, error: unknown): DispatchError {
	return new DispatchError(
		"DISPATCH_BAD_FILE",
		`The config ${path} cannot be written: ${(error as Error).message}.`,
		{ hint: "Make its directory writable, or name another file by DISPATCH_CONFIG.", cause: error },
	);
}
