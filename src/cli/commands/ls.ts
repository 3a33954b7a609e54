import { listTasks } from "../../actions/list.ts";
import { viewTasks } from "../../actions/views.ts";
import { type DamagedTask, damagedView } from "../../task/damaged.ts";
import { formatDuration } from "../../task/duration.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { filterOf, type TaskFilterFlags } from "../options/task-filter.ts";
import { wholeNumber } from "../options/values.ts";
import { columns } from "../show/columns.ts";
import { oneLine } from "../show/output.ts";
import { briefLines, openQuestion } from "../show/question-lines.ts";
import { stateText, timeOf } from "../show/report-lines.ts";
import { withoutPrompt } from "./status.ts";

const USUAL_LIMIT = 50;
const QUESTIONS_SHOWN = 5;

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
		views.length + damaged.length === 0
			? ["No tasks."]
			: [...(await tableOf(context, views, damaged)), ...more, ...askingLines(context, views)],
		ids,
	);
	return undefined;
}

function tableOf({ output }: Context, views: TaskView[], damaged: DamagedTask[]): Promise<string[]> {
	const { colors } = output;
	return columns([
		["TASK", "STATE", "PLAN", "MODEL", "AGE", "WHAT"].map((name) => colors.dim(name)),
		...views.map((view) => {
			const plan = view.plan.total === 0 ? "" : `${view.plan.done}/${view.plan.total}`;
			const age = formatDuration(Math.max(0, Date.now() - timeOf(view.createdAt)));
			return [view.id, stateText(view.state, colors), plan, view.model ?? view.backend, age, whatOf(view)];
		}),
		...damaged.map(({ id, damage }) => [oneLine(id, 64), colors.red("damaged"), "", "", "", damage]),
	]);
}

/** A table has no room for a question, its options and the command that answers it. */
function askingLines({ output }: Context, views: TaskView[]): string[] {
	const asking = views.filter((view) => openQuestion(view) !== undefined);
	const left = asking.length - QUESTIONS_SHOWN;
	return [
		...asking
			.slice(0, QUESTIONS_SHOWN)
			.flatMap((view) => ["", ...briefLines(view, output.colors.bold(view.id))]),
		...(left > 0 ? ["", `${left} more ask: dispatch questions`] : []),
	];
}

/** What one would want to know at a glance. */
function whatOf(view: TaskView): string {
	const open = openQuestion(view);
	if (open !== undefined) return `asks: ${oneLine(open.text, 60)}`;
	if (view.state === "failed") return view.reason ?? "";
	if (view.hold !== null) return view.hold.kind;
	return view.state === "running" ? oneLine(view.activity ?? "", 60) : "";
}
