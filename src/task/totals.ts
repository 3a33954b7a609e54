/** How many tasks there are: one count for `status`, `ls`, the web, and whoever else says it. */
import { STATES, type State } from "./states.ts";

export type Totals = Partial<Record<State, number>>;

/** @param states null: it cannot be read, and is counted by nobody. @returns in the order of the states, none that is 0 */
export function totalsOf(states: Iterable<State | null>): Totals {
	const counted = new Map<State | null, number>();
	for (const state of states) counted.set(state, (counted.get(state) ?? 0) + 1);
	return Object.fromEntries(
		STATES.flatMap((state) => (counted.has(state) ? [[state, counted.get(state)]] : [])),
	);
}
