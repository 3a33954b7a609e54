/** Questions and their answers in words: the same ones, wherever somebody looks. */

import { cleanText } from "../../task/clean-text.ts";
import { cutText } from "../../task/cut-text.ts";
import { optionsOf, PLACEHOLDER } from "../../task/question-options.ts";
import { hanging, rowsOf } from "../../task/rows.ts";
import type { TaskView } from "../../task/view.ts";
import { clockTime } from "../../task/view-times.ts";
import { roomOf } from "./columns.ts";
import { oneLine } from "./output.ts";

export type ShownQuestion = TaskView["questions"][number];

const BRIEF = 300;
const INDENT = "  ";

/** The oldest one that waits for an answer. */
export function openQuestion(view: TaskView): ShownQuestion | undefined {
	return view.questions.find((question) => question.open);
}

/** Those that ask, in the order of their oldest open questions: who has waited longest comes first, everywhere. */
export function inAskedOrder(views: readonly TaskView[]): TaskView[] {
	return views
		.flatMap((view) => {
			const open = openQuestion(view);
			return open === undefined ? [] : [{ view, askedAt: Date.parse(open.askedAt) }];
		})
		.sort((a, b) => a.askedAt - b.askedAt)
		.map(({ view }) => view);
}

/** Only a first question that is alone goes without its number: with one, a later paste answers no other question. */
export function answerCommand(task: string, seq: string, isOnly: boolean): string {
	const which = isOnly && Number(seq) === 1 ? "" : ` --seq ${Number(seq)}`;
	return `dispatch answer ${task}${which} "${PLACEHOLDER}"`;
}

/** The command for one of a task's open questions. */
export function commandFor(view: TaskView, { seq }: ShownQuestion): string {
	const isOnly = view.questions.filter((question) => question.open).length === 1;
	return answerCommand(view.id, seq, isOnly);
}

/**
 * An open question, the oldest one unless another is named, and how to answer it: on one line, for who reads the last.
 * @param limit characters of it
 */
export function questionLine(view: TaskView, seq?: string, limit?: number): string {
	const open = view.questions.find((each) => each.seq === seq && each.open) ?? openQuestion(view);
	if (open === undefined) return `\`${view.id}\` has no open question.`;
	return `Worker is asking: ${quoted(open.text, limit)} Answer with: ${commandFor(view, open)}`;
}

interface BlockOptions {
	/** whose words they are */
	who?: string;
	/** columns for a block; null: not limited; undefined: the terminal's */
	room?: number | null | undefined;
}

/** An open question as it was asked, its options below each other, and how to answer it. */
export function questionLines(
	view: TaskView,
	question: ShownQuestion,
	{ who = "Worker is asking", room }: BlockOptions = {},
): string[] {
	const lines = indented(question.text, room);
	const command = commandFor(view, question);
	if (lines.length < 2) return inRows([`${who}: ${quoted(question.text)} Answer with: ${command}`], room);
	return [`${who}:`, ...lines, ...answerLines(question, command)];
}

/** A task's oldest open question in short, for lists: its options, and how to answer it. @param more stands behind it */
export function briefLines(view: TaskView, name: string, more = ""): string[] {
	const open = openQuestion(view);
	if (open === undefined) return [];
	const { lead, options } = optionsOf(open.text);
	const others = view.questions.filter((question) => question.open).length - 1;
	return [
		...inRows([
			`${name} asks: ${quoted(lead, BRIEF)}${more}`,
			...options.map((option, i) => `  ${i + 1}. ${oneLine(option, BRIEF)}`),
		]),
		`  ${commandFor(view, open)}`,
		...(others > 0 ? [`  (and ${others} more: dispatch status ${view.id})`] : []),
	];
}

/** How to answer a question that stands above. */
export function answerLines({ text }: Pick<ShownQuestion, "text">, command: string): string[] {
	const { options } = optionsOf(text);
	const hint = options.length === 0 ? [] : ["(One of the numbers is enough; other words are as good.)"];
	return [...hint, `Answer with: ${command}`];
}

/** Lines of ours with foreign words in them, as wide as the terminal: where one goes on, it stands further right. */
export function inRows(lines: readonly string[], room = roomOf(process.stdout, {})): string[] {
	return hanging(lines, room);
}

/** A foreign text on one line, in quotes that it cannot end. @param limit characters of it */
export function quoted(text: string, limit?: number): string {
	return `"${oneLine(text, limit).replace(/["\\]/g, "\\$&")}"`;
}

/**
 * A foreign text as a block that cannot pass for a line of ours: the terminal never breaks a line of it, since what
 * goes on in the next row would stand where ours begin.
 * @param room columns of the terminal; null: nothing is broken
 */
export function indented(text: string, room = roomOf(process.stdout, {})): string[] {
	const lines = cleanText(text).trimEnd().split("\n");
	const rows = room === null ? lines : lines.flatMap((line) => rowsOf(line, room - INDENT.length));
	return rows.map((row) => INDENT + row);
}

/** A question that is over: what was asked, and what was said. */
export function answeredLines(question: ShownQuestion, { task = null, room }: SaidOptions = {}): string[] {
	const asked = task === null ? askedLine(question) : `\`${task}\` asked: ${quoted(question.text)}`;
	const [said, ...lines] = saidLines(question, { room });
	return inRows([`${asked} ${said}`, ...lines], room);
}

/** `Worker asked: "Which colour?"` */
export function askedLine({ text }: Pick<ShownQuestion, "text">): string {
	return `Worker asked: ${quoted(text)}`;
}

interface SaidOptions {
	/** whose question it is, where several tasks are told */
	task?: string | null;
	/** characters of the answer */
	limit?: number;
	/** as for a question's block */
	room?: number | null | undefined;
}

/**
 * `Answered by ann@mini1 at 14:05:09: "Blue"`, or that nobody did; of several tasks: `` `shed` was answered by … ``. An answer of several
 * lines stands below.
 */
export function saidLines(
	{ answer, answeredBy, answeredAt }: ShownQuestion,
	{ task = null, limit = Number.POSITIVE_INFINITY, room }: SaidOptions = {},
): string[] {
	if (answer === null) return [task === null ? "Not answered." : `\`${task}\` got no answer.`];
	const at = answeredAt === null ? "" : ` at ${clockTime(Date.parse(answeredAt))}`;
	const answered = task === null ? "Answered" : `\`${task}\` was answered`;
	const head = `${answered} by ${oneLine(answeredBy ?? "somebody")}${at}:`;
	const said = cleanText(answer ?? "").trim();
	if (!said.includes("\n")) return inRows([`${head} ${quoted(said, limit)}`], room);
	return [head, ...indented(cutText(said, limit), room)];
}
