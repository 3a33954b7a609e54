/** Answers a question. */
import { onceMore } from "../queue/records/open.ts";
import type { AnswerResult } from "../queue/records/questions.ts";
import { newNonce, type Store } from "../queue/records/store.ts";
import { oneLine } from "../task/clean-text.ts";
import { DispatchError } from "../task/errors.ts";
import type { Question } from "../task/question.ts";
import { chosenOption, isPlaceholder, namesNoOption } from "../task/question-options.ts";
import type { TaskRecord } from "../task/record.ts";
import type { State } from "../task/states.ts";
import { whyKept } from "../task/trouble.ts";
import { isOpen, viewOf } from "../task/view.ts";
import { clockTime } from "../task/view-times.ts";
import { exactly } from "./find-task.ts";

const ANSWER_LIMIT_BYTES = 1024 * 1024;
const ANSWER_SHOWN = 300;

export interface AnswerRequest {
	/** the text, or an option's number */
	text: string;
	/** user@host */
	by: string;
	/** which question; null: the oldest open one */
	seq: number | null;
	/** the question as it was shown to who answers: another one gets no answer; left out: whichever it is */
	shown?: ShownQuestion;
}

/** When it was asked says which it is: a task that was enqueued anew asks the same words under the same number. */
export interface ShownQuestion {
	text: string;
	/** ms since the Unix epoch */
	askedAt: number;
}

export interface Answered {
	task: string;
	host: string;
	seq: string;
	question: string;
	/** what the agent gets */
	answer: string;
	/** the option's number that was given in its place */
	option: number | null;
	/** it is a number, the question has options, and none of this number: what was sent is the number itself */
	noSuchOption: boolean;
	/** the task's state now, and before */
	state: State;
	was: State;
	/** why its agent does not get it yet, as a sentence, by what is known; null: nothing is in the way */
	kept: string | null;
}

/**
 * @param given the task's id, all of it, or its record, read a moment ago
 * @throws DISPATCH_NO_SUCH_TASK, DISPATCH_USAGE, DISPATCH_NO_QUESTION, DISPATCH_ALREADY_ANSWERED, DISPATCH_ALREADY_ENDED, DISPATCH_STALE
 */
export async function answerTask(
	store: Store,
	given: string | TaskRecord,
	request: AnswerRequest,
): Promise<Answered> {
	requireAnswer(request.text);
	const record = typeof given === "string" ? await exactly(store, given) : given;
	const { host } = record;
	const { id } = record.spec;
	const question = await questionOf(store, record, request.seq);
	const asks = request.shown?.text ?? question?.text;
	const chosen = asks === undefined ? null : chosenOption(asks, request.text);
	const seq = question?.seq ?? (request.seq === null ? null : usualName(request.seq));
	// An editor's mark of the byte order is no part of it.
	const text = (chosen?.text ?? request.text).toWellFormed().replace(/^\uFEFF/, "");
	// The token makes it the same answer where a reply was lost.
	const named = { ...(seq === null ? {} : { seq }), ...shownHash(request.shown, question) };
	const said = { text, by: request.by, ...named, token: newNonce() };
	const reply = await onceMore(store, (each) => each.answer(id, said));
	if (reply.result !== "answered") throw await refusal(store, record, reply, request.seq);
	const { question: asked, state } = reply;
	const option = chosen?.number ?? null;
	const noSuchOption = option === null && namesNoOption(asked, text);
	// As it was read a moment ago: one more look at Redis would only be slower.
	const kept = whyKept(viewOf(record, [], "").trouble);
	const done = { task: id, host, seq: reply.seq, question: asked, answer: text };
	return { ...done, option, noSuchOption, state, was: record.state, kept };
}

/** By its hash the script sees whether it is still that one when the answer arrives. */
function shownHash(
	shown: ShownQuestion | undefined,
	question: Question | null,
): { shown?: string; shownAt?: number } {
	if (shown === undefined) return {};
	return { shown: question?.text === shown.text ? question.hash : "another one", shownAt: shown.askedAt };
}

/**
 * The question that an answer now would be for.
 * @returns null where none is open
 */
export async function questionOf(
	store: Store,
	record: TaskRecord,
	seq: number | null,
): Promise<Question | null> {
	return (await questionsFor(store, [record], seq))[0] ?? null;
}

/** As `questionOf`, of several tasks in one round trip; in their order. */
export async function questionsFor(
	store: Store,
	records: readonly TaskRecord[],
	seq: number | null,
): Promise<(Question | null)[]> {
	const questions = await store.questionsOf(records.map(({ spec }) => spec.id));
	return records.map((record, n) => {
		const open = (questions[n] ?? []).filter(
			(question) => isOpen(question, record) && (seq === null || Number(question.seq) === seq),
		);
		return open.sort((a, b) => Number(a.seq) - Number(b.seq))[0] ?? null;
	});
}

/** @throws the reason why there is nothing to answer */
export async function noQuestion(
	store: Store,
	record: TaskRecord,
	seq: number | null,
): Promise<DispatchError> {
	return refusal(store, record, { result: "no_question" }, seq);
}

/** As `dispatch ask` names its files. */
function usualName(seq: number): string {
	return String(seq).padStart(3, "0");
}

/** @throws DISPATCH_USAGE for what is none: nothing, the placeholder of a printed command, or more than a question takes */
export function requireAnswer(text: string): void {
	const bytes = Buffer.byteLength(text);
	if (text.replace(/^\uFEFF/, "").trim() === "")
		throw new DispatchError("DISPATCH_USAGE", "Expected an answer, got an empty one.");
	if (isPlaceholder(text))
		throw new DispatchError("DISPATCH_USAGE", `Expected an answer, got the placeholder "${text.trim()}".`, {
			hint: "Write the answer in its place.",
		});
	if (bytes <= ANSWER_LIMIT_BYTES) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`The answer has ${bytes} bytes; the limit is ${ANSWER_LIMIT_BYTES}.`,
		{ hint: "Put it into a file and answer with its path." },
	);
}

type Refused = Exclude<AnswerResult, { result: "answered" }>;

/** Why it was not taken; who was faster, and with what. */
async function refusal(
	store: Store,
	{ spec, state }: TaskRecord,
	reply: Refused,
	seq: number | null,
): Promise<DispatchError> {
	const { id } = spec;
	if (reply.result === "none") return new DispatchError("DISPATCH_NO_SUCH_TASK", `There is no task "${id}".`);
	if (reply.result === "already") return alreadyAnswered(id, reply);
	if (reply.result === "other")
		return new DispatchError(
			"DISPATCH_STALE",
			`Question ${reply.seq} of \`${id}\` ${reply.anew ? "was asked anew since" : "has another text by now"}: your answer was not sent.`,
			{ hint: "Read it with: dispatch questions" },
		);
	const answered = (await store.questions(id)).findLast(
		(question) => question.answer !== null && (seq === null || Number(question.seq) === seq),
	);
	if (answered !== undefined) {
		const { seq: name, answer, answeredBy, answeredAt } = answered;
		const by = answeredBy ?? "somebody";
		return alreadyAnswered(id, { seq: name, answer: answer ?? "", by, at: answeredAt ?? 0 });
	}
	if (reply.result === "ended") {
		const message = `\`${id}\` is ${reply.state}: nobody waits for an answer.`;
		return new DispatchError("DISPATCH_ALREADY_ENDED", message, {
			hint: `Start it again with: dispatch retry ${id}`,
		});
	}
	const which = seq === null ? "open question" : `question ${usualName(seq)}`;
	return new DispatchError("DISPATCH_NO_QUESTION", `\`${id}\` (${state}) has no ${which}.`, {
		hint: "`dispatch questions` lists what is open.",
	});
}

function alreadyAnswered(
	id: string,
	{ seq, by, answer, at }: { seq: string; by: string; answer: string; at: number },
): DispatchError {
	const said = oneLine(answer, ANSWER_SHOWN);
	const message = `Question ${seq} of \`${id}\` was answered by ${by} at ${clockTime(at)}: "${said}".`;
	return new DispatchError("DISPATCH_ALREADY_ANSWERED", message, { hint: "The first answer counts." });
}
