/** A batch in words: how far it is, what became of each of its tasks, and what failed. Pure: from tasks to lines. */
import { formatDuration } from "../../task/duration.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded, SKIPPED, type State } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { waitOf } from "../../task/view-why.ts";
import type { Column } from "./columns.ts";
import { type Output, oneLine } from "./output.ts";
import { inRows, openQuestion, quoted } from "./question-lines.ts";
import { endLine, stateText } from "./report-lines.ts";
import { costText } from "./task-columns.ts";

type Became = State | typeof SKIPPED;

/** What needs nobody stands first: a log is read from its end. */
const ORDER: readonly Became[] = [
	...(["completed", "waiting", "queued", "running"] as const),
	...(["asking", "parked", SKIPPED, "cancelled", "failed"] as const),
];
const COUNTED: readonly Became[] = [
	...(["completed", "failed", "cancelled", SKIPPED] as const),
	...(["parked", "asking", "running", "queued", "waiting"] as const),
];
/** Of one state; a log of a thousand lines is not read. */
const ROWS_EACH = 50;
const FAILED_SHOWN = 20;
const NAMED = 5;
const WHY_CHARS = 100;
const LINE_CHARS = 1_000;

function becameOf({ state, reason }: Pick<TaskRecord, "state" | "reason">): Became {
	return reason === SKIPPED ? SKIPPED : state;
}

function countsOf(tasks: readonly Pick<TaskRecord, "state" | "reason">[]): Map<Became, number> {
	const became = tasks.map(becameOf);
	return new Map(
		COUNTED.map((each) => [each, became.filter((state) => state === each).length] as const).filter(
			([, count]) => count > 0,
		),
	);
}

function countsText(tasks: readonly TaskRecord[]): string {
	return [...countsOf(tasks)].map(([state, count]) => `${count} ${state}`).join(", ");
}

/** `18 completed, 1 failed in 12m, $3.10`: of all of them, in the time in which one was due, at work or asking. */
export function totalLine(records: readonly TaskRecord[], now: number): string {
	return `${countsText(records)} in ${formatDuration(busyMs(records, now))}${costOf(records)}`;
}

/** As far as the records tell: between an end and a new start (`retry`, `--rerun`) nobody waited for anything. */
function busyMs(records: readonly TaskRecord[], now: number): number {
	const spans = records
		.filter(({ state }) => state !== "waiting")
		.map((record) => {
			const until = endOf(record, now);
			return { from: Math.min(record.queuedAt ?? record.createdAt, until - workedMs(record, now)), until };
		})
		.sort((a, b) => a.from - b.from);
	let total = 0;
	let until = Number.NEGATIVE_INFINITY;
	for (const span of spans) {
		total += Math.max(0, span.until - Math.max(span.from, until));
		until = Math.max(until, span.until);
	}
	return total;
}

/** Started again it still knows when it ended before. */
function endOf({ state, endedAt }: TaskRecord, now: number): number {
	return isEnded(state) ? (endedAt ?? now) : now;
}

/** Since a person started it last; neither its waiting for a place nor for an answer counts. */
export function workedMs(
	{ workedMs: before, workingSince }: Pick<TaskRecord, "workedMs" | "workingSince">,
	now: number,
): number {
	return before + (workingSince === null ? 0 : Math.max(0, now - workingSince));
}

/** Nothing where no agent said what it cost. */
function costOf(records: readonly TaskRecord[]): string {
	const usages = records.flatMap(({ progress }) => progress.usage ?? []);
	const known = usages.flatMap(({ costUsd }) => costUsd ?? []);
	if (known.length === 0) return "";
	const sum = known.reduce((total, each) => total + each, 0);
	return `, ${usages.some(({ estimated }) => estimated) ? "about " : ""}$${sum.toFixed(2)}`;
}

/** `Still at work after 14m: 12 of 20 ended, 1 failed. Running: api 2/5, docs. Asking: db. 3 queued.` */
export function stillLine(records: readonly TaskRecord[], now: number): string {
	const counts = countsOf(records);
	const ended = records.filter(({ state }) => isEnded(state)).length;
	const bad = (["failed", "cancelled", SKIPPED, "parked"] as const).flatMap((state) =>
		counts.has(state) ? `${counts.get(state)} ${state}` : [],
	);
	const named = (state: State, word: string) => {
		const those = records.filter((record) => record.state === state);
		const names = those.slice(0, NAMED).map(({ spec, progress }) => {
			const { items } = progress.plan;
			const done = items.filter(({ marker }) => marker === "x").length;
			return items.length === 0 ? spec.id : `${spec.id} ${done}/${items.length}`;
		});
		const more = those.length > NAMED ? ` and ${those.length - NAMED} more` : "";
		return those.length === 0 ? [] : [`${word}: ${names.join(", ")}${more}.`];
	};
	const idle = (["queued", "waiting"] as const).flatMap((state) =>
		counts.has(state) ? `${counts.get(state)} ${state}` : [],
	);
	return [
		`Still at work after ${formatDuration(busyMs(records, now), 1)}: ${[`${ended} of ${records.length} ended`, ...bad].join(", ")}.`,
		...named("running", "Running"),
		...named("asking", "Asking"),
		...(idle.length === 0 ? [] : [`${idle.join(", ")}.`]),
	].join(" ");
}

/** A row for each task, what failed last; of many in one state the first ones. @param worked by task, in ms */
export function endColumns(
	views: readonly TaskView[],
	worked: ReadonlyMap<string, number>,
	now: number,
	colors: Output["colors"],
): Column[] {
	const shown = ORDER.flatMap((state) =>
		views.filter((view) => becameOf(view) === state).slice(0, ROWS_EACH),
	);
	const cells = (cell: (view: TaskView) => string) => shown.map(cell);
	const columns: Column[] = [
		{ heading: "TASK", cells: cells(({ id }) => id), least: 12, wish: 24 },
		{
			heading: "STATE",
			cells: cells(becameOf),
			paint: (cell, row) => stateText(shown[row]?.state ?? "queued", colors, cell),
		},
		{
			heading: "PLAN",
			cells: cells(({ plan: { done, total } }) => (total === 0 ? "" : `${done}/${total}`)),
			goes: 3,
		},
		{ heading: "TIME", cells: cells((view) => timeText(view, worked)), goes: 1 },
		{ heading: "COST", cells: cells(costText), goes: 2 },
		{
			heading: "WHY",
			cells: cells((view) => whyText(view, now)),
			most: WHY_CHARS,
			least: 14,
			wish: 20,
		},
	];
	return columns.filter(({ cells: all, heading }) => heading === "TASK" || all.some((cell) => cell !== ""));
}

/** How many rows are left out of `endColumns`, by state; null: none. */
export function leftOutLine(views: readonly TaskView[]): string | null {
	const more = [...countsOf(views)].flatMap(([state, count]) =>
		count > ROWS_EACH ? `${count - ROWS_EACH} more ${state}` : [],
	);
	return more.length === 0 ? null : `(and ${more.join(", ")}: dispatch ls --all)`;
}

function timeText({ id, startedAt }: TaskView, worked: ReadonlyMap<string, number>): string {
	return startedAt === null ? "" : formatDuration(worked.get(id) ?? 0);
}

function whyText(view: TaskView, now: number): string {
	const { state, reason, outcome, waits } = view;
	switch (state) {
		case "failed":
			return oneLine(`${reason ?? "unknown"}: ${outcome?.message ?? ""}`, LINE_CHARS);
		case "cancelled":
			return oneLine(outcome?.message ?? "", LINE_CHARS);
		case "asking":
		case "parked":
			return quoted(openQuestion(view)?.text ?? "", LINE_CHARS);
		case "queued":
		case "waiting":
			return oneLine((waits ?? waitOf(view, undefined, now))?.why ?? "", LINE_CHARS);
		default:
			return "";
	}
}

/** Of each that failed, was cancelled or is parked, what became of it, in one line; what was skipped is not to blame. */
export function blameLines(views: readonly TaskView[]): { title: string; line: string }[] {
	return toBlame(views)
		.slice(0, FAILED_SHOWN)
		.map((view) => ({ title: titleOf(view), line: oneLine(endLine(view, WHY_CHARS), LINE_CHARS) }));
}

/** How many are left out of `blameLines`; null: none. */
export function moreBlamedLine(views: readonly TaskView[]): string | null {
	const more = toBlame(views).length - FAILED_SHOWN;
	return more > 0 ? `(and ${more} more: dispatch ls --state failed,cancelled,parked)` : null;
}

function toBlame(views: readonly TaskView[]): TaskView[] {
	return views.filter(
		(view) => ["failed", "cancelled", "parked"].includes(view.state) && becameOf(view) !== SKIPPED,
	);
}

function titleOf({ id, state, reason }: TaskView): string {
	return state === "failed" ? `${id} failed (${reason ?? "unknown"})` : `${id} is ${state}`;
}

/** What the agents of those that failed printed last. @param most so many of them */
export function tailBlocks(views: readonly TaskView[], most: number): { title: string; lines: string[] }[] {
	return views
		.filter(({ state, outcome }) => state === "failed" && (outcome?.logTail.length ?? 0) > 0)
		.slice(0, most)
		.map(({ id, outcome }) => ({
			title: `The last lines of \`${id}\``,
			lines: inRows((outcome?.logTail ?? []).map((line) => `  | ${oneLine(line)}`)),
		}));
}

/** `12 completed, 1 failed, 2 running, 5m`: the last row of what is drawn on a terminal. */
export function shortLine(records: readonly TaskRecord[], now: number): string {
	return `${countsText(records)}, ${formatDuration(busyMs(records, now), 1)}`;
}
