/** Finds programs. Nothing is started here. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The folders of a PATH in their order; an empty entry, which means the working directory, is left out. */
export function foldersOf(path: string | undefined): string[] {
	return (path ?? "").split(delimiter).filter((folder) => folder !== "");
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
	return (
		foldersOf(path)
			.map((folder) => join(folder, program))
			.find(isProgram) ?? null
	);
}
