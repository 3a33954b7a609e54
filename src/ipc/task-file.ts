import { basename, dirname } from "node:path";
import { type FileText, type ReadOptions, readRegularFile } from "../process/read-file.ts";
import { inTaskDir } from "./opened-task.ts";

/** The file `name` of a task directory, none of whose parts may be a link. `name` may hold a folder of it. */
export function readTaskFile(
	dir: string,
	name: string,
	limitBytes: number,
	options: ReadOptions = {},
): FileText {
	const folder = dirname(name);
	const read = inTaskDir(
		dir,
		(opened) => readRegularFile(opened.at(basename(name)), limitBytes, options),
		folder === "." ? [] : folder.split("/"),
	);
	return read;
}
