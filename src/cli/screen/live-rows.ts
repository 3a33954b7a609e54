/** What is drawn below the lines of `batch --wait` on a terminal: the tasks at work, and how far all of them are. Pure. */
import type { TaskView } from "../../task/view.ts";
import type { Output } from "../show/output.ts";
import { inAskedOrder } from "../show/question-lines.ts";
import type { Size } from "./terminal.ts";
import { clip, clipPainted } from "./text.ts";
import { shapeOf, taskLine } from "./watch-rows.ts";

const MOST = 8;
/** What is told above them keeps the rest of the screen. */
const PART = 0.4;

/**
 * Who asks stands first.
 * @param live those that work or ask
 * @param total the last row
 * @returns rows of which none is as wide as the terminal
 */
export function liveRows(
	live: readonly TaskView[],
	total: string,
	{ size, colors, now = Date.now() }: { size: Size; colors: Output["colors"]; now?: number },
): string[] {
	const columns = Math.max(1, size.columns - 1);
	const room = Math.max(0, Math.min(MOST, Math.floor(size.rows * PART) - 1));
	const asking = inAskedOrder(live);
	const all = [...asking, ...live.filter((view) => !asking.includes(view))];
	const shown = all.slice(0, all.length > room ? Math.max(0, room - 1) : room);
	const shape = shapeOf(shown, { ...size, columns });
	const more = all.length - shown.length;
	return [
		...shown.map((view) => clipPainted(taskLine(view, shape, now, colors), columns)),
		...(more > 0 && room > 0 ? [clip(`(and ${more} more)`, columns)] : []),
		clip(total, columns),
	];
}
