/** What `dispatch watch` shows: from what is known and the size of the screen to lines. Pure. */

import { beginsAnew } from "../../actions/retry.ts";
import type { DamagedTask } from "../../task/damaged.ts";
import { isEnded, isLive, SKIPPED } from "../../task/states.ts";
import { type Became, type Totals, totalsApart, totalsOf } from "../../task/totals.ts";
import type { TaskView } from "../../task/view.ts";
import { secondsText } from "../../task/view-times.ts";
import type { Output } from "../show/output.ts";
import { inAskedOrder, openQuestion } from "../show/question-lines.ts";
import { type Answering, answerFrame, headLine } from "./answering.ts";
import type { Editor } from "./editor.ts";
import { heldLine, hintLine } from "./hints.ts";
import { moreLine, partOf } from "./list-part.ts";
import { type Page, pageFrame } from "./page.ts";
import type { Frame, Size } from "./terminal.ts";
import { clip, foreign, longestFitting, pad, widthOf, wrap } from "./text.ts";
import { ROOMY_ROWS, toldRows } from "./told-rows.ts";
import { headings, MOST_TASK_COLUMNS, shapeOf, taskLine } from "./watch-rows.ts";

type Colors = Output["colors"];

export const SORTS = ["need", "newest", "name"] as const;

export interface WatchModel {
	tasks: TaskView[];
	/** whose record cannot be read: shown below the others */
	damaged: readonly DamagedTask[];
	/** how many more there are than stand in the list */
	unread?: Totals;
	/** how many of these were skipped */
	unreadSkipped?: number;
	selected: string | null;
	/** words that a task must have; empty: all are shown */
	filter: string;
	/** `need`: what needs a person first */
	sort: (typeof SORTS)[number];
	mode: WatchMode;
	/** what the last key did */
	message: string | null;
	/** keys do nothing for a moment */
	isSettling: boolean;
	/** since when Redis does not answer, ms since the Unix epoch */
	awaySince: number | null;
	now: number;
}

export type WatchMode =
	| { kind: "list" }
	| { kind: "filter"; editor: Editor }
	| { kind: "answer"; answering: Answering }
	| { kind: "confirm"; act: "cancel" | "retry"; shown: TaskView }
	| {
			kind: "page";
			page: Page /** whose logs go on */;
			logsOf: string | null /** Esc goes there */;
			back: WatchMode;
	  };

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

/** Those that the filter leaves, in the order that was chosen. */
export function tasksShown({ tasks, filter, sort }: WatchModel): TaskView[] {
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	const left = tasks.filter((task) => {
		if (words.length === 0) return true;
		const text = searchText(task);
		return words.every((word) => text.includes(word));
	});
	if (sort === "need") return inOrder(left);
	if (sort === "name") return left.sort((a, b) => (a.id < b.id ? -1 : 1));
	return left.sort((a, b) => later(a.createdAt, b.createdAt));
}

function searchText({ id, state, model, backend, host, prompt, tags }: TaskView): string {
	const tagged = Object.entries(tags).map(([name, value]) => `${name}=${value}`);
	return [id, state, model ?? backend, host, prompt, ...tagged].join("\n").toLowerCase();
}

/** What needs a person first, then what runs, then what waits, then what ended last. */
function inOrder(tasks: TaskView[]): TaskView[] {
	const of = (task: TaskView) => (isEnded(task.state) ? (task.endedAt ?? task.createdAt) : task.createdAt);
	return tasks.sort((a, b) => ORDER[a.state] - ORDER[b.state] || later(of(a), of(b)));
}

/** The later one first. Times in UTC of one form are in the order of their letters, and need no reading. */
function later(a: string, b: string): number {
	return a === b ? 0 : a < b ? 1 : -1;
}

/** @returns exactly `rows` lines, none wider than the screen */
export function watchFrame(model: WatchModel, size: Size, colors: Colors): Frame {
	const { mode } = model;
	if (mode.kind === "answer") {
		const head = topLine(model, ` ${mode.answering.task} asks (${mode.answering.seq})`, "", size, colors);
		const keys = model.isSettling ? null : ["Ctrl-N next", "Esc back"];
		return answerFrame(mode.answering, head, size, colors, keys);
	}
	if (mode.kind === "page") {
		const { page } = mode;
		const top = (place: string) => topLine(model, ` ${page.title}`, place, size, colors);
		return pageFrame(page, top, size, colors, model.isSettling);
	}
	const head = topLine(model, countsText(model, size), "", size, colors);
	const foot = footLines(model, size, colors);
	const lines = listLines(model, size, Math.max(0, size.rows - 1 - foot.length), colors);
	const frame = framed(head, lines, foot, size);
	return mode.kind === "filter" ? { ...frame, caret: filterCursor(mode.editor, size) } : frame;
}

function framed(head: string, body: readonly string[], foot: readonly string[], { rows }: Size): Frame {
	const room = Math.max(0, rows - 1 - foot.length);
	const filled = [...body, ...Array<string>(Math.max(0, room - body.length)).fill("")];
	return { lines: [head, ...filled.slice(0, room), ...foot].slice(0, rows), caret: null };
}

function topLine(model: WatchModel, title: string, place: string, size: Size, colors: Colors): string {
	const { awaySince, now } = model;
	if (awaySince !== null)
		return colors.red(pad(awayLine(` Redis is away since ${secondsText(awaySince)}`, size), size.columns));
	return headLine(title, `${place}${secondsText(now)} `, size, colors);
}

function awayLine(away: string, { columns }: Size): string {
	return longestFitting(
		[`${away}: agents run on, this picture is old`, `${away}: agents run on`, away, " Redis is away"],
		columns,
	);
}

/** What stands at the top in any case, where there is room. */
const ALWAYS_COUNTED: readonly Became[] = ["asking", "running", "queued"];
const COUNTED: readonly Became[] = [
	...(["asking", "parked", "running", "queued", "waiting"] as const),
	...(["failed", SKIPPED, "cancelled", "completed"] as const),
];
/** Where not all have room, a failure tells more than what waits its turn. */
const COUNTED_NARROW: readonly Became[] = [
	...(["asking", "parked", "running", "failed", "queued", "waiting"] as const),
	...([SKIPPED, "cancelled", "completed"] as const),
];

/** As many of the numbers as fit, in the same words as everywhere. */
function countsText({ tasks, unread = {}, unreadSkipped = 0 }: WatchModel, { columns }: Size): string {
	const read = totalsApart(
		totalsOf(tasks.map(({ state }) => state)),
		tasks.filter(({ state, reason }) => state === "cancelled" && reason === SKIPPED).length,
	);
	const others = totalsApart(unread, unreadSkipped);
	const isWide = columns >= 60;
	const words = (isWide ? COUNTED : COUNTED_NARROW)
		.map((became) => ({ became, count: (read[became] ?? 0) + (others[became] ?? 0) }))
		.filter(({ became, count }) => count > 0 || (isWide && ALWAYS_COUNTED.includes(became)))
		.map(({ became, count }) => `${count} ${became}`);
	const name = isWide ? " dispatch  " : " ";
	const gap = isWide ? " · " : ", ";
	const clock = secondsText(0).length + 2;
	const fitting = words.filter(
		(_, n) => `${name}${words.slice(0, n + 1).join(gap)}`.length + clock <= columns,
	);
	return name + (fitting.join(gap) || "no tasks");
}

function listLines(model: WatchModel, size: Size, room: number, colors: Colors): string[] {
	const tasks = tasksShown(model);
	const damaged = damagedLines(model.damaged, size, colors);
	const blank = size.rows >= ROOMY_ROWS ? [""] : [];
	const filter = filterLine(model, tasks.length, size, colors);
	if (model.tasks.length === 0 && damaged.length > 0) return damaged;
	if (model.tasks.length === 0)
		return ["", ...indentedLines('No tasks yet. Submit one: dispatch enqueue "Review the login code"', size)];
	const older = olderLine(model.unread, size, colors);
	if (tasks.length === 0)
		return [...filter, ...blank, ...indentedLines("No task has this. Esc shows all.", size), ...older];
	const asking = questionLines(tasks, size, colors);
	const top = [...filter, ...(filter.length > 0 && asking.length === 0 ? [] : blank), ...asking];
	const upper = asking.length > 0 ? [...top, ...blank] : top;
	const below = [...older, ...damaged];
	const left = Math.max(1, room - upper.length - below.length - 1);
	const at = Math.max(
		0,
		tasks.findIndex(({ id }) => id === model.selected),
	);
	const part = partOf(tasks, at, left);
	const shape = shapeOf(tasks, size);
	const rows = part.inSight.map((task) => {
		const line = taskLine(task, shape, model.now, colors);
		return task.id === model.selected ? `${colors.cyan("›")}${line}` : ` ${line}`;
	});
	return [...upper, colors.dim(` ${headings(shape)}`), ...rows, ...moreLine(part, size, colors), ...below];
}

function indentedLines(text: string, { columns }: Size): string[] {
	return wrap(text, columns - 2).map((line) => `  ${line}`);
}

/** What is not as usual in the list; nothing where all is. */
function filterLine(
	{ filter, sort, tasks, unread }: WatchModel,
	left: number,
	{ columns }: Size,
	colors: Colors,
): string[] {
	const listed = countOf(unread) === 0 ? "" : " in this list";
	const parts = [
		filter.trim() === "" ? "" : `${left} of ${tasks.length}${listed} have “${filter.trim()}”`,
		sort === "need" ? "" : sort === "name" ? "by name" : "newest first",
	].filter(Boolean);
	return parts.length === 0 ? [] : [colors.yellow(` ${foreign(parts.join(", "), columns - 1)}`)];
}

/** Where a list holds not all, it says so, whatever of it is in sight: a filter has not looked at the others either. */
function olderLine(unread: Totals | undefined, { columns }: Size, colors: Colors): string[] {
	const count = countOf(unread);
	if (count === 0) return [];
	const all = "dispatch ls --all";
	const ones = count === 1 ? "1 older one is" : `${count} older ones are`;
	const texts = [` ${ones} not in this list: ${all}`, ` ${count} older: ${all}`, ` ${all}`];
	return [colors.dim(longestFitting(texts, columns))];
}

function countOf(totals: Totals = {}): number {
	return Object.values(totals).reduce((sum, count) => sum + count, 0);
}

function damagedLines(damaged: readonly DamagedTask[], { columns }: Size, colors: Colors): string[] {
	if (damaged.length === 0) return [];
	const lines = damaged.slice(0, DAMAGED_SHOWN).map(({ id, damage }) => {
		const name = ` ${foreign(id, Math.min(MOST_TASK_COLUMNS, columns - 2))} `;
		return colors.red(name) + foreign(`damaged: ${damage}`, columns - widthOf(name) - 1);
	});
	const more = damaged.length - lines.length;
	return ["", ...lines, ...(more > 0 ? [colors.dim(` and ${more} more damaged: dispatch ls --all`)] : [])];
}

function questionLines(tasks: readonly TaskView[], { columns, rows }: Size, colors: Colors): string[] {
	const asking = inAskedOrder(tasks);
	if (asking.length === 0) return [];
	const most = rows >= ROOMY_ROWS ? QUESTIONS_SHOWN : 1;
	const lines = asking.slice(0, most).map((task) => {
		const name = `${clip(task.id, Math.floor(columns / 2))}: `;
		return ` ${colors.yellow("?")} ${colors.bold(name)}${foreign(openQuestion(task)?.text ?? "", columns - widthOf(name) - 4)}`;
	});
	const more = asking.length - lines.length;
	return [...lines, ...(more > 0 && rows >= ROOMY_ROWS ? [colors.dim(`   and ${more} more`)] : [])];
}

const LIST_HINTS = [
	"↑↓ select",
	"Enter open",
	"a answer",
	"l logs",
	"o output",
	"d diff",
	"r retry",
	"c cancel",
	"/ filter",
	"s sort",
	"? keys",
	"q quit",
];
const FILTER_PROMPT = " / ";

function footLines({ mode, message, isSettling }: WatchModel, size: Size, colors: Colors): string[] {
	const { columns } = size;
	const confirmed = (text: string) => [
		...wrap(text, columns - 2).map((line) => colors.yellow(` ${line}`)),
		hintLine(["y yes", "n no"], size, colors),
	];
	if (mode.kind === "filter") {
		const { rows } = mode.editor.view(filterColumns(size), 1);
		return [
			clip(`${FILTER_PROMPT}${rows[0]}`, columns),
			hintLine(["Enter keep", "Esc show all"], size, colors),
		];
	}
	if (mode.kind === "confirm") {
		const { id, state, startedAt } = mode.shown;
		const again =
			startedAt === null ? "" : ` again ${beginsAnew(state) ? "from the beginning" : "where it stopped"}`;
		return confirmed(
			mode.act === "cancel"
				? `Cancel ${id}?${isLive(state) ? " Its agent is stopped." : ""}`
				: `Start ${id}${again}?`,
		);
	}
	const keys = isSettling
		? heldLine(size, colors)
		: hintLine(columns < 60 ? LIST_HINTS.slice(1) : LIST_HINTS, size, colors);
	const told = message === null ? [] : toldRows(message, size);
	return [...told, keys];
}

function filterColumns({ columns }: Size): number {
	return Math.max(2, columns - FILTER_PROMPT.length - 1);
}

function filterCursor(editor: Editor, size: Size): Frame["caret"] {
	return {
		row: size.rows - 2,
		column: FILTER_PROMPT.length + editor.view(filterColumns(size), 1).caret.column,
	};
}
