import { findTask } from "../../actions/find-task.ts";
import { openStore } from "../../queue/records/open.ts";
import type { AnswerResult } from "../../queue/records/questions.ts";
import { newNonce, type Store } from "../../queue/records/store.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { textOf, whoAmI, wholeNumber } from "../options/values.ts";
import { oneLine, plain } from "../show/output.ts";
import { ensureWorker } from "../worker-up.ts";

const ANSWER_LIMIT_BYTES = 1024 * 1024;

export interface AnswerFlags {
	seq?: string;
}

export async function answer(
	context: Context,
	given: string,
	words: string[],
	flags: AnswerFlags,
): Promise<number | undefined> {
	const seq =
		flags.seq === undefined
			? undefined
			: String(wholeNumber(flags.seq, "--seq", 1, 9_999_999)).padStart(3, "0");
	const store = await context.store();
	const record = await findTask(store, given);
	const text = words.length > 0 ? await textOf(words) : await askUser(store, record, seq);
	if (text === null) return EXIT.interrupted;
	checkText(text);
	const reply = await send(store, record.spec.id, {
		text,
		by: whoAmI(),
		...(seq === undefined ? {} : { seq }),
	});
	if (reply.result !== "answered") throw await refusal(store, record, reply, seq);
	await tell(context, record, reply);
	return undefined;
}

type Answered = Extract<AnswerResult, { result: "answered" }>;

async function tell(context: Context, { spec, state, host }: TaskRecord, reply: Answered): Promise<void> {
	const goesOn =
		reply.state === "queued" ? `\`${spec.id}\` resumes where it stopped.` : "Worker is continuing.";
	const more = reply.state === "asking" || reply.state === "parked";
	const line = `Answer sent. ${more ? `\`${spec.id}\` has another question: dispatch questions` : goesOn}`;
	context.output.result(
		{ task: spec.id, seq: reply.seq, question: reply.question, state: reply.state, was: state },
		[line],
	);
	if (host === context.home.hostId) await ensureWorker(context);
}

function checkText(text: string): void {
	const bytes = Buffer.byteLength(text);
	if (text.trim() === "") throw new DispatchError("DISPATCH_USAGE", "Expected an answer, got an empty one.");
	if (bytes > ANSWER_LIMIT_BYTES) {
		throw new DispatchError(
			"DISPATCH_USAGE",
			`The answer has ${bytes} bytes; the limit is ${ANSWER_LIMIT_BYTES}.`,
			{
				hint: "Put it into a file and answer with its path.",
			},
		);
	}
}

/** Once more on a new connection if the reply was lost: the token makes it the same answer. */
async function send(
	store: Store,
	id: string,
	given: { text: string; by: string; seq?: string },
): Promise<AnswerResult> {
	const request = { ...given, token: newNonce() };
	try {
		return await store.answer(id, request);
	} catch (error) {
		if (!(error instanceof DispatchError) || error.code !== "DISPATCH_REDIS_UNREACHABLE") throw error;
	}
	const again = await openStore({ target: store.target, namespace: store.namespace, role: "command" });
	try {
		return await again.answer(id, request);
	} finally {
		await again.close();
	}
}

/** @returns null when the user gave up */
async function askUser(store: Store, { spec }: TaskRecord, seq: string | undefined): Promise<string | null> {
	const open = (await store.openQuestions()).find(
		(question) => question.task === spec.id && (seq === undefined || question.seq === seq),
	);
	if (process.stdin.isTTY !== true || open === undefined) {
		if (open === undefined)
			throw await refusal(store, await store.need(spec.id), { result: "no_question" }, seq);
		throw new DispatchError("DISPATCH_USAGE", "Expected an answer.", {
			hint: `Write it behind the id (dispatch answer ${spec.id} "…"), or \`-\` to read it from stdin.`,
		});
	}
	const { isCancel, text } = await import("@clack/prompts");
	const said = await text({
		message: `${spec.id} asks: ${plain(open.text).trimEnd()}`,
		validate: (value) => (value?.trim() ? undefined : "An answer is needed."),
	});
	return isCancel(said) ? null : said;
}

/** Why it was not taken; who was faster, and with what. */
async function refusal(
	store: Store,
	{ spec, state }: TaskRecord,
	reply: Exclude<AnswerResult, Answered>,
	seq: string | undefined,
): Promise<DispatchError> {
	if (reply.result === "none")
		return new DispatchError("DISPATCH_NO_SUCH_TASK", `There is no task "${spec.id}".`);
	if (reply.result === "already") return alreadyAnswered(spec.id, reply);
	const answered = (await store.questions(spec.id)).findLast(
		(question) => question.answer !== null && (seq === undefined || question.seq === seq),
	);
	if (answered !== undefined) {
		const { answer: text, answeredBy, answeredAt } = answered;
		return alreadyAnswered(spec.id, {
			seq: answered.seq,
			answer: text ?? "",
			by: answeredBy ?? "somebody",
			at: answeredAt ?? 0,
		});
	}
	if (reply.result === "ended") {
		return new DispatchError(
			"DISPATCH_ALREADY_ENDED",
			`\`${spec.id}\` is ${reply.state}: nobody waits for an answer.`,
			{
				hint: `Start it again with: dispatch retry ${spec.id}`,
			},
		);
	}
	const which = seq === undefined ? "open question" : `question ${seq}`;
	return new DispatchError("DISPATCH_NO_QUESTION", `\`${spec.id}\` (${state}) has no ${which}.`, {
		hint: "`dispatch questions` lists what is open.",
	});
}

function alreadyAnswered(
	id: string,
	{ seq, by, answer: text, at }: { seq: string; by: string; answer: string; at: number },
): DispatchError {
	const when = new Date(at).toISOString();
	return new DispatchError(
		"DISPATCH_ALREADY_ANSWERED",
		`Question ${seq} of \`${id}\` was answered by ${by} at ${when}: "${oneLine(text, 300)}".`,
		{
			hint: "The first answer counts.",
		},
	);
}
