/** `--state`, `--tag` and `--host`, for commands that take several tasks. */
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { STATES } from "../../task/states.ts";
import { pairsOf } from "./values.ts";

export interface TaskFilterFlags {
	state?: string[];
	tag?: string[];
	host?: string;
}

/** @throws DISPATCH_USAGE */
export function filterOf({ state, tag, host }: TaskFilterFlags): (record: TaskRecord) => boolean {
	const wrong = state?.find((name) => !(STATES as readonly string[]).includes(name));
	if (wrong !== undefined) {
		throw new DispatchError("DISPATCH_USAGE", `Expected --state to be a state, got "${wrong}".`, {
			hint: `One of ${STATES.join(", ")}.`,
		});
	}
	const tags = Object.entries(pairsOf(tag, "--tag"));
	return (record) =>
		(state === undefined || state.includes(record.state)) &&
		(host === undefined || record.host === host) &&
		tags.every(([name, value]) => record.spec.tags[name] === value);
}
