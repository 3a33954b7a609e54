/** How Bull Board shows a job: short, and in words. */
import { isObject } from "../task/check.ts";
import type { Plan } from "../task/plan.ts";
import type { Progress } from "../task/spec.ts";

/** A run job's progress as text, "2/6 Reviewing auth"; what is no progress of a task stays as it is. */
export function progressText(progress: unknown): unknown {
	if (!isProgress(progress)) return progress;
	const { items } = progress.plan;
	if (items.length === 0) return progress.activity ?? "The agent writes its plan.";
	const done = items.filter((item) => item.marker === "x").length;
	const current = items.find((item) => item.marker !== "x")?.text ?? "all items done";
	return `${done}/${items.length} ${current}`;
}

/** The job's data without what is empty. */
export function dataText(data: unknown): unknown {
	if (!isObject(data)) return data;
	return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null && value !== ""));
}

function isProgress(value: unknown): value is Progress {
	return isObject(value) && isObject(value.plan) && Array.isArray((value.plan as Partial<Plan>).items);
}
