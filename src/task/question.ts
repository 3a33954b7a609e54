import { type Check, count, Damage, matching, nullable, object, text, time } from "./check.ts";

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

/** So many of a task wait for people at once; what an agent asks beyond that waits for its turn. */
export const OPEN_QUESTIONS_LIMIT = 20;

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

/** Far more than an agent may ask: what is longer was put into Redis by somebody else, and no screen shows it. */
const QUESTION_MOST_CHARS = 128 * 1024;

const askedText: Check<string> = (value, at) => {
	const asked = text(value, at);
	if (asked.length <= QUESTION_MOST_CHARS) return asked;
	throw new Damage(`${at} has ${asked.length} characters, more than ${QUESTION_MOST_CHARS}`);
};

export const checkQuestion: Check<Question> = object<Question>({
	ipcGeneration: count,
	seq: matching(/^\d{3,20}$/, "a question's number"),
	text: askedText,
	hash: text,
	askedAt: time,
	answer: nullable(text),
	answeredAt: nullable(time),
	answeredBy: nullable(text),
	deliveredAt: nullable(time),
});
