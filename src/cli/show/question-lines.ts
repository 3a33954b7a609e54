/** Questions and their answers in words: the same ones, wherever somebody looks. */
import { cleanText } from "../../task/clean-text.ts";
import { optionsOf, PLACEHOLDER } from "../../task/question-options.ts";
import type { TaskView } from "../../task/view.ts";
import { oneLine } from "./output.ts";

export type ShownQuestion = TaskView["questions"][number];

const BRIEF = 300;

/** The oldest one that waits for an answer. */
export function openQuestion(view: TaskView): ShownQuestion | undefined {
	return view.questions.find((question) => question.open);
}

/** @param seq names the question, where several are open; null: the only one */
export function answerCommand(task: string, seq: string | null): string {
	return `dispatch answer ${task}${seq === null ? "" : ` --seq ${Number(seq)}`} "${PLACEHOLDER}"`;
}

/** The command for one of a task's open questions; with its number where there are several. */
export function commandFor(view: TaskView, { seq }: ShownQuestion): string {
	const isOnly = view.questions.filter((question) => question.open).length === 1;
	return answerCommand(view.id, isOnly ? null : seq);
}

/** An open question, the oldest one unless another is named, and how to answer it: on one line, for who reads the last. */
export function questionLine(view: TaskView, seq?: string): string {
	const open = view.questions.find((each) => each.seq === seq && each.open) ?? openQuestion(view);
	if (open === undefined) return `\`${view.id}\` has no open question.`;
	return `Worker is asking: "${oneLine(open.text)}" Answer with: ${commandFor(view, open)}`;
}

/** An open question as it was asked, its options below each other, and how to answer it. */
export function questionLines(view: TaskView, question: ShownQuestion, who = "Worker is asking"): string[] {
	const lines = indented(question.text);
	const command = commandFor(view, question);
	if (lines.length < 2) return [`${who}: "${oneLine(question.text)}" Answer with: ${command}`];
	return [`${who}:`, ...lines, ...answerLines(question, command)];
}

/** A task's oldest open question in short, for lists: its options, and how to answer it. @param more stands behind it */
export function briefLines(view: TaskView, name: string, more = ""): string[] {
	const open = openQuestion(view);
	if (open === undefined) return [];
	const { lead, options } = optionsOf(open.text);
	const others = view.questions.filter((question) => question.open).length - 1;
	return [
		`${name} asks: "${oneLine(lead, BRIEF)}"${more}`,
		...options.map((option, i) => `  ${i + 1}. ${oneLine(option, BRIEF)}`),
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

/** A foreign text as a block that cannot pass for a line of ours. */
export function indented(text: string): string[] {
	return cleanText(text)
		.trimEnd()
		.split("\n")
		.map((line) => `  ${line}`);
}

/** A question that is over: what was asked, and what was said. */
export function answeredLine(question: ShownQuestion, { task = null }: SaidOptions = {}): string {
	const asked = task === null ? askedLine(question) : `\`${task}\` asked: "${oneLine(question.text)}"`;
	return `${asked} ${saidLine(question)}`;
}

/** `Worker asked: "Which colour?"` */
export function askedLine({ text }: Pick<ShownQuestion, "text">): string {
	return `Worker asked: "${oneLine(text)}"`;
}

interface SaidOptions {
	/** whose question it is, where several tasks are told */
	task?: string | null;
	/** characters of the answer */
	limit?: number;
}

/** `Answered by ann@mini1 at 14:05:09: "Blue"`; of several tasks: `` `shed` was answered by … `` */
export function saidLine(
	{ answer, answeredBy, answeredAt }: ShownQuestion,
	{ task = null, limit }: SaidOptions = {},
): string {
	const at = answeredAt === null ? "" : ` at ${clockTime(Date.parse(answeredAt))}`;
	const answered = task === null ? "Answered" : `\`${task}\` was answered`;
	return `${answered} by ${oneLine(answeredBy ?? "somebody")}${at}: "${oneLine(answer ?? "", limit)}"`;
}

/** Of this day: the time; else the date before it. @param at ms since the Unix epoch */
export function clockTime(at: number, now = Date.now()): string {
	const [day, time] = local(at);
	return day === local(now)[0] ? time : `${day} ${time}`;
}

/** Here, not in UTC: `2026-11-24`, `14:05:09`. */
function local(at: number): [string, string] {
	const [day = "", time = ""] = new Date(at).toLocaleString("sv-SE").split(" ");
	return [day, time];
}
