/**
 * Lines of dispatch's own among those of an agent: each begins with a mark that stands nowhere in an agent's text, so
 * that nothing an agent prints, however long its lines are, passes for a word of dispatch.
 */
import { roomOf } from "./columns.ts";
import { plain } from "./output.ts";

const MARK = "┃ ";
/** It, and what looks like it. */
const MARKS = /[┃❙❚‖║]/g;
const LIKE_IT = "│";

/** One line of ours. */
export function ownLine(text: string): string {
	return MARK + text.replace(MARKS, LIKE_IT);
}

/** What an agent printed. */
export function agentText(text: string): string {
	return plain(text).replace(MARKS, LIKE_IT);
}

/** Columns behind the mark; null: not limited. */
export function roomForOwn(): number | null {
	const room = roomOf(process.stdout, process.env);
	return room === null ? null : room - MARK.length;
}
