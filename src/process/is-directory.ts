/** Whether a path leads to a directory. A path can be anything: of a command line, of a record, of a batch file. */
import { statSync } from "node:fs";

const WHY: Readonly<Record<string, string>> = {
	ENOENT: "it does not exist",
	ENOTDIR: "it leads through a file",
	ELOOP: "its links lead in a circle",
	ENAMETOOLONG: "its name is too long",
	EACCES: "it is in a directory that this user may not open",
};

/** @returns what is to be said of the path where it is no directory; null: it is one */
export function whyNoDirectory(path: string): string | null {
	try {
		return statSync(path).isDirectory() ? null : "it is not a directory";
	} catch (error) {
		const { code = "", message } = error as NodeJS.ErrnoException;
		return WHY[code] ?? message;
	}
}

export function isDirectory(path: string): boolean {
	return whyNoDirectory(path) === null;
}
