/** plan.md: the agent's own file. Dispatch writes it before the start and appends notes, nothing else. */
import { closeSync, constants, fstatSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, diskError, replaceFile } from "../process/atomic-file.ts";
import type { Plan } from "../task/plan.ts";
import { parsePlan } from "../task/plan.ts";
import { isIntact, requireIntact } from "./real-directory.ts";
import { readTaskFile } from "./task-file.ts";

const PLAN_LIMIT_BYTES = 1024 * 1024;

export function planPath(dir: string): string {
	return join(dir, "plan.md");
}

/** null: there is none, or it cannot be used (a link, no regular file, over 1 MiB) */
export function readPlanText(dir: string): string | null {
	const file = readTaskFile(dir, "plan.md", PLAN_LIMIT_BYTES);
	return file.kind === "text" && !file.cut ? file.text : null;
}

/** null as for `readPlanText` */
export function readPlan(dir: string): Plan | null {
	const text = readPlanText(dir);
	return text === null ? null : parsePlan(text);
}

/** @throws DispatchError DISPATCH_DISK, DISPATCH_BAD_CWD */
export function writePlan(dir: string, text: string): void {
	requireIntact(dir);
	replaceFile(planPath(dir), text);
}

/**
 * Tells a running agent something: a block quote at the end of its plan. Appended in place, since a
 * rename could undo what the agent writes at the same moment; a note that the agent's own rewrite
 * dropped comes back by calling this again.
 * @returns "there": the plan holds it already; "no_plan": nothing to append to
 * @throws DispatchError DISPATCH_DISK
 */
export function appendNote(dir: string, text: string): "appended" | "there" | "no_plan" {
	const plan = readPlanText(dir);
	if (plan === null) return "no_plan";
	const note = quoteNote(text);
	if (plan.replaceAll("\r\n", "\n").includes(note)) return "there";
	try {
		return appendInPlace(dir, `${plan.endsWith("\n") ? "" : "\n"}\n${note}`) ? "appended" : "no_plan";
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

function appendInPlace(dir: string, text: string): boolean {
	if (!isIntact(dir)) return false;
	let fd: number;
	try {
		fd = openSync(
			planPath(dir),
			constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK,
		);
	} catch (error) {
		// Removed, or swapped for a link or a FIFO since it was read.
		if (["ENOENT", "ELOOP", "ENXIO"].includes(codeOf(error) ?? "")) return false;
		throw error;
	}
	try {
		if (!fstatSync(fd).isFile()) return false;
		writeFileSync(fd, text);
		return true;
	} finally {
		closeSync(fd);
	}
}
