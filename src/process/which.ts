/** Finds programs. Nothing is started here. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/**
 * The folders of a PATH in their order. What is meant from the working directory (an empty entry, `./node_modules/.bin`) is
 * left out: of a program that starts in an agent's directory it would name a program of the agent's.
 */
export function foldersOf(path: string | undefined): string[] {
	return (path ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
}

/** Whether it is a file, links followed, that this user may execute. */
export function isProgram(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return statSync(file).isFile();
	} catch {
		return false;
	}
}

/**
 * @param program a name, or a path with a slash in it, which is taken as it is
 * @returns the file that a shell with this PATH would start; null when there is none
 */
export function which(program: string, path: string | undefined): string | null {
	if (program.includes("/")) return isProgram(program) ? program : null;
	return placesOf(program, path).find(isProgram) ?? null;
}

function placesOf(program: string, path: string | undefined): string[] {
	return foldersOf(path).map((folder) => join(folder, program));
}

/** What stands where a program was looked for and not found. */
export interface NoProgram {
	kind: "file" | "directory";
	path: string;
}

/** @returns the file that lacks the right to be executed, or the directory that was named; null: there is neither */
export function inItsPlace(program: string, path: string | undefined): NoProgram | null {
	const named = program.includes("/");
	const kindOf = (at: string) => {
		const found = statSync(at, { throwIfNoEntry: false });
		if (found?.isDirectory()) return "directory";
		return found?.isFile() ? "file" : null;
	};
	for (const at of named ? [program] : placesOf(program, path)) {
		try {
			const kind = kindOf(at);
			if (kind === "file" || (kind === "directory" && named)) return { kind, path: at };
		} catch {
			// What cannot be looked at is not there for this user.
		}
	}
	return null;
}
