/**
 * What keeps a task from going on: its start, or a step of its host's look at a live one, fails, and is tried again. Its
 * host writes it into the record, and takes it out once that succeeds.
 */
import { type Check, count, object, text } from "./check.ts";
import { oneLine } from "./clean-text.ts";

export interface Trouble {
	/** the start in which it came: another one knows nothing of it */
	epoch: number;
	/** of the look (`reconcile`), or `START_STEP` */
	step: string;
	why: string;
}

/** What keeps a queued task; any other step is a live one's. */
export const START_STEP = "start";

export const checkTrouble: Check<Trouble> = object<Trouble>({ epoch: count, step: text, why: text });

/** What cannot be done: in a few words for a list, and in a sentence. Those of other steps name the step. */
const WORDS = new Map<string, { brief: string; whole: string }>([
	[START_STEP, { brief: "cannot be started", whole: "its agent cannot be started" }],
	["answers", { brief: "answer not handed over", whole: "an answer cannot be handed to its agent" }],
	["notes", { brief: "note not handed over", whole: "a note cannot be handed to its agent" }],
	["plan", { brief: "plan cannot be read", whole: "its plan cannot be read" }],
	["ipc", { brief: "questions cannot be read", whole: "its agent's questions cannot be read" }],
	["questions", { brief: "questions not shown", whole: "its agent's questions cannot be shown" }],
	["log", { brief: "output cannot be read", whole: "its agent's output cannot be read" }],
	["directory", { brief: "directory not restored", whole: "its directory is gone and cannot be made again" }],
	["look", { brief: "cannot be looked at", whole: "its run cannot be looked at" }],
	["end", { brief: "agent cannot be ended", whole: "its agent cannot be ended" }],
	["ending", { brief: "end cannot be read", whole: "its agent has ended, and why cannot be read" }],
	["settle", { brief: "end cannot be recorded", whole: "its agent has ended, which cannot be recorded" }],
]);

/** Without them no answer reaches a live agent. */
const OF_ANSWERS = ["answers", "directory", "look", "ipc"];

/** @returns why no answer is handed over as long as this lasts, to go behind a colon; null: it keeps none away */
export function whyKept(trouble: Pick<Trouble, "step" | "why"> | null): string | null {
	if (trouble === null || !OF_ANSWERS.includes(trouble.step)) return null;
	return `${troubleWords(trouble.step).whole} (${oneLine(trouble.why).replace(/\.$/, "")}).`;
}

export function troubleWords(step: string): { brief: string; whole: string } {
	return (
		WORDS.get(step) ?? { brief: `${step}: not done`, whole: `what its host does for it fails (${step})` }
	);
}
