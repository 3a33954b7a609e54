/** What is said of an answer that arrived. */
import type { Answered } from "../../actions/answer.ts";
import { oneLine } from "./output.ts";
import { quoted } from "./question-lines.ts";

const ASKED_SHOWN = 60;
const SENT_SHOWN = 200;

/** What was sent, where it is not what was typed, what happens now, and to which question it went: a pasted command names none. */
export function answerLine(answered: Answered, waits = false): string {
	return `${whatHappens(answered, waits)} (Question ${answered.seq}: ${quoted(answered.question, ASKED_SHOWN)})`;
}

function whatHappens(answered: Answered, waits: boolean): string {
	const { task, state, kept } = answered;
	if (waits) return `Answer kept${whatWasSent(answered)}. \`${task}\` gets it when the worker goes on.`;
	if (kept !== null)
		return `Answer kept${whatWasSent(answered)}. \`${task}\` gets it as soon as that can be done: ${kept}`;
	const goesOn = state === "queued" ? `\`${task}\` resumes where it stopped.` : "Worker is continuing.";
	const more = state === "asking" || state === "parked";
	return `Answer sent${whatWasSent(answered)}. ${more ? `\`${task}\` has another question: dispatch questions` : goesOn}`;
}

/** The same in short, where the task is not on the screen. */
export function sentLine(answered: Answered): string {
	const { task, kept } = answered;
	if (kept === null) return `Answer sent to ${task}${whatWasSent(answered)}.`;
	return `Answer kept for ${task}${whatWasSent(answered)}. It is delivered as soon as that can be done: ${kept}`;
}

function whatWasSent({ answer: sent, option, noSuchOption }: Answered): string {
	if (option !== null) return `: "${oneLine(sent, SENT_SHOWN)}" (option ${option})`;
	return noSuchOption ? ` as the text "${oneLine(sent, SENT_SHOWN)}": the question has no such option` : "";
}
