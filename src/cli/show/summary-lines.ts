/** `dispatch status` without an id: what runs, what needs a person, what waits and for what, what failed. Pure. */
import type { Told } from "../../actions/unsigned.ts";
import type { State } from "../../task/states.ts";
import { totalsTexts } from "../../task/totals.ts";
import type { TaskView } from "../../task/view.ts";
import { ageText, timeOf } from "../../task/view-times.ts";
import { whatOf } from "../../task/view-what.ts";
import type { Wait } from "../../task/wait.ts";
import { type Output, oneLine } from "./output.ts";
import { briefLines, inAskedOrder, openQuestion } from "./question-lines.ts";

type Colors = Output["colors"];

const SHOWN = 10;
const NAMED = 5;
const WHAT_SHOWN = 80;

interface Summary {
	/** newest first */
	open: readonly TaskView[];
	/** the newest few of them, newest first */
	failed: readonly TaskView[];
	/** of those that failed, by id: those that this host will not start again */
	refused: ReadonlyMap<string, Told>;
	/** this host: `retry --failed` is for its tasks */
	own: string;
	counts: Partial<Record<State, number>>;
	/** how many of those that are cancelled were skipped */
	skipped: number;
	/** a sentence about the worker here */
	worker: string;
	/** there are tasks whose records cannot be read */
	isDamaged: boolean;
	now: number;
}

/** The whole summary: what runs first, then what needs you, then what waits, and what failed with the next step. */
export function summaryLines(summary: Summary, colors: Colors): string[] {
	const { open, failed, refused, own, counts, skipped, worker, isDamaged, now } = summary;
	if (Object.keys(counts).length === 0) {
		if (isDamaged) return [`No task can be read. ${worker}`];
		return [
			"No tasks yet. Submit one:",
			'  dispatch enqueue "Review the login code"',
			"Or look at it first: dispatch demo",
			"All commands: dispatch --help",
		];
	}
	const asking = inAskedOrder(open);
	const others = open.filter((view) => openQuestion(view) === undefined);
	const waiting = others.filter(({ waits }) => waits);
	const running = others.filter(({ waits }) => !waits);
	return [
		`${totalsTexts(counts, skipped).join(", ")}. ${worker}`,
		...runningLines(running, now, colors),
		...askingLines(asking, colors),
		...waitingLines(waiting),
		...failedLines(failed, { count: counts.failed ?? 0, refused, own, now }, colors),
	];
}

function runningLines(views: readonly TaskView[], now: number, colors: Colors): string[] {
	if (views.length === 0) return [];
	const shown = views.slice(0, SHOWN);
	const lines = rowsOf(shown, now, colors, ({ plan, hold, state }) => {
		const done = plan.total === 0 ? "" : ` ${plan.done}/${plan.total}`;
		const held = hold === null ? "" : ` (${hold.kind.replaceAll("_", " ")})`;
		return `${colors.cyan(state)}${done}${held}`;
	});
	return ["", ...lines, ...moreLines(views.length - shown.length, "running")];
}

interface Failures {
	/** all that failed */
	count: number;
	refused: ReadonlyMap<string, Told>;
	own: string;
	now: number;
}

/** What became of them, and what to do about it. */
function failedLines(
	views: readonly TaskView[],
	{ count, refused, own, now }: Failures,
	colors: Colors,
): string[] {
	const [first] = views;
	if (first === undefined) return [];
	const lines = rowsOf(views, now, colors, ({ state }) => colors.red(state));
	const areOurs = views.every(({ host, id }) => host === own && !refused.has(id));
	const again =
		count > 1 && areOurs
			? "Start them again: dispatch retry --failed"
			: (refused.get(first.id)?.fix ?? `Start it again: dispatch retry ${first.id}`);
	const why = `Why: dispatch status ${first.id}. ${again}`;
	return ["", ...lines, ...moreLines(count - views.length, "failed"), why];
}

/** A line each: its name, its state in words, its age, and what it is about. */
function rowsOf(
	views: readonly TaskView[],
	now: number,
	colors: Colors,
	stateOf: (view: TaskView) => string,
): string[] {
	const widest = Math.max(...views.map(({ id }) => id.length));
	return views.map((view) => {
		const name = `${colors.bold(view.id)}${" ".repeat(widest - view.id.length)}`;
		const what = oneLine(whatOf(view), WHAT_SHOWN);
		return `${name}  ${stateOf(view)}  ${ageText(view, now)}  ${what}`.trimEnd();
	});
}

function askingLines(views: readonly TaskView[], colors: Colors): string[] {
	const lines = views.slice(0, SHOWN).flatMap((view) => {
		const held = view.hold === null ? "" : ` (${view.hold.kind.replaceAll("_", " ")})`;
		return ["", ...briefLines(view, colors.bold(view.id), held)];
	});
	const more = views.length - SHOWN;
	return [...lines, ...(more > 0 ? ["", `and ${more} more: dispatch questions`] : [])];
}

type Waiting = TaskView & { waits: Wait };

/** By their reasons, the most frequent first; of each a few, the soonest first, then those that were submitted first. */
function waitingLines(views: readonly TaskView[]): string[] {
	if (views.length === 0) return [];
	const groups = new Map<string, Waiting[]>();
	for (const view of [...views].reverse() as Waiting[]) {
		const reason = sharedReason(view.waits);
		groups.set(reason, [...(groups.get(reason) ?? []), view]);
	}
	const sorted = [...groups.values()].map(soonestFirst).sort((a, b) => b.length - a.length);
	const isOne = sorted.length === 1;
	const indent = isOne ? "" : "  ";
	const lines = sorted.flatMap((group) => groupLines(group).map((line) => indent + line));
	const states = [...new Set(views.map(({ state }) => `--state ${state}`))].join(" ");
	const all = views.length > NAMED ? [`All of them: dispatch ls ${states} --all`] : [];
	return ["", ...(isOne ? [] : [`${views.length} wait:`]), ...lines, ...all];
}

/** Of one kind may be what is late for another reason: a next try and a delay, a rate limit and a service that is away. */
function sharedReason({ kind, why }: Wait): string {
	return kind === "time" || kind === "limit" ? `${kind} ${why.split(" ", 1)}` : kind;
}

/** What each of a few waits for is its own; one reason for all of them is told once. */
function groupLines(group: readonly Waiting[]): string[] {
	const [{ waits }] = group as [Waiting];
	if (waits.kind !== "tasks" || group.every((each) => each.waits.text === waits.text))
		return [reasonOf(group), `  ${namesOf(group)}`];
	const each = group
		.slice(0, NAMED)
		.map(({ id, waitsFor }) => `  ${id}: after ${namesOf(waitsFor.map((need) => ({ id: need })))}`);
	const more = group.length - each.length;
	return [`${group.length} wait for other tasks:`, ...each, ...(more > 0 ? [`  and ${more} more`] : [])];
}

/** "58 wait for a place: 2 of 2 agents work (worker.concurrency)." */
function reasonOf(group: readonly Waiting[]): string {
	const count = group.length;
	const verb = (word: string) => `${count} ${count === 1 ? word : word.replace(/s$/, "")}`;
	const [{ waits }] = group as [Waiting];
	if (group.every((each) => each.waits.text === waits.text))
		return waits.text.replace(/^[A-Z]\w+/, (word) => verb(word.toLowerCase()));
	return `${verb("waits")}: ${waits.why}, the first of them.`;
}

function soonestFirst(group: readonly Waiting[]): Waiting[] {
	return [...group].sort((a, b) => endOf(a) - endOf(b));
}

/** What has no end stands behind what has one. */
function endOf({ waits: { until } }: Waiting): number {
	return until === null ? Number.MAX_SAFE_INTEGER : timeOf(until);
}

function namesOf(group: readonly { id: string }[]): string {
	const names = group.slice(0, NAMED).map(({ id }) => id);
	const more = group.length - names.length;
	return more > 0 ? `${names.join(", ")} and ${more} more` : names.join(", ");
}

function moreLines(more: number, state: State): string[] {
	return more > 0 ? [`and ${more} more: dispatch ls --state ${state}`] : [];
}
