import type { OpenQuestion } from "../../queue/records/questions.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { oneLine } from "../show/output.ts";
import { answerCommand, answerLines, indented } from "../show/question-lines.ts";

/** The open questions; whose task asks and where stands beside it where that is not always the same. */
export async function questions(
	context: Context,
	{ mine }: { mine?: boolean } = {},
): Promise<number | undefined> {
	const { output } = context;
	const store = await context.store();
	const all = await store.openQuestions();
	const records = await store.getMany([...new Set(all.map(({ task }) => task))]);
	const tasks = new Map(records.map((record) => [record.spec.id, record]));
	const ownerOf = ({ task }: OpenQuestion) => tasks.get(task)?.spec.createdBy;
	const open = mine === true ? all.filter((question) => ownerOf(question) === whoAmI()) : all;
	const counts = new Map<string, number>();
	for (const { task } of open) counts.set(task, (counts.get(task) ?? 0) + 1);
	const several = (task: string) => (counts.get(task) ?? 0) > 1;
	const isShared = isOfSeveral(open.flatMap(({ task }) => tasks.get(task) ?? []));
	const lines = open.flatMap((question, index) => {
		const { task, seq } = question;
		const command = answerCommand(task, seq, !several(task));
		return [
			...(index === 0 ? [] : [""]),
			`${output.colors.bold(task)} asks (${seq})${isShared ? whose(tasks.get(task)) : ""}:`,
			...indented(question.text),
			...answerLines(question, command),
		];
	});
	const value = open.map((question) => ({
		...question,
		askedAt: new Date(question.askedAt).toISOString(),
		createdBy: ownerOf(question) ?? null,
		host: tasks.get(question.task)?.host ?? null,
	}));
	const none = mine === true ? "No open questions of your tasks." : "No open questions.";
	output.result(value, open.length === 0 ? [none] : lines);
	return undefined;
}

function isOfSeveral(records: readonly TaskRecord[]): boolean {
	const count = (of: (record: TaskRecord) => string) => new Set(records.map(of)).size;
	return count(({ spec }) => spec.createdBy) > 1 || count(({ host }) => host) > 1;
}

/** ", a task of ann@mini1 on mini2" */
function whose(record: TaskRecord | undefined): string {
	return record === undefined ? "" : `, a task of ${oneLine(record.spec.createdBy)} on ${record.host}`;
}
