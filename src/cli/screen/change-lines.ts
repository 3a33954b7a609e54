/** What changed in a task, a line each, for a `watch` whose output is no terminal. */
import type { DamagedTask } from "../../task/damaged.ts";
import type { TaskView } from "../../task/view.ts";
import { oneLine } from "../show/output.ts";

/** @param before undefined at the first look */
export function changeLines(before: TaskView | undefined, task: TaskView): string[] {
	const line = (text: string) => `${new Date().toISOString()} ${task.id} ${text}`;
	const { done, total } = task.plan;
	const lines: string[] = [];
	if (before?.state !== task.state) lines.push(line(stateLine(task)));
	else if (before.plan.done !== done || before.plan.total !== total) lines.push(line(`${done}/${total}`));
	const asked = (before?.questions ?? []).filter(({ open }) => open);
	const known = new Set(asked.map(({ seq, askedAt }) => `${seq} ${askedAt}`));
	for (const { seq, askedAt, text, open } of task.questions)
		if (open && !known.has(`${seq} ${askedAt}`)) lines.push(line(`asks (${seq}): ${oneLine(text)}`));
	return lines;
}

export function damagedLine({ id, damage }: DamagedTask): string {
	return `${new Date().toISOString()} ${oneLine(id, 64)} is damaged: ${oneLine(damage)}`;
}

function stateLine({ state, plan, reason, outcome, hold, waitsFor }: TaskView): string {
	const progress = plan.total === 0 ? "" : ` ${plan.done}/${plan.total}`;
	const held = hold === null ? (reason ?? "") : hold.kind;
	const why = state === "waiting" ? `after ${waitsFor.join(", ")}` : held;
	const ended = state === "failed" || state === "cancelled" ? oneLine(outcome?.message ?? "") : "";
	return [`${state}${progress}`, why, ended].filter(Boolean).join(" ");
}
