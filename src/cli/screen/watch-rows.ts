/** The rows of the list of `dispatch watch`: columns by the room there is, the less telling ones left out. Pure. */
import { isEnded } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { ageText } from "../../task/view-times.ts";
import { whatOf } from "../../task/view-what.ts";
import { waitOf } from "../../task/view-why.ts";
import { type Output, oneLine } from "../show/output.ts";
import { openQuestion } from "../show/question-lines.ts";
import { stateText } from "../show/report-lines.ts";
import { ownerText, sharedBy, sharedHome } from "../show/task-columns.ts";
import type { Size } from "./terminal.ts";
import { clip, foreign, pad, widthOf } from "./text.ts";

type Colors = Output["colors"];

const STATE_COLUMNS = 9;
const AGE_COLUMNS = 6;
const COST_COLUMNS = 7;
const COUNT_COLUMNS = 6;
const SHORT_BAR_COLUMNS = 6;
const LEAST_TASK_COLUMNS = 16;
const LEAST_NOW_COLUMNS = 8;
const LEAST_WHOSE_COLUMNS = 8;
const MOST_WHOSE_COLUMNS = 20;
/** A longer name is cut where there is something else to show. */
export const MOST_TASK_COLUMNS = 32;

/** Columns of each part; the activity gets what is left. */
export interface Shape {
	task: number;
	state: number;
	/** done and all items of the plan */
	count: number;
	bar: number;
	age: number;
	cost: number;
	/** 0 where all are of one */
	owner: number;
	host: number;
	/** as `sharedHome` */
	home: string | null;
	activity: number;
}

/** What stands between the name and the activity. */
type Facts = Pick<Shape, "state" | "count" | "bar" | "age" | "cost" | "owner" | "host">;

/** What goes, one after the other, until the rest has room. */
const GIVEN_UP: readonly ((facts: Facts) => Partial<Facts>)[] = [
	({ bar }) => ({ bar: Math.min(bar, SHORT_BAR_COLUMNS) }),
	() => ({ bar: 0 }),
	() => ({ host: 0 }),
	() => ({ owner: 0 }),
	() => ({ cost: 0 }),
	() => ({ age: 0 }),
];

/** For a list of tasks, from what is in it and the room there is. No line of it is wider than the screen. */
export function shapeOf(tasks: readonly TaskView[], { columns }: Size): Shape {
	const longest = Math.max(LEAST_TASK_COLUMNS, ...tasks.map(({ id }) => id.length));
	const most = Math.max(LEAST_TASK_COLUMNS, Math.min(MOST_TASK_COLUMNS, Math.floor(columns / 4)));
	const least = Math.max(LEAST_TASK_COLUMNS, Math.min(longest, most));
	const narrow = Math.min(least, Math.max(1, columns - 1));
	const bar = columns >= 100 ? 12 : columns >= 60 ? SHORT_BAR_COLUMNS : 0;
	const age = columns >= 60 ? AGE_COLUMNS : 0;
	const cost =
		columns >= 60 && tasks.some(({ usage }) => typeof usage?.costUsd === "number") ? COST_COLUMNS : 0;
	const state = columns >= LEAST_TASK_COLUMNS + STATE_COLUMNS + 3 ? STATE_COLUMNS : 0;
	const count = columns >= LEAST_TASK_COLUMNS + STATE_COLUMNS + COUNT_COLUMNS + 5 ? COUNT_COLUMNS : 0;
	const { owner, host, home } = whoseColumns(tasks, columns);
	const room = columns - 1 - narrow;
	const facts = fitting({ state, count, bar, age, cost, owner, host }, room);
	const left = Math.max(0, room - factsColumns(facts) - 1);
	// Two letters of what a task does tell nothing; its name does.
	if (left < LEAST_NOW_COLUMNS || count === 0)
		return { ...facts, home, task: Math.min(longest, narrow + left), activity: 0 };
	return { ...facts, home, task: narrow, activity: left };
}

function factsColumns({ state, count, bar, age, cost, owner, host }: Facts): number {
	return (state && 1 + state) + (count && 1 + bar + count + 1 + age + cost + owner + host + 1);
}

/** Whose a task is, is shortened before there is no room for what it does. */
function fitting(wished: Facts, room: number): Facts {
	const short = (whose: number) => Math.min(whose, 1 + LEAST_WHOSE_COLUMNS);
	let facts = wished;
	if (factsColumns(facts) + 1 + LEAST_NOW_COLUMNS > room)
		facts = { ...facts, owner: short(facts.owner), host: short(facts.host) };
	for (const less of GIVEN_UP) if (factsColumns(facts) > room) facts = { ...facts, ...less(facts) };
	return facts;
}

/** Whose a task is and where it runs, where that differs and there is room for it. */
function whoseColumns(tasks: readonly TaskView[], columns: number): Pick<Shape, "owner" | "host" | "home"> {
	const home = sharedHome(tasks);
	const { owners, hosts } = sharedBy(tasks);
	const most = columns >= 100 ? MOST_WHOSE_COLUMNS : LEAST_WHOSE_COLUMNS;
	const width = (isShown: boolean, cells: string[]) =>
		isShown && columns >= 70
			? 1 +
				Math.max(
					LEAST_WHOSE_COLUMNS - 1,
					Math.min(
						most,
						...cells
							.map(widthOf)
							.sort((a, b) => b - a)
							.slice(0, 1),
					),
				)
			: 0;
	return {
		home,
		owner: width(
			owners,
			tasks.map(({ createdBy }) => ownerText(createdBy, home)),
		),
		host: width(
			hosts,
			tasks.map(({ host }) => host),
		),
	};
}

/** What stands above them. */
export function headings({ task, state, count, bar, age, cost, owner, host, activity }: Shape): string {
	return [
		pad("TASK", task),
		state === 0 ? "" : ` ${pad("STATE", state)}`,
		count === 0
			? ""
			: ` ${pad("PLAN", bar + count)} ${pad("AGE", age)}${pad("COST", cost)}${cell("OWNER", owner)}${cell("HOST", host)} `,
		clip("NOW", activity),
	].join("");
}

/** A task's own, behind the mark of the selected one. */
export function taskLine(task: TaskView, shape: Shape, now: number, colors: Colors): string {
	const { bar, count } = shape;
	const { done, total } = task.plan;
	const filled = total === 0 ? 0 : Math.round((done / total) * bar);
	const progress =
		total === 0 ? " ".repeat(bar) : colors.green("█".repeat(filled)) + colors.dim("░".repeat(bar - filled));
	const counted = total === 0 ? "" : `${bar > 0 ? " " : ""}${done}/${total}`;
	const cost = task.usage?.costUsd;
	const shownCost =
		cost === null || cost === undefined ? "" : `${task.usage?.estimated ? "~" : ""}$${cost.toFixed(2)}`;
	const state = stateText(task.state, colors) + " ".repeat(Math.max(0, STATE_COLUMNS - task.state.length));
	const owner = cell(oneLine(ownerText(task.createdBy, shape.home)), shape.owner);
	const whose = `${owner}${cell(task.host, shape.host)}`;
	const facts = `${pad(ageText(task, now), shape.age)}${pad(shownCost, shape.cost)}${whose}`;
	return [
		pad(task.id, shape.task),
		shape.state === 0 ? "" : ` ${state}`,
		count === 0 ? "" : ` ${progress}${pad(counted, count)} ${facts} `,
		activityText(task, shape.activity, now, colors),
	].join("");
}

/** With a space behind it, also where it is cut. */
function cell(text: string, columns: number): string {
	return columns === 0 ? "" : `${pad(text, columns - 1)} `;
}

/** What it does now; else why it waits, or how it ended. */
function activityText(task: TaskView, columns: number, now: number, colors: Colors): string {
	if (task.state === "failed")
		return colors.red(foreign(`${task.reason ?? ""}: ${task.outcome?.message ?? ""}`, columns));
	if (isEnded(task.state)) return colors.dim(foreign(task.outcome?.message ?? "", columns));
	const why = task.waits?.why ?? waitOf(task, undefined, now)?.why;
	if (why !== undefined) return colors.yellow(foreign(why, columns));
	if (task.hold !== null) return colors.yellow(clip(task.hold.kind.replace("_", " "), columns));
	return foreign(openQuestion(task)?.text ?? task.activity ?? whatOf(task), columns);
}
