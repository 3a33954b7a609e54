/** What `dispatch watch` shows: from what is known and the size of the screen to lines. Pure. */

import type { DamagedTask } from "../../task/damaged.ts";
import { optionsOf } from "../../task/question-options.ts";
import { isEnded } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { ageText, timeOf } from "../../task/view-times.ts";
import type { Output } from "../show/output.ts";
import { openQuestion } from "../show/question-lines.ts";
import { stateText } from "../show/report-lines.ts";
import { clip, foreign, pad, wrap } from "./text.ts";

type Colors = Output["colors"];

export interface WatchModel {
	tasks: TaskView[];
	/** whose record cannot be read: shown below the others */
	damaged: readonly DamagedTask[];
	selected: string | null;
	mode:
		| { kind: "list" }
		| { kind: "answer"; task: string; seq: string; question: string; input: string }
		| { kind: "cancel"; task: string }
		| { kind: "logs"; task: string; lines: string[] /** lines below the screen */; below: number };
	/** what the last key did */
	message: string | null;
	/** since when Redis does not answer, ms since the Unix epoch */
	awaySince: number | null;
	now: number;
}

export interface Size {
	columns: number;
	rows: number;
}

const ORDER: Readonly<Record<TaskView["state"], number>> = {
	asking: 0,
	parked: 0,
	running: 1,
	queued: 2,
	waiting: 2,
	failed: 3,
	completed: 3,
	cancelled: 3,
};
const QUESTIONS_SHOWN = 3;
const DAMAGED_SHOWN = 3;
const STATE_COLUMNS = 9;
const AGE_COLUMNS = 6;
const COST_COLUMNS = 7;
const COUNT_COLUMNS = 6;
const LEAST_TASK_COLUMNS = 16;
const MOST_TASK_COLUMNS = 32;
const ANSWER_ROWS = 8;

/** What needs a person first, then what runs, then what waits, then what ended last. */
export function inOrder(tasks: readonly TaskView[]): TaskView[] {
	const ageOf = (task: TaskView) =>
		timeOf(isEnded(task.state) ? (task.endedAt ?? task.createdAt) : task.createdAt);
	return [...tasks].sort((a, b) => ORDER[a.state] - ORDER[b.state] || ageOf(b) - ageOf(a));
}

/** @returns exactly `rows` lines, none wider than the screen */
export function watchFrame(model: WatchModel, size: Size, colors: Colors): string[] {
	const head = headLine(model, size, colors);
	const foot = footLines(model, size, colors);
	const room = Math.max(0, size.rows - 1 - foot.length);
	const body =
		model.mode.kind === "logs" ? logLines(model.mode, size, room) : listLines(model, size, room, colors);
	const filled = [...body, ...Array<string>(Math.max(0, room - body.length)).fill("")];
	return [head, ...filled.slice(0, room), ...foot].slice(0, size.rows);
}

function headLine({ tasks, awaySince, now, mode }: WatchModel, { columns }: Size, colors: Colors): string {
	if (awaySince !== null)
		return colors.red(
			pad(` Redis is away since ${timeText(awaySince)}: agents run on, this picture is old`, columns),
		);
	const count = (...states: string[]) => tasks.filter(({ state }) => states.includes(state)).length;
	const parts = [
		`${count("running")} running`,
		`${count("asking", "parked")} asking`,
		`${count("queued", "waiting")} queued`,
		`${count("completed", "failed", "cancelled")} ended`,
	];
	const title = mode.kind === "logs" ? ` dispatch  logs of ${mode.task}` : ` dispatch  ${parts.join(" · ")}`;
	const clock = `${timeText(now)} `;
	return colors.inverse(pad(title, columns - clock.length) + clock);
}

function listLines(model: WatchModel, size: Size, room: number, colors: Colors): string[] {
	const tasks = inOrder(model.tasks);
	const damaged = damagedLines(model.damaged, size, colors);
	if (tasks.length === 0 && damaged.length > 0) return damaged;
	if (tasks.length === 0)
		return ["", clip('  No tasks yet. Submit one: dispatch enqueue "Review the login code"', size.columns)];
	const questions = questionLines(tasks, size, colors);
	const left = Math.max(1, room - questions.length - damaged.length - 1);
	const at = Math.max(
		0,
		tasks.findIndex(({ id }) => id === model.selected),
	);
	const from = Math.max(0, Math.min(at - Math.floor(left / 2), tasks.length - left));
	const shape = shapeOf(tasks, size);
	const rows = tasks.slice(from, from + left).map((task) => {
		const line = taskLine(task, shape, model.now, colors);
		return task.id === model.selected ? `${colors.cyan("›")}${line}` : ` ${line}`;
	});
	return [...questions, colors.dim(` ${headings(shape)}`), ...rows, ...damaged];
}

function damagedLines(damaged: readonly DamagedTask[], { columns }: Size, colors: Colors): string[] {
	if (damaged.length === 0) return [];
	const lines = damaged.slice(0, DAMAGED_SHOWN).map(({ id, damage }) => {
		const name = ` ${foreign(id, MOST_TASK_COLUMNS)} `;
		return colors.red(name) + foreign(`damaged: ${damage}`, columns - name.length - 1);
	});
	const more = damaged.length - lines.length;
	return ["", ...lines, ...(more > 0 ? [colors.dim(` and ${more} more damaged: dispatch ls --all`)] : [])];
}

function questionLines(tasks: readonly TaskView[], { columns }: Size, colors: Colors): string[] {
	const asking = tasks.filter((task) => openQuestion(task) !== undefined);
	if (asking.length === 0) return [""];
	const lines = asking.slice(0, QUESTIONS_SHOWN).map((task) => {
		const name = `${task.id}: `;
		return ` ${colors.yellow("?")} ${colors.bold(name)}${foreign(openQuestion(task)?.text ?? "", columns - name.length - 4)}`;
	});
	const more = asking.length - lines.length;
	return ["", ...lines, ...(more > 0 ? [colors.dim(`   and ${more} more`)] : []), ""];
}

/** Columns of each part; the activity gets what is left. */
interface Shape {
	task: number;
	bar: number;
	age: number;
	cost: number;
	activity: number;
}

function shapeOf(tasks: readonly TaskView[], { columns }: Size): Shape {
	const longest = Math.max(...tasks.map(({ id }) => id.length));
	const most = Math.max(LEAST_TASK_COLUMNS, Math.min(MOST_TASK_COLUMNS, Math.floor(columns / 4)));
	const task = Math.max(LEAST_TASK_COLUMNS, Math.min(longest, most));
	const bar = columns >= 100 ? 12 : columns >= 60 ? 6 : 0;
	const age = columns >= 60 ? AGE_COLUMNS : 0;
	const cost =
		columns >= 60 && tasks.some(({ usage }) => typeof usage?.costUsd === "number") ? COST_COLUMNS : 0;
	const fixed = 1 + task + 1 + STATE_COLUMNS + 1 + bar + COUNT_COLUMNS + 1 + age + cost + 1;
	return { task, bar, age, cost, activity: Math.max(0, columns - fixed - 1) };
}

function headings({ task, bar, age, cost, activity }: Shape): string {
	return [
		`${pad("TASK", task)} ${pad("STATE", STATE_COLUMNS)} ${pad("PLAN", bar + COUNT_COLUMNS)} `,
		`${pad("AGE", age)}${pad("COST", cost)} ${clip("NOW", activity)}`,
	].join("");
}

function taskLine(
	task: TaskView,
	{ task: width, bar, age, cost: costWidth, activity }: Shape,
	now: number,
	colors: Colors,
): string {
	const { done, total } = task.plan;
	const filled = total === 0 ? 0 : Math.round((done / total) * bar);
	const progress =
		total === 0 ? " ".repeat(bar) : colors.green("█".repeat(filled)) + colors.dim("░".repeat(bar - filled));
	const counted = total === 0 ? "" : `${bar > 0 ? " " : ""}${done}/${total}`;
	const cost = task.usage?.costUsd;
	const shownCost =
		cost === null || cost === undefined ? "" : `${task.usage?.estimated ? "~" : ""}$${cost.toFixed(2)}`;
	const state = stateText(task.state, colors) + " ".repeat(Math.max(0, STATE_COLUMNS - task.state.length));
	return [
		`${pad(task.id, width)} ${state} ${progress}${pad(counted, COUNT_COLUMNS)} `,
		`${pad(ageText(task, now), age)}${pad(shownCost, costWidth)} `,
		activityText(task, activity, colors),
	].join("");
}

/** What it does now; else why it waits, or how it ended. */
function activityText(task: TaskView, columns: number, colors: Colors): string {
	if (task.state === "failed")
		return colors.red(foreign(`${task.reason ?? ""}: ${task.outcome?.message ?? ""}`, columns));
	if (isEnded(task.state)) return colors.dim(foreign(task.outcome?.message ?? "", columns));
	if (task.hold !== null) return colors.yellow(clip(task.hold.kind.replace("_", " "), columns));
	return foreign(openQuestion(task)?.text ?? task.activity ?? "", columns);
}

function logLines(mode: WatchModel["mode"] & { kind: "logs" }, { columns }: Size, room: number): string[] {
	if (mode.lines.length === 0) return ["", clip("  It has printed nothing yet.", columns)];
	const end = Math.max(0, mode.lines.length - mode.below);
	return mode.lines
		.slice(Math.max(0, end - room), end)
		.map((line) => clip(line.replaceAll("\t", "  "), columns));
}

function footLines({ mode, message }: WatchModel, { columns, rows }: Size, colors: Colors): string[] {
	const hints = (text: string) => colors.dim(clip(` ${text}`, columns));
	switch (mode.kind) {
		case "list":
			return [
				...(message === null ? [] : [` ${foreign(message, columns - 1)}`]),
				hints("↑↓ select   a answer   l logs   c cancel   q quit"),
			];
		case "logs":
			return [hints("↑↓ PgUp PgDn scroll   Esc back   q quit")];
		case "cancel":
			return [
				colors.yellow(clip(` Cancel ${mode.task}? Its agent is stopped.`, columns)),
				hints("y yes   n no"),
			];
		case "answer": {
			const { lead, options } = optionsOf(mode.question);
			const most = Math.max(1, Math.min(ANSWER_ROWS, rows - 8) - options.length);
			const text = wrap(lead, columns - 2).slice(0, most);
			return [
				colors.yellow(clip(` ${mode.task} asks:`, columns)),
				...text.map((line) => ` ${line}`),
				...options.slice(0, 9).map((option, n) => `   ${n + 1}. ${foreign(option, columns - 6)}`),
				clip(` > ${tail(mode.input, columns - 5)}█`, columns),
				hints(`Enter send${options.length > 0 ? "   1…9 choose" : ""}   Ctrl-U clear   Esc back`),
			];
		}
	}
}

/** The end of what is typed stays in sight. */
function tail(text: string, columns: number): string {
	let shown = text;
	while (clip(shown, columns) !== shown) shown = shown.slice(1);
	return shown;
}

function timeText(ms: number): string {
	return new Date(ms).toTimeString().slice(0, 8);
}
