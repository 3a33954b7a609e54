import Table from "cli-table3";
import { listTasks } from "../../actions/list.ts";
import { viewTasks } from "../../actions/views.ts";
import { type DamagedTask, damagedView } from "../../task/damaged.ts";
import { formatDuration } from "../../task/duration.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { filterOf, type TaskFilterFlags } from "../options/task-filter.ts";
import { wholeNumber } from "../options/values.ts";
import { oneLine } from "../show/output.ts";
import { openQuestion, stateText, timeOf } from "../show/report-lines.ts";
import { withoutPrompt } from "./status.ts";

const USUAL_LIMIT = 50;
const NO_BORDERS = Object.fromEntries(
	["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
		.concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"])
		.map((name) => [name, ""]),
);

export interface LsFlags extends TaskFilterFlags {
	limit?: string;
	all?: boolean;
}

export async function ls(context: Context, flags: LsFlags): Promise<number | undefined> {
	const limit = flags.all
		? null
		: flags.limit === undefined
			? USUAL_LIMIT
			: wholeNumber(flags.limit, "--limit", 1, 1_000_000);
	const store = await context.store();
	const { records, damaged, total } = await listTasks(store, filterOf(flags), limit);
	const views = await viewTasks(store, records);
	const left = total - views.length - damaged.length;
	const more = left > 0 ? [`${left} more: dispatch ls --all`] : [];
	const ids = views.map(({ id }) => id);
	context.output.result(
		[...views.map(withoutPrompt), ...damaged.map((each) => damagedView(each, store.namespace))],
		views.length + damaged.length === 0 ? ["No tasks."] : [...tableOf(context, views, damaged), ...more],
		ids,
	);
	return undefined;
}

function tableOf({ output }: Context, views: TaskView[], damaged: DamagedTask[]): string[] {
	const { colors } = output;
	const table = new Table({
		chars: NO_BORDERS,
		style: { "padding-left": 0, "padding-right": 2, head: [], border: [] },
	});
	table.push(["TASK", "STATE", "PLAN", "MODEL", "AGE", "WHAT"].map((name) => colors.dim(name)));
	for (const view of views) {
		const plan = view.plan.total === 0 ? "" : `${view.plan.done}/${view.plan.total}`;
		const age = formatDuration(Math.max(0, Date.now() - timeOf(view.createdAt)));
		table.push([view.id, stateText(view.state, colors), plan, view.model ?? view.backend, age, whatOf(view)]);
	}
	for (const { id, damage } of damaged)
		table.push([oneLine(id, 64), colors.red("damaged"), "", "", "", damage]);
	return table
		.toString()
		.split("\n")
		.map((line) => line.trimEnd());
}

/** What one would want to know at a glance. */
function whatOf(view: TaskView): string {
	const open = openQuestion(view);
	if (open !== undefined) return `asks: ${oneLine(open.text, 60)}`;
	if (view.state === "failed") return view.reason ?? "";
	if (view.hold !== null) return view.hold.kind;
	return view.state === "running" ? oneLine(view.activity ?? "", 60) : "";
}
