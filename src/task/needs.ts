/** What a task waits for: others that must have completed before it starts. */
import { type Check, Damage, flag, object } from "./check.ts";
import { ID_FORM } from "./id.ts";
import { NONCE } from "./spec.ts";

export interface Need {
	/** of the creation that is meant: another task of this id is none of it */
	nonce: string;
	/** it has completed, and counts as done whatever happens to it later, until this one is retried */
	met: boolean;
}

/** By id. Kept by the scripts: see `queue/records/scripts/needs.ts`. */
export type Needs = Readonly<Record<string, Need>>;

const checkNeed: Check<Need> = object<Need>({ nonce: NONCE, met: flag });

export const checkNeeds: Check<Needs> = (value, at) => {
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw new Damage(`${at} is no list of tasks`);
	const needs = Object.entries(value).map(([id, need]) => {
		if (!ID_FORM.test(id)) throw new Damage(`${at} names what is no task`);
		return [id, checkNeed(need, `${at}.${id}`)] as const;
	});
	return Object.fromEntries(needs);
};

/** Those that have not completed, in the order in which they were given. */
export function openNeeds({ spec, needs }: { spec: { after: readonly string[] }; needs: Needs }): string[] {
	return spec.after.filter((id) => needs[id]?.met === false);
}
