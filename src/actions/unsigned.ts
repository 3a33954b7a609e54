/** Tasks that their host will refuse to start, told before it does. */
import { Orders, type Refusal } from "../config/orders.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded, isLive } from "../task/states.ts";
import type { Place } from "./remove.ts";

const SHOWN = 3;

/** What to tell of one of them, and the next step. */
export interface Told {
	text: string;
	fix: string;
}

/**
 * @param records of any host: those of others are not this one's to judge
 * @returns by id, those that this host will not start, or not again
 * @throws DISPATCH_KEY_UNUSABLE when the key cannot be used
 */
export function refusedOf(
	records: readonly TaskRecord[],
	place: Place,
	namespace: string,
): Map<string, Told> {
	const own = records.filter(({ host, state }) => host === place.hostId && state !== "completed");
	if (own.length === 0) return new Map();
	const orders = new Orders(place.path, namespace);
	return new Map(
		own.flatMap((record) => {
			const refusal = orders.refusal(record);
			return refusal === null ? [] : [[record.spec.id, toldOf(record, refusal)] as const];
		}),
	);
}

/** The first few of them, then how many more. */
export function unsignedTexts(refused: ReadonlyMap<string, Told>): Told[] {
	const told = [...refused.values()];
	const left = told.length - SHOWN;
	if (left <= 0) return told;
	const [what, them] = left === 1 ? ["1 more task", "it"] : [`${left} more tasks`, "them"];
	const rest = {
		text: `${what} will not be started either.`,
		fix: `dispatch status ID says why, of each of ${them}`,
	};
	return [...told.slice(0, SHOWN), rest];
}

function toldOf({ spec: { id }, state }: TaskRecord, { why, canBeSigned }: Refusal): Told {
	// What works was signed when it began: it is not stopped.
	if (isLive(state))
		return {
			text: `\`${id}\` is at work, but will not be started again, nor be called done by a worker that began since: ${why}.`,
			fix: `Let it go on; where its end needs another start: dispatch retry ${id} --sign`,
		};
	if (isEnded(state))
		return {
			text: `\`${id}\` will not be started again: ${why}.`,
			fix: canBeSigned ? `If it is yours: dispatch retry ${id} --sign` : `Take it away: dispatch rm ${id}`,
		};
	return {
		text: `\`${id}\` will not be started: ${why}.`,
		fix: canBeSigned
			? `If it is yours: dispatch cancel ${id}, then dispatch retry ${id} --sign`
			: `Take it away: dispatch cancel ${id}, then dispatch rm ${id}`,
	};
}
