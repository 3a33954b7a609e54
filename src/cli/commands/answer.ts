import { type Answered, answerTask, noQuestion, questionOf } from "../../actions/answer.ts";
import { findTask } from "../../actions/find-task.ts";
import { lostHosts } from "../../queue/records/lost-hosts.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import { isPlaceholder } from "../../task/question-options.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { textOf, whoAmI, wholeNumber } from "../options/values.ts";
import { oneLine, plain, promptStream } from "../show/output.ts";
import { ensureWorker, workerHindrance } from "../worker-up.ts";

const SENT_SHOWN = 200;

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
	const said = given.length > 0 ? { text: await textOf(given), seq } : await askUser(store, record, seq);
	if (said === null) return EXIT.interrupted;
	// Read after the words were typed it is new enough; while somebody writes, the task goes on.
	const isTyped = given.length > 0 && given[0] !== "-";
	const answered = await answerTask(store, isTyped ? record : record.spec.id, { ...said, by: whoAmI() });
	const { task, question, state, was } = answered;
	const isOurs = answered.host === context.home.hostId;
	const isLost = !isOurs && (await lostHosts(store, [answered.host])).has(answered.host);
	const waits = isOurs && (await workerHindrance(context)) !== null;
	context.output.result({ task, seq: answered.seq, question, answer: answered.answer, state, was }, [
		isLost
			? `Answer kept, but no worker runs on its host ${answered.host}: nobody takes it now. This host goes on with: dispatch retry ${task} --here`
			: answerLine(answered, waits),
	]);
	if (isOurs) await ensureWorker(context);
	return undefined;
}

/** What was sent, where it is not what was typed, and what happens now. */
export function answerLine(answered: Answered, waits = false): string {
	const { task, state } = answered;
	if (waits) return `Answer kept${whatWasSent(answered)}. \`${task}\` gets it when the worker goes on.`;
	const goesOn = state === "queued" ? `\`${task}\` resumes where it stopped.` : "Worker is continuing.";
	const more = state === "asking" || state === "parked";
	return `Answer sent${whatWasSent(answered)}. ${more ? `\`${task}\` has another question: dispatch questions` : goesOn}`;
}

/** The same in short, where the task is not on the screen. */
export function sentLine(answered: Answered): string {
	return `Answer sent to ${answered.task}${whatWasSent(answered)}.`;
}

function whatWasSent({ answer: sent, option, noSuchOption }: Answered): string {
	if (option !== null) return `: "${oneLine(sent, SENT_SHOWN)}" (option ${option})`;
	return noSuchOption ? ` as the text "${oneLine(sent, SENT_SHOWN)}": the question has no such option` : "";
}

/** @returns the answer, for the question that was shown; null when the user gave up */
async function askUser(
	store: Store,
	record: TaskRecord,
	seq: number | null,
): Promise<{ text: string; seq: number; shown: string } | null> {
	const open = await questionOf(store, record, seq);
	const { id } = record.spec;
	if (open === null) throw await noQuestion(store, await store.need(id), seq);
	if (process.stdin.isTTY !== true) {
		throw new DispatchError("DISPATCH_USAGE", "Expected an answer.", {
			hint: `Write it behind the id (dispatch answer ${id} "Yes"), or \`-\` to read it from stdin.`,
		});
	}
	const [{ isCancel, text }, { askWithPastes }] = await Promise.all([
		import("@clack/prompts"),
		import("../show/pasted-input.ts"),
	]);
	const output = promptStream();
	const said = await askWithPastes(output, async (input) => {
		const message = `${id} asks: ${plain(open.text).trimEnd()}`;
		const validate = (value: string | undefined) => (value?.trim() ? undefined : "An answer is needed.");
		const typed = await text({ message, input, output, validate });
		return isCancel(typed) ? null : typed;
	});
	return said === null ? null : { text: said, seq: Number(open.seq), shown: open.text };
}
