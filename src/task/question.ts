import { type Check, count, matching, nullable, object, text, time } from "./check.ts";

/** A question is named by its task, the generation of `ipc/` and its number; `hash` is of its text. */
export interface Question {
	ipcGeneration: number;
	/** as the file is called: "001" */
	seq: string;
	text: string;
	/** sha256 of the text, hex */
	hash: string;
	askedAt: number;
	answer: string | null;
	answeredAt: number | null;
	answeredBy: string | null;
	/** when the agent acknowledged it (NNN.done), or when a later attempt's prompt carried it */
	deliveredAt: number | null;
}

/** A question as it is read back. */
export interface KeptQuestion extends Question {
	/** nobody has answered it, and neither its task nor its session is over */
	open: boolean;
}

/**
 * The questions of one session, one for each number: an agent may have used a number again. Those that were
 * dropped unanswered are left out.
 */
export function newestByNumber(questions: readonly KeptQuestion[], ipcGeneration: number): KeptQuestion[] {
	const newest = new Map<string, KeptQuestion>();
	for (const question of questions)
		if (question.ipcGeneration === ipcGeneration && (question.open || question.answer !== null))
			newest.set(question.seq, question);
	return [...newest.values()];
}

export const checkQuestion: Check<Question> = object<Question>({
	ipcGeneration: count,
	seq: matching(/^\d{3,20}$/, "a question's number"),
	text,
	hash: text,
	askedAt: time,
	answer: nullable(text),
	answeredAt: nullable(time),
	answeredBy: nullable(text),
	deliveredAt: nullable(time),
});
