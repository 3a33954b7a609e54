/** plan.md: the agent's own file. Dispatch writes it before the start and appends notes, nothing else. */
import { constants, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskError, replaceFile } from "../process/atomic-file.ts";
import { withRegularFile } from "../process/read-file.ts";
import type { Plan } from "../task/plan.ts";
import { parsePlan } from "../task/plan.ts";
import { withoutSecrets } from "../task/secrets.ts";
import { inTaskDir, requireTaskDir } from "./opened-task.ts";
import { readTaskFile } from "./task-file.ts";

const PLAN = "plan.md";
const PLAN_LIMIT_BYTES = 1024 * 1024;
/** Notes leave this much of it to the agent, whose next word must not make it unreadable. */
const ROOM_BYTES = 64 * 1024;

function planPath(dir: string): string {
	return join(dir, PLAN);
}

/** null: there is none, or it cannot be used (a link, no regular file, over 1 MiB) */
export function readPlanText(dir: string): string | null {
	const file = readTaskFile(dir, PLAN, PLAN_LIMIT_BYTES);
	return file.kind === "text" && !file.cut ? file.text : null;
}

/** null as for `readPlanText`. Without secrets: what a plan cuts would leave a part of one, which nobody knows by itself. */
export function readPlan(dir: string): Plan | null {
	const text = readPlanText(dir);
	return text === null ? null : parsePlan(withoutSecrets(text));
}

/** @throws DispatchError DISPATCH_DISK, DISPATCH_BAD_CWD */
export function writePlan(dir: string, text: string): void {
	const refuse = (error: unknown) => diskError(planPath(dir), error);
	requireTaskDir(dir, (opened) => replaceFile(opened.at(PLAN), text, { refuse }));
}

/**
 * Tells a running agent something: a block quote at the end of its plan. Appended in place, since a
 * rename could undo what the agent writes at the same moment; a note that the agent's own rewrite
 * dropped comes back by calling this again.
 * @returns "there": the plan holds it already; "full": no room for it now; "no_plan": nothing to append to
 * @throws DispatchError DISPATCH_DISK
 */
export function appendNote(dir: string, text: string): "appended" | "there" | "full" | "no_plan" {
	const plan = readPlanText(dir);
	if (plan === null) return "no_plan";
	const note = quoteNote(text);
	if (plan.replaceAll("\r\n", "\n").includes(note)) return "there";
	try {
		return appendInPlace(dir, `${plan.endsWith("\n") ? "" : "\n"}\n${note}`);
	} catch (error) {
		throw diskError(planPath(dir), error);
	}
}

function quoteNote(text: string): string {
	const lines = `**Note from dispatcher:** ${text.trim()}`.split(/\r\n|\r|\n/);
	return lines
		.map((line) => `> ${line}`.trimEnd())
		.join("\n")
		.concat("\n");
}

/** @returns "no_plan": it was removed, swapped for a link or a FIFO since it was read, or has another name elsewhere */
function appendInPlace(dir: string, text: string): "appended" | "full" | "no_plan" {
	const flags = constants.O_WRONLY | constants.O_APPEND;
	const appended = inTaskDir(dir, (opened) =>
		withRegularFile(opened.at(PLAN), flags, {}, (fd, { nlink, size }) => {
			// A second name may be a file of the user's elsewhere.
			if (nlink > 1) return "no_plan";
			if (size + Buffer.byteLength(text) > PLAN_LIMIT_BYTES - ROOM_BYTES) return "full";
			writeFileSync(fd, text);
			return "appended";
		}),
	);
	return typeof appended === "string" ? appended : "no_plan";
}
