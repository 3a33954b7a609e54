/** Whether a path leads to a directory. A path can be anything: of a command line, of a record, of a batch file. */
import { statSync } from "node:fs";

const WHY: Readonly<Record<string, string>> = {
	ENOENT: "it does not exist",
	ENOTDIR: "it leads through a file",
	ELOOP: "its links lead in a circle",
	ENAMETOOLONG: "its name is too long",
	EACCES: "it is in a directory that this user may not open",
};

/**
 * @returns what is to be said of the path where it is no directory; null: it is one
 * @throws what says nothing of the path and may pass: no memory, a network drive that is away
 */
export function whyNoDirectory(path: string): string | null {
	try {
		return statSync(path).isDirectory() ? null : "it is not a directory";
	} catch (error) {
		const why = WHY[(error as NodeJS.ErrnoException).code ?? ""];
		if (why === undefined) throw error;
		return why;
	}
}

/** As `whyNoDirectory`, for a person who can repeat the call: what may pass is a reason as well. */
export function whyNoDirectoryNow(path: string): string | null {
	try {
		return whyNoDirectory(path);
	} catch (error) {
		return (error as Error).message;
	}
}
