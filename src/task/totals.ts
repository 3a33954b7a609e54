/** How many tasks there are: one count for `status`, `ls`, the web, and whoever else says it. */
import { SKIPPED, STATES, type State } from "./states.ts";

export type Totals = Partial<Record<State, number>>;

/** As people count them: a task that was not started because of what it needs was cancelled by nobody. */
export type Became = State | typeof SKIPPED;

/** @param states null: it cannot be read, and is counted by nobody. @returns in the order of the states, none that is 0 */
export function totalsOf(states: Iterable<State | null>): Totals {
	const counted = new Map<State | null, number>();
	for (const state of states) counted.set(state, (counted.get(state) ?? 0) + 1);
	return Object.fromEntries(
		STATES.flatMap((state) => (counted.has(state) ? [[state, counted.get(state)]] : [])),
	);
}

/**
 * In words: `3 completed`, `1 cancelled`, `2 skipped`.
 * @param skipped how many of those that are cancelled: they were not started because of what they need, and stand apart
 */
export function totalsTexts(totals: Totals, skipped: number): string[] {
	return Object.entries(totalsApart(totals, skipped)).map(([became, count]) => `${count} ${became}`);
}

/** The same, as numbers: none that is 0. */
export function totalsApart(totals: Totals, skipped: number): Partial<Record<Became, number>> {
	const counts = Object.entries(totals).flatMap(([state, count]): [string, number][] =>
		state === "cancelled"
			? [
					[state, count - skipped],
					[SKIPPED, skipped],
				]
			: [[state, count]],
	);
	return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
