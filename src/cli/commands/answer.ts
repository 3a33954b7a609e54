import { answerTask, noQuestion, questionOf } from "../../actions/answer.ts";
import { findTask } from "../../actions/find-task.ts";
import { orOutage } from "../../actions/several.ts";
import { lostHosts } from "../../queue/records/lost-hosts.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import { isPlaceholder } from "../../task/question-options.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { textOf, whoAmI, wholeNumber } from "../options/values.ts";
import type { TypedAnswer } from "../screen/answer-screen.ts";
import { answerLine } from "../show/answer-lines.ts";
import { inRows } from "../show/question-lines.ts";
import { withTrouble, workerHindrance, workerTrouble } from "../worker-up.ts";

export interface AnswerFlags {
	seq?: string;
}

export async function answer(
	context: Context,
	id: string,
	words: string[],
	flags: AnswerFlags,
): Promise<number | undefined> {
	const seq = flags.seq === undefined ? null : wholeNumber(flags.seq, "--seq", 1, 9_999_999);
	const store = await context.store();
	const record = await findTask(store, id);
	// A printed command that was pasted as it is.
	const given = isPlaceholder(words.join(" ")) ? [] : words;
	const said =
		given.length > 0 ? { text: await textOf(given), seq } : await askUser(context, store, record, seq);
	if (said === null) return EXIT.interrupted;
	// Read after the words were typed it is new enough; while somebody writes, the task goes on.
	const isTyped = given.length > 0 && given[0] !== "-";
	const task = isTyped ? record : record.spec.id;
	const answered = await answerTask(store, task, { ...said, by: whoAmI() }).catch((error: unknown) => {
		if ("tellUnsent" in said) said.tellUnsent();
		throw error;
	});
	const { question, state, was, kept } = answered;
	const isOurs = answered.host === context.home.hostId;
	// It is sent: where Redis goes now, nothing else can be told. It asked, so its host has started it.
	const lost = isOurs
		? null
		: await orOutage(lostHosts(store, [{ host: answered.host, state: "asking", runNonce: null }]));
	const isLost = lost !== null && !(lost instanceof DispatchError) && lost.has(answered.host);
	const waits = isOurs && (await workerHindrance(context)) !== null;
	context.output.result(
		{ task: answered.task, seq: answered.seq, question, answer: answered.answer, state, was, kept },
		inRows([
			isLost
				? `Answer kept, but no worker runs on its host ${answered.host}: nobody takes it now. This host goes on with: dispatch retry ${answered.task} --here`
				: answerLine(answered, waits),
		]),
	);
	return withTrouble(context, isOurs ? await workerTrouble(context) : null, undefined);
}

/** @returns the answer, for the question that was shown; null when the user gave up */
async function askUser(
	context: Context,
	store: Store,
	record: TaskRecord,
	seq: number | null,
): Promise<TypedAnswer | null> {
	const open = await questionOf(store, record, seq);
	const { id } = record.spec;
	if (open === null) throw await noQuestion(store, await store.need(id), seq);
	if (process.stdin.isTTY !== true) {
		throw new DispatchError("DISPATCH_USAGE", "Expected an answer.", {
			hint: `Write it behind the id (dispatch answer ${id} "Yes"), or \`-\` to read it from stdin.`,
		});
	}
	return (await import("../screen/answer-screen.ts")).typedAnswer(context, store, record, open);
}
