import type { Context } from "../context.ts";
import { plain } from "../show/output.ts";

export async function questions(context: Context): Promise<number | undefined> {
	const { output } = context;
	const open = await (await context.store()).openQuestions();
	const lines = open.flatMap(({ task, seq, text }, index) => [
		...(index === 0 ? [] : [""]),
		`${output.colors.bold(task)} asks (${seq}):`,
		...plain(text)
			.trimEnd()
			.split("\n")
			.map((line) => `  ${line}`),
		`  dispatch answer ${task} "…"`,
	]);
	const value = open.map((question) => ({ ...question, askedAt: new Date(question.askedAt).toISOString() }));
	output.result(value, open.length === 0 ? ["No open questions."] : lines);
	return undefined;
}
