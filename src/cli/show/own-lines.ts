/**
 * Lines of dispatch's own among those of an agent: each begins with a mark that stands nowhere in an agent's text, so
 * that nothing an agent prints, however long its lines are, passes for a word of dispatch.
 */
import { hanging } from "../../task/rows.ts";
import { roomOf } from "./columns.ts";
import { plain } from "./output.ts";

const MARK = "┃ ";
/** It, and what looks like it. */
const MARKS = /[┃┇┋╏╂╻╹╽╿║‖∥❘❙❚▎▍▌▋▐｜￨⏐⎮]/g;
const LIKE_IT = "│";
/** What takes no column. */
const UNSEEN = "\\p{DI}\\p{Mn}\\p{Me}\\p{Cf}";

/** One line of ours. */
export function ownLine(text: string): string {
	return MARK + text.replace(MARKS, LIKE_IT);
}

/** Lines of ours among those of an agent, as wide as the terminal. */
export function ownRows(lines: readonly string[]): string[] {
	return hanging(lines, roomForOwn()).map(ownLine);
}

/**
 * What an agent printed before our last line about the task, which scripts read and which has no mark: nothing of it
 * begins as that does.
 */
export function agentTextOf(id: string, text: string): string {
	const unseen = `[${UNSEEN}]*`;
	const signs = `(?:${unseen}[^\\p{L}\\p{N}\\s${UNSEEN}]){0,9}`;
	const likeOurs = new RegExp(`^(?=${signs}${unseen}${[...id].join(unseen)})`, "gmu");
	return text.replace(likeOurs, "  ");
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
