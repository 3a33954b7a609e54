import { HARD_LINK } from "../process/read-file.ts";
import { readTaskFile } from "./task-file.ts";

const REPORT_LIMIT_BYTES = 256 * 1024;

export interface Report {
	/** at most 256 KiB of it with "[cut]" behind; null: none, empty, or refused */
	text: string | null;
	/** why the file that is there is none; null: it is one, or there is none */
	refused: string | null;
}

/** The agent's output.md. */
export function lookAtReport(dir: string): Report {
	const refusal = ({ nlink }: { nlink: number }) => (nlink > 1 ? HARD_LINK : null);
	const file = readTaskFile(dir, "output.md", REPORT_LIMIT_BYTES, { refusal });
	if (file.kind !== "text") return { text: null, refused: file.kind === "refused" ? file.why : null };
	if (file.text.trim() === "") return { text: null, refused: null };
	return { text: file.cut ? `${file.text}\n\n[cut]\n` : file.text, refused: null };
}

export const readReport = (dir: string): string | null => lookAtReport(dir).text;
