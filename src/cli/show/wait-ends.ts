/** What ends a wait without the event that it was for. */
import type { WaitEnd } from "../../actions/wait.ts";
import { optionOf } from "../../task/damaged.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded } from "../../task/states.ts";
import { secondsText } from "../../task/view-times.ts";
import { oneLine } from "./output.ts";

/** @param ids of tasks that somebody may have put in a moment ago, and may not know yet */
export function noReply(ids: readonly string[] = []): DispatchError {
	const named = ids.length === 0 ? "" : ` for ${namesOf(ids)}`;
	return new DispatchError("DISPATCH_TIMED_OUT", `Timed out waiting${named}: Redis does not answer.`, {
		hint: ONCE_BACK,
	});
}

const ONCE_BACK =
	"Agents run on; `dispatch status` shows them once Redis is back, and `dispatch doctor` looks for why it is away.";

/** Nobody knows what happened since. @param since ms since the Unix epoch */
export function awayText(since: number): string {
	return `Redis has been away since ${secondsText(since)}`;
}

/** The time is over, and no event came. @param awaySince as in `Answers` @param stalled as `StallTeller` has it */
export function nothingNew(awaySince: number | null, stalled: string | null): DispatchError {
	if (awaySince !== null)
		return new DispatchError("DISPATCH_TIMED_OUT", `Timed out waiting: ${awayText(awaySince)}.`, {
			hint: ONCE_BACK,
		});
	return new DispatchError("DISPATCH_TIMED_OUT", "Timed out waiting: nothing new happened.", {
		hint: stalled ?? GOES_ON,
	});
}

const GOES_ON = "The work goes on; `dispatch status` shows it.";

/** A loop over given tasks comes to its end here: waiting on would be for ever. */
export function nothingLeft(ids: readonly string[], path: string): DispatchError {
	return new DispatchError(
		"DISPATCH_ALREADY_ENDED",
		`Nothing is left to tell: ${namesOf(ids)} ended before.`,
		{
			hint: `Name other tasks, or none to wait for any: dispatch wait --any ${oneLine(optionOf("--cursor", path))}`,
		},
	);
}

function namesOf(ids: readonly string[]): string {
	const names = ids.slice(0, 3).map((id) => `\`${id}\``);
	return `${names.join(", ")}${ids.length > 3 ? ", …" : ""}`;
}

/** Waiting on could be for ever; the work itself is not given up. */
export function hostGone(records: readonly TaskRecord[]): DispatchError {
	const [first] = records;
	const id = first?.spec.id ?? "";
	const more = records.length > 1 ? ` (and ${records.length - 1} more)` : "";
	return new DispatchError(
		"DISPATCH_HOST_GONE",
		`\`${id}\` is ${first?.state}${more}, and no worker runs on its host ${first?.host}.`,
		{
			hint: `Start one there (dispatch up) and wait again, take it over (dispatch retry ${id} --here), or end it (dispatch cancel ${id}).`,
		},
	);
}

/** What is left, and what helps. @param ids of all that was waited for @param stalled as `StallTeller` has it */
export function timedOut(
	{ records, hostsGone, awaySince }: WaitEnd & { kind: "timedOut" },
	ids: readonly string[],
	stalled: string | null,
): DispatchError {
	if (records.length === 0) return noReply(ids);
	const left = records.filter(({ state }) => !isEnded(state));
	const open = left.map(({ spec, state }) => `${spec.id} is ${state}`);
	const id = left[0]?.spec.id ?? "";
	const areAsking = left.length > 0 && left.every(({ state }) => state === "asking");
	const shown = `${open.slice(0, 3).join(", ")}${open.length > 3 ? ", …" : ""}`;
	if (awaySince !== null)
		return new DispatchError(
			"DISPATCH_TIMED_OUT",
			`Timed out waiting: ${awayText(awaySince)}. As last seen, ${shown}.`,
			{ hint: ONCE_BACK },
		);
	return new DispatchError("DISPATCH_TIMED_OUT", `Timed out waiting: ${shown}.`, {
		hint: hostsGone
			? `No worker runs on the host that it belongs to: nobody works on it now. \`dispatch status ${id}\` says what can be done.`
			: areAsking
				? `Answer with: dispatch answer ${id}`
				: (stalled ?? GOES_ON),
	});
}
