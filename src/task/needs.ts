/** What a task waits for: others that must have completed before it starts. */
import { type Check, Damage, flag, object, since } from "./check.ts";
import { ID_FORM } from "./id.ts";
import { NONCE } from "./spec.ts";

export interface Need {
	/** of the creation that is meant: another task of this id is none of it */
	nonce: string;
	/** it has completed, and counts as done whatever happens to it later, until this one is retried */
	met: boolean;
	/** not asked for: its batch stops at a failure, and this is the one that failed */
	stops: boolean;
}

/** By id. Kept by the scripts: see `queue/records/scripts/needs.ts`. */
export type Needs = Readonly<Record<string, Need>>;

const checkNeed: Check<Need> = object<Need>({ nonce: NONCE, met: flag, stops: since(false, flag) });

export const checkNeeds: Check<Needs> = (value, at) => {
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw new Damage(`${at} is no list of tasks`);
	const needs = Object.entries(value).map(([id, need]) => {
		if (!ID_FORM.test(id)) throw new Damage(`${at} names what is no task`);
		return [id, checkNeed(need, `${at}.${id}`)] as const;
	});
	return Object.fromEntries(needs);
};

interface Needing {
	spec: { after: readonly string[] };
	needs: Needs;
}

/** All that it waits for, or waited for: in the order in which they were given, then what stopped its batch. */
export function allNeeds({ spec, needs }: Needing): string[] {
	const stoppers = Object.keys(needs).filter((id) => needs[id]?.stops && !spec.after.includes(id));
	return [...spec.after, ...stoppers];
}

/** Those of them that have not completed. */
export function openNeeds(task: Needing): string[] {
	return allNeeds(task).filter((id) => task.needs[id]?.met === false);
}
