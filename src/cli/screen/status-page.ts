/** A task's report as a page of `dispatch watch`. */
import picocolors from "picocolors";
import type { TaskView } from "../../task/view.ts";
import { type OwnHost, reportLines } from "../show/report-lines.ts";
import { type Page, readPage } from "./page.ts";

const NO_COLORS = picocolors.createColors(false);

export function statusPage(task: TaskView, own: OwnHost): Page {
	const lines = reportLines(task, NO_COLORS, Date.now(), own);
	return readPage(`status of ${task.id}`, lines.join("\n"), "");
}
