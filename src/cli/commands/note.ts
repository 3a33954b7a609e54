import { recordsOf } from "../../actions/find-task.ts";
import { type Noted, noteTask } from "../../actions/note.ts";
import { type Each, eachInTurn, isDone, theOnly } from "../../actions/several.ts";
import { agreedTo } from "../../task/agreed.ts";
import { EXIT } from "../../task/errors.ts";
import { isEnded, isLive } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { isFilter, type SeveralFlags } from "../options/ids.ts";
import { type Act, requireTextAlone, tasksOfFilter } from "../options/several.ts";
import { textOf, whoAmI } from "../options/values.ts";
import { entriesOf, tellRefusals } from "../show/several.ts";

const NOTE: Act = { verb: "Tell", participle: "told", isFor: (state) => !isEnded(state) };

/** Tells a task's agent something, or those of several. @param ids none where a filter chooses the tasks */
export async function note(
	context: Context,
	ids: string[],
	words: string[],
	flags: SeveralFlags,
): Promise<number | undefined> {
	const { output } = context;
	if (isFilter(flags)) await requireTextAlone(context, words, flags);
	const text = await textOf(words);
	const store = await context.store();
	const chosen = isFilter(flags) ? await tasksOfFilter(context, ids, flags, NOTE) : undefined;
	if (chosen === null) return EXIT.interrupted;
	const told = await eachInTurn(
		chosen?.records ?? (await recordsOf(store, ids)),
		({ spec }) => spec.id,
		(record) => {
			const agreed = chosen === undefined ? {} : { agreed: agreedTo(record, chosen.states) };
			return noteTask(store, record, { text, by: whoAmI(), ...agreed });
		},
	);
	const each: Each<Noted>[] = [...(chosen?.left ?? []), ...told];
	if (ids.length === 1) {
		const noted = theOnly(each);
		output.result(noted, [notedLine(noted)]);
		return undefined;
	}
	const lines = each.filter(isDone).map(({ done }) => notedLine(done));
	output.result(
		entriesOf(each, (noted) => noted),
		lines,
	);
	return tellRefusals(output, each, NOTE.participle);
}

function notedLine({ task, state }: Noted): string {
	return `Noted. The agent of \`${task}\` sees it ${isLive(state) ? "before its next item" : "when it goes on"}.`;
}
