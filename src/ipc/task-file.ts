import { basename, dirname } from "node:path";
import { type FileText, readRegularFile } from "../process/read-file.ts";
import { inTaskDir } from "./opened-task.ts";

/** The file `name` of a task directory, none of whose parts may be a link. `name` may hold a folder of it. */
export function readTaskFile(dir: string, name: string, limitBytes: number): FileText {
	const folder = dirname(name);
	const read = inTaskDir(
		dir,
		(opened) => readRegularFile(opened.at(basename(name)), limitBytes),
		folder === "." ? [] : folder.split("/"),
	);
	return read;
}
