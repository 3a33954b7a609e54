/** A task as it was shown to who agreed to an act on it: one that has moved on since is left alone, by the scripts. */
import { DispatchError } from "./errors.ts";
import type { TaskRecord } from "./record.ts";
import { STATES, type State } from "./states.ts";

export interface Agreed {
	/** of its creation */
	nonce: string;
	/** grows each time it is queued: one that was started again since is not the one that was shown */
	generation: number;
	/** as it was shown */
	state: State;
	/** in which it is still meant */
	states: readonly State[];
}

/** @param states those that a filter takes; left out: whichever it is in by then */
export function agreedTo(record: TaskRecord, states: readonly State[] = STATES): Agreed {
	const { spec, generation, state } = record;
	return { nonce: spec.nonce, generation, state, states };
}

/** The refusal for one that is not as agreed. @param now its state; null: it is gone */
export function changedSince(id: string, { state, states }: Agreed, now: State | null): DispatchError {
	return new DispatchError("DISPATCH_STALE", `\`${id}\` ${what(state, states, now)}: left alone.`);
}

function what(was: State, states: readonly State[], now: State | null): string {
	if (now === null) return "was removed";
	if (now === was || states.includes(now)) return `was started again, it is ${now} by now`;
	return `is ${now} by now, it was ${was}`;
}
