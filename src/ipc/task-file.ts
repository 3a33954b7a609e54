import { join } from "node:path";
import { type FileText, readRegularFile } from "../process/read-file.ts";
import { isIntact } from "./real-directory.ts";

/** The file `name` of a task directory, which must not have been replaced by a link. `name` may hold a folder of it. */
export function readTaskFile(dir: string, name: string, limitBytes: number): FileText {
	if (!isIntact(dir)) return { kind: "refused", why: "its task directory is missing or a link" };
	return readRegularFile(join(dir, name), limitBytes);
}
