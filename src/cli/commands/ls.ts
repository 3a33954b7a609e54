import { listTasks, matches, type TaskFilter } from "../../actions/list.ts";
import { orderOf } from "../../actions/task-order.ts";
import { viewTasks } from "../../actions/views.ts";
import { withWaits } from "../../actions/waits.ts";
import type { Store } from "../../queue/records/store.ts";
import { damagedView } from "../../task/damaged.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { filterOf, type TaskFilterFlags } from "../options/task-filter.ts";
import { wholeNumber } from "../options/values.ts";
import { roomOf, table } from "../show/columns.ts";
import { hereOf, refusedHere } from "../show/here.ts";
import { briefLines, inAskedOrder } from "../show/question-lines.ts";
import { columnNames, taskColumns, usualColumns } from "../show/task-columns.ts";
import { withoutPrompt } from "./status.ts";

const USUAL_LIMIT = 50;
const QUESTIONS_SHOWN = 5;

export interface LsFlags extends TaskFilterFlags {
	limit?: string;
	all?: boolean;
	columns?: string;
	sort?: string;
}

export async function ls(context: Context, flags: LsFlags): Promise<number | undefined> {
	const { output, env } = context;
	const limit = flags.all
		? null
		: flags.limit === undefined
			? USUAL_LIMIT
			: wholeNumber(flags.limit, "--limit", 1, 1_000_000);
	const order = flags.sort === undefined ? null : orderOf(flags.sort);
	const named = columnNames(flags.columns);
	const store = await context.store();
	const filter = filterOf(flags);
	const { records, damaged, total } = await listTasks(store, filter, limit, order);
	const url = await context.redisUrl();
	const views = await withWaits(store, await viewTasks(store, records), () => hereOf(context, url), {
		refused: refusedHere(context, records),
	});
	const left = total - views.length - damaged.length;
	const more = left > 0 ? [`${total - left} of ${total} tasks. All of them: add --all`] : [];
	const listed = { views, damaged, now: Date.now() };
	const columns = output.json ? [] : taskColumns(named ?? usualColumns(views), listed, output.colors);
	// Columns that were asked for stay, as long as there is room for a word of each.
	if (named !== null) for (const column of columns) delete column.goes;
	const lines = await table(columns, roomOf(process.stdout, env), output.colors.dim);
	const asking = left > 0 && named === null && !output.json ? await allAsking(store, filter) : views;
	output.result(
		[...views.map(withoutPrompt), ...damaged.map((each) => damagedView(each, store.namespace))],
		views.length + damaged.length === 0
			? [await noneText(store)]
			: [...lines, ...more, ...(named === null ? askingLines(context, asking) : [])],
		views.map(({ id }) => id),
	);
	return undefined;
}

/** Those that match, wherever they would stand in the list: who asks waits, however many came after it. */
async function allAsking(store: Store, filter: TaskFilter): Promise<TaskView[]> {
	const ids = new Set((await store.openQuestions()).map(({ task }) => task));
	return viewTasks(store, (await store.getMany([...ids])).filter(matches(filter)));
}

async function noneText(store: Store): Promise<string> {
	const all = await store.count();
	if (all === 0) return "No tasks.";
	const [of, matching] =
		all === 1 ? ["The one task", "does not match"] : [`None of the ${all} tasks`, "matches"];
	return `${of} ${matching}. All of them: dispatch ls --all`;
}

/** A table has no room for a question, its options and the command that answers it. */
function askingLines({ output }: Context, views: TaskView[]): string[] {
	const asking = inAskedOrder(views);
	const left = asking.length - QUESTIONS_SHOWN;
	return [
		...asking
			.slice(0, QUESTIONS_SHOWN)
			.flatMap((view) => ["", ...briefLines(view, output.colors.bold(view.id))]),
		...(left > 0 ? ["", `${left} more ${left === 1 ? "asks" : "ask"}: dispatch questions`] : []),
	];
}
