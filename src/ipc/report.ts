import { readTaskFile } from "./task-file.ts";

const REPORT_LIMIT_BYTES = 256 * 1024;

/** The agent's output.md, at most 256 KiB of it with "[cut]" behind; null: none, empty, or not a regular file. */
export function readReport(dir: string): string | null {
	const file = readTaskFile(dir, "output.md", REPORT_LIMIT_BYTES);
	if (file.kind !== "text" || file.text.trim() === "") return null;
	return file.cut ? `${file.text}\n\n[cut]\n` : file.text;
}
