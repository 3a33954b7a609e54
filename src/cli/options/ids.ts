/** How several tasks are named: by ids, as words or as one ("a,b,c"), or by a filter. */
import { isPlaceholder } from "../../task/question-options.ts";
import type { TaskFilterFlags } from "./task-filter.ts";

export interface SeveralFlags extends TaskFilterFlags {
	/** also of other hosts */
	anyHost?: boolean;
	/** `retry`: short for `--state failed` */
	failed?: boolean;
	yes?: boolean;
}

const SEVERAL_IDS = /^[a-z0-9][a-z0-9-]*(?:,[a-z0-9][a-z0-9-]*)+$/;
const FILTER = /^--(?:state|tag|host)(?:=|$)/;

/** @returns the ids of a list, or of several; anything else as it is: an id, or the beginning of one */
export function idsOf(...words: string[]): string[] {
	return words.flatMap((word) => (SEVERAL_IDS.test(word) ? word.split(",") : [word]));
}

/** Whether tasks are chosen by what they are, not by their ids. */
export function isFilter({ state, tag, host, failed }: SeveralFlags): boolean {
	return state !== undefined || tag !== undefined || host !== undefined || failed === true;
}

/** Whether a command line may mean several tasks: then it needs more of the program. */
export function maySeveral(words: readonly string[]): boolean {
	return words.some((word) => SEVERAL_IDS.test(word) || FILTER.test(word));
}

/** Options of `answer` whose value is a word of its own. */
const VALUED = ["--seq", "--redis"];

/** Whether `answer …` stands without its text: then it has it typed on a screen, which needs more of the program. */
export function mayBeTyped(words: readonly string[]): boolean {
	const end = words.includes("--") ? words.indexOf("--") : words.length;
	const given = words
		.slice(0, end)
		.filter((word, n) => !/^--?\w/.test(word) && !VALUED.includes(words[n - 1] ?? ""));
	const [, , ...text] = [...given, ...words.slice(end + 1)];
	return text.length === 0 || isPlaceholder(text.join(" "));
}
