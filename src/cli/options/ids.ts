/** How several tasks are named: by ids, as words or as one ("a,b,c"), or by a filter. */
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

/** @returns the ids of a list; anything else as it is: an id, or the beginning of one */
export function idsOf(word: string): string[] {
	return SEVERAL_IDS.test(word) ? word.split(",") : [word];
}

/** Whether tasks are chosen by what they are, not by their ids. */
export function isFilter({ state, tag, host, failed }: SeveralFlags): boolean {
	return state !== undefined || tag !== undefined || host !== undefined || failed === true;
}

/** Whether a command line may mean several tasks: then it needs more of the program. */
export function maySeveral(words: readonly string[]): boolean {
	return words.some((word) => SEVERAL_IDS.test(word) || FILTER.test(word));
}
