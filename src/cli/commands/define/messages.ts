/** What is said to agents. */
import type { Command } from "commander";
import type { State } from "../../../task/states.ts";
import type { Context } from "../../context.ts";
import { idsOf, isFilter, type SeveralFlags } from "../../options/ids.ts";
import type { AnswerFlags } from "../answer.ts";
import { type Definer, example } from "./definer.ts";
import { missing, several } from "./several.ts";

export function defineMessages({ program, runAnyway }: Definer): void {
	const answer = program
		.command("answer")
		.description("answer a task's oldest open question")
		.argument("[id]", "the task's id or the beginning of it; several with commas: a,b,c")
		.argument("[text...]", "the answer; `-` reads it from stdin; without it, a prompt on a terminal")
		.option("--seq <n>", "answer this question instead");
	several(answer, "tasks that ask", "<id> [text...]")
		.addHelpText(
			"after",
			example('dispatch answer review-login-code "Review both"', 'dispatch answer --tag team=web "Yes"'),
		)
		.action((id: string | undefined, words: string[], flags: AnswerFlags & SeveralFlags) => {
			const { ids, text } = meant(answer, id, words, flags);
			return runAnyway(async (context) => {
				// One word may be an answer that happens to be an id; a task that asks was meant.
				const isMeant = (state: State) => text.length > 1 || state === "asking" || state === "parked";
				await checkText(context, answer, { ids, text }, isMeant);
				return ids.length === 1
					? (await import("../answer.ts")).answer(context, ids[0] ?? "", text, flags)
					: (await import("../answer-several.ts")).answerSeveral(context, ids, text, flags);
			});
		});
	const note = program
		.command("note")
		.description("tell a task's agent something; it sees it before its next item")
		.argument("[id]", "the task's id or the beginning of it; several with commas: a,b,c")
		.argument("[text...]", "what to tell it; `-` reads it from stdin");
	several(note, "tasks that have not ended", "<id> <text...>")
		.addHelpText("after", example('dispatch note review-login-code "Leave the legacy code out"'))
		.action((id: string | undefined, words: string[], flags: SeveralFlags) => {
			const { ids, text } = meant(note, id, words, flags);
			if (text.length === 0) missing(note, "text");
			return runAnyway(async (context) => {
				await checkText(context, note, { ids, text }, () => true);
				return (await import("../note.ts")).note(context, ids, text, flags);
			});
		});
}

/** Beside a filter the text is looked at in its own way. */
async function checkText(
	context: Context,
	command: Command,
	given: { ids: string[]; text: string[] },
	isFor: (state: State) => boolean,
): Promise<void> {
	if (given.ids.length === 0) return;
	const { requireNoIdFirst } = await import("../../options/text-alone.ts");
	await requireNoIdFirst(context, command.name(), given, isFor);
}

/** With a filter all words are the text. */
function meant(command: Command, id: string | undefined, words: string[], flags: SeveralFlags) {
	if (isFilter(flags)) return { ids: [], text: id === undefined ? words : [id, ...words] };
	if (id === undefined) missing(command, "id");
	return { ids: idsOf(id), text: words };
}
