/** One answer for the questions of several tasks: of each its oldest open one. */

import { type Answered, answerTask, questionsFor, requireAnswer } from "../../actions/answer.ts";
import { recordsOf } from "../../actions/find-task.ts";
import { cutOff, type Each, eachInTurn, isDone } from "../../actions/several.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { isFilter, type SeveralFlags } from "../options/ids.ts";
import { type Act, requireTextAlone, tasksOfFilter } from "../options/several.ts";
import { textOf, whoAmI, wholeNumber } from "../options/values.ts";
import { answerLine } from "../show/answer-lines.ts";
import { inRows } from "../show/question-lines.ts";
import { entriesOf, tellRefusals } from "../show/several.ts";
import { withTrouble, workerHindrance, workerTrouble } from "../worker-up.ts";
import type { AnswerFlags } from "./answer.ts";

const PARTICIPLE = "answered";

/** @param seq which question; null: the oldest open one */
function answering(seq: number | null): Act {
	return {
		verb: "Answer",
		participle: PARTICIPLE,
		isFor: (state) => state === "asking" || state === "parked",
		questions: (store, records) => questionsFor(store, records, seq),
	};
}

/** @param ids none where a filter chooses the tasks */
export async function answerSeveral(
	context: Context,
	ids: string[],
	words: string[],
	flags: AnswerFlags & SeveralFlags,
): Promise<number | undefined> {
	const { output, home } = context;
	const seq = flags.seq === undefined ? null : wholeNumber(flags.seq, "--seq", 1, 9_999_999);
	if (words.length === 0)
		throw new DispatchError("DISPATCH_USAGE", "Expected an answer for several tasks, got none.", {
			hint: 'Write it behind them (dispatch answer a,b "…"), or `-` to read it from stdin.',
		});
	if (isFilter(flags)) await requireTextAlone(context, words, flags);
	const text = await textOf(words);
	requireAnswer(text);
	const store = await context.store();
	const chosen = isFilter(flags) ? await tasksOfFilter(context, ids, flags, answering(seq)) : undefined;
	if (chosen === null) return EXIT.interrupted;
	const said = await eachInTurn(
		chosen?.records ?? (await recordsOf(store, ids)),
		({ spec }) => spec.id,
		(record) => {
			const shown = chosen?.asked?.get(record.spec.id) ?? null;
			// Where one was shown, no other one is meant.
			const meant = shown === null ? { seq } : { seq: Number(shown.seq), shown };
			return answerTask(store, record, { text, by: whoAmI(), ...meant });
		},
	);
	const each: Each<Answered>[] = [...(chosen?.left ?? []), ...said];
	const answered = each.filter(isDone).map(({ done }) => done);
	const isOurs = answered.some(({ host }) => host === home.hostId);
	const waits = isOurs && cutOff(each).length === 0 && (await workerHindrance(context)) !== null;
	output.result(
		entriesOf(each, ({ task, seq, question, answer, state, was, kept }) => ({
			task,
			seq,
			question,
			answer,
			state,
			was,
			kept,
		})),
		inRows(answered.map((one) => `\`${one.task}\`: ${answerLine(one, waits && one.host === home.hostId)}`)),
	);
	const trouble = isOurs && cutOff(each).length === 0 ? await workerTrouble(context) : null;
	return withTrouble(context, trouble, tellRefusals(output, each, PARTICIPLE));
}
