import type { Context } from "../context.ts";
import { answerCommand, answerLines, indented } from "../show/question-lines.ts";

export async function questions(context: Context): Promise<number | undefined> {
	const { output } = context;
	const open = await (await context.store()).openQuestions();
	const several = (task: string) => open.filter((each) => each.task === task).length > 1;
	const lines = open.flatMap((question, index) => {
		const { task, seq } = question;
		const command = answerCommand(task, several(task) ? seq : null);
		return [
			...(index === 0 ? [] : [""]),
			`${output.colors.bold(task)} asks (${seq}):`,
			...indented(question.text),
			...answerLines(question, command).map((line) => `  ${line}`),
		];
	});
	const value = open.map((question) => ({ ...question, askedAt: new Date(question.askedAt).toISOString() }));
	output.result(value, open.length === 0 ? ["No open questions."] : lines);
	return undefined;
}
