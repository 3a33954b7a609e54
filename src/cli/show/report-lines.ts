/** What a user reads about a task. */
import type { Told } from "../../actions/unsigned.ts";
import { formatDuration } from "../../task/duration.ts";
import { isEnded, isLive } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { timeOf } from "../../task/view-times.ts";
import { waitOf } from "../../task/view-why.ts";
import { changesText } from "../../task/worktree.ts";
import { type Output, oneLine } from "./output.ts";
import {
	answerLines,
	commandFor,
	indented,
	inRows,
	questionLine,
	quoted,
	type ShownQuestion,
	saidLines,
} from "./question-lines.ts";

type Colors = Output["colors"];

const TAIL_SHOWN = 10;
const QUESTIONS_SHOWN = 5;
const TEXT_SHOWN = 300;
const AFTER_SHOWN = 10;
/** Whose last lines a failed task has, where they are not the agent's. */
export const PRINTED_BY: Readonly<Record<string, string>> = { setup_failed: "setup", verify_failed: "check" };

/** One line that states how a task ended, or that it is parked. @param limit characters of what it asks */
export function endLine(view: TaskView, limit?: number): string {
	const what = oneLine(view.outcome?.message ?? "");
	switch (view.state) {
		case "completed":
			return `\`${view.id}\` complete. ${what} ${reportHint(view)}`.trimEnd();
		case "failed":
			return `\`${view.id}\` failed (${view.reason ?? "unknown"}). ${what}`.trimEnd();
		case "cancelled":
			// Its message says so itself, with who did it; what was skipped has another one.
			return `\`${view.id}\` ${/^Cancelled\b/.test(what) ? `c${what.slice(1)}` : `cancelled. ${what}`}`.trimEnd();
		case "parked":
			return `\`${view.id}\` is parked until its question is answered. ${questionLine(view, undefined, limit)}`;
		case "waiting":
			return `\`${view.id}\` waits for ${view.waitsFor.join(", ")}, which a person has to look at first: dispatch status ${view.waitsFor[0] ?? view.id}`;
		default:
			return `\`${view.id}\` is ${view.state}. ${what}`.trimEnd();
	}
}

function reportHint({ id, reportPath }: TaskView): string {
	return reportPath === null ? `See \`dispatch status ${id}\`.` : `Full report at ${oneLine(reportPath)}`;
}

/** What is known here of this host's own task: what it can do itself is told. */
export interface OwnHost {
	host: string;
	/** why it will not start it (again), and what helps */
	refused: Told | null;
}

/** A task's whole report: what needs you first. */
export function reportLines(view: TaskView, colors: Colors, now: number, own?: OwnHost): string[] {
	const head = `${colors.bold(view.id)}  ${stateText(view.state, colors)}  ${colors.dim(`${view.model ?? view.backend}, ${startsOf(view)}`)}`;
	const parts = [
		askingLines(view, colors),
		answeredLines(view, colors),
		endLines(view, colors),
		holdLines(view, now, own?.host),
		planLines(view, colors),
		factLines(view, now),
	];
	return [
		head,
		...parts.filter((lines) => lines.length > 0).flatMap((lines) => ["", ...lines]),
		...nextLines(view, own?.refused ?? null),
	];
}

function startsOf(view: TaskView): string {
	return view.attempt === 0 ? "not started yet" : `attempt ${view.attempt}`;
}

export function stateText(state: TaskView["state"], colors: Colors, text: string = state): string {
	switch (state) {
		case "completed":
			return colors.green(text);
		case "failed":
			return colors.red(text);
		case "asking":
		case "parked":
			return colors.yellow(text);
		case "running":
			return colors.cyan(text);
		default:
			return text;
	}
}

function askingLines(view: TaskView, colors: Colors): string[] {
	const open = view.questions.filter((question) => question.open);
	const who = view.state === "parked" ? "Stopped with a question" : "Worker is asking";
	const lines = open
		.slice(0, QUESTIONS_SHOWN)
		.flatMap((question) => [
			colors.yellow(`${who} (${question.seq}):`),
			...indented(question.text),
			...answerLines(question, commandFor(view, question)),
		]);
	const more = open.length - QUESTIONS_SHOWN;
	return more > 0 ? [...lines, `(and ${more} more: dispatch questions)`] : lines;
}

/** The newest ones that are over: with their answers, or that its end left them without one. */
function answeredLines(view: TaskView, colors: Colors): string[] {
	const hasEnded = isEnded(view.state);
	const answered = view.questions.filter(({ answer, open }) => answer !== null || (hasEnded && !open));
	const more = answered.length - QUESTIONS_SHOWN;
	return [
		...(more > 0 ? [`(${more} more questions are over: dispatch logs ${view.id})`] : []),
		...answered
			.slice(-QUESTIONS_SHOWN)
			.flatMap((question) => [
				...inRows([`Worker asked (${whichOf(question)}): ${quoted(question.text, TEXT_SHOWN)}`]).map(
					colors.dim,
				),
				...inRows(saidLines(question, { limit: TEXT_SHOWN, room: null }).map((line) => `  ${line}`)),
			]),
	];
}

/** Numbers begin anew with each session. */
function whichOf({ seq, earlierSession }: ShownQuestion): string {
	return earlierSession ? `${seq}, in an earlier session` : seq;
}

function endLines(view: TaskView, colors: Colors): string[] {
	const { outcome } = view;
	// While it runs or asks, the outcome is that of an earlier run; the parked one's is its question.
	if (outcome === null || isLive(view.state) || view.state === "parked") return [];
	const said = oneLine(outcome.message);
	const isFailed = view.state === "failed";
	const first = isFailed ? `Failed (${view.reason ?? "unknown"}): ${said}` : said;
	const code = outcome.exitCode === null ? "" : `exit code ${outcome.exitCode}`;
	const how = outcome.signal === null ? code : `signal ${oneLine(outcome.signal)}`;
	const by = PRINTED_BY[view.reason ?? ""];
	const tail = isFailed ? outcome.logTail.slice(-TAIL_SHOWN) : [];
	return [
		...(first === "" ? [] : inRows([first]).map((row) => (isFailed ? colors.red(row) : row))),
		...inRows(outcome.warnings.map((warning) => `Warning: ${oneLine(warning)}`)).map(colors.yellow),
		...(isFailed && how !== "" && by !== "setup" ? inRows([`The agent ended with ${how}.`]) : []),
		...(tail.length === 0
			? []
			: [
					by === undefined ? "Its last lines:" : `The ${by}'s last lines (all: dispatch logs ${view.id}):`,
					...inRows(tail.map((line) => `  | ${oneLine(line)}`)),
				]),
	];
}

/** What keeps it, in the words of every list. */
function holdLines(view: TaskView, now: number, own: string | undefined): string[] {
	const { hold, id, host } = view;
	const waits = view.waits ?? waitOf(view, undefined, now);
	if (hold?.kind === "cancelling") return inRows(["It is being cancelled.", ...(waits ? [waits.text] : [])]);
	if (hold?.kind === "host_gone" && host === own)
		return waits !== null && waits.kind !== "host"
			? [waits.text]
			: [
					"No worker runs on this host: nobody works on it, or looks after its agent. `dispatch up` starts one.",
				];
	if (hold?.kind === "host_gone")
		return [
			`No worker runs on its host ${host}: nobody works on it, or looks after its agent.`,
			`Start one there (dispatch up), take the task over (dispatch retry ${id} --here), or end it (dispatch cancel ${id}).`,
		];
	const answered =
		hold?.kind === "answered" ? ["Its question is answered: it goes on at the next free place."] : [];
	return waits === null ? answered : inRows([...answered, waits.text]);
}

function planLines(view: TaskView, colors: Colors): string[] {
	const { title, items, done, total } = view.plan;
	if (items.length === 0) return [];
	const shown = items.flatMap(({ marker, text, note }) => {
		const mark = marker === "x" ? colors.green("x") : marker === " " ? " " : colors.yellow(marker);
		return [
			...inRows([`  [${mark}] ${oneLine(text)}`]),
			...(note === null ? [] : inRows([`      ${oneLine(note, 200)}`]).map(colors.dim)),
		];
	});
	return [...inRows([`Plan: ${oneLine(title ?? "")} ${done}/${total}`.replace(/ +/g, " ")]), ...shown];
}

function factLines(view: TaskView, now: number): string[] {
	const { usage } = view;
	const cost =
		usage === null || usage.costUsd === null
			? ""
			: `, ${usage.estimated ? "about " : ""}$${usage.costUsd.toFixed(2)}`;
	const live = isLive(view.state);
	const facts: [string, string | null][] = [
		["Doing", live && view.activity !== null ? oneLine(view.activity, 120) : null],
		["Prompt", oneLine(view.prompt, 120)],
		["Usage", usage === null ? null : `${usage.inputTokens} tokens in, ${usage.outputTokens} out${cost}`],
		["Where", `${oneLine(view.cwd)} on ${view.host}`],
		["Branch", branchText(view)],
		["When", timesOf(view, now)],
		["After", view.after.length === 0 ? null : namedUpTo(view.after, AFTER_SHOWN)],
		[
			"Tags",
			Object.entries(view.tags)
				.map(([name, value]) => oneLine(`${name}=${value}`))
				.join(", ") || null,
		],
		["Report", view.reportPath === null ? null : oneLine(view.reportPath)],
	];
	return inRows(
		facts.flatMap(([name, value]) => (value === null ? [] : [`${`${name}:`.padEnd(8)}${value}`])),
	);
}

function namedUpTo(ids: readonly string[], most: number): string {
	const more = ids.length > most ? ` and ${ids.length - most} more` : "";
	return `${ids.slice(0, most).join(", ")}${more}`;
}

function branchText({ branch, changes }: TaskView): string | null {
	if (branch === null) return null;
	return changes === null ? `${branch}, nothing committed yet` : `${branch}, ${changesText(changes)}`;
}

function timesOf(view: TaskView, now: number): string {
	const since = (time: string) => `${formatDuration(Math.max(0, now - timeOf(time)))} ago`;
	const parts = [`created ${since(view.createdAt)}`];
	if (view.startedAt !== null) parts.push(`started ${since(view.startedAt)}`);
	if (view.endedAt !== null) parts.push(`ended ${since(view.endedAt)}`);
	return parts.join(", ");
}

function nextLines(view: TaskView, refused: Told | null): string[] {
	switch (view.state) {
		case "completed":
			return [
				...(view.reportPath === null ? [] : ["", `Read the report: dispatch output ${view.id}`]),
				...(view.changes?.files
					? [
							"",
							`See what it changed, bring it into your branch: dispatch diff ${view.id}; dispatch apply ${view.id}`,
						]
					: []),
			];
		case "failed":
		case "cancelled":
			if (refused !== null) return ["", ...inRows([`${refused.text} ${refused.fix}.`])];
			return view.outcome?.message.includes("dispatch retry")
				? []
				: ["", `Start it again: dispatch retry ${view.id}`];
		case "running":
			return ["", `Follow it: dispatch logs ${view.id} -f`];
		default:
			return [];
	}
}
