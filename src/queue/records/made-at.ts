/**
 * By which clock a point of time was reckoned that holds something back until then. The machine's clock may be moved
 * while it waits: with this it can be told by how much, and how long it was to wait (`src/queue/jobs/moved-clock.ts`).
 */
import { bootId, upMs } from "../../process/identity.ts";
import type { Clock } from "../../task/clock.ts";

export interface MadeAt {
	/** ms since the Unix epoch, by the clock of the machine that made it */
	at: number;
	/** when that machine was started, by the same clock: another value is another clock, or another boot */
	clock: number;
	/** which start of the machine that was */
	boot: string;
}

export function madeAt(clock: Clock): MadeAt {
	const at = clock.now();
	return { at, clock: at - upMs(), boot: bootId() };
}

/** @param hold as it is written in a record, "" for none */
export function withMadeAt(hold: string, clock: Clock): string {
	return hold === "" ? "" : JSON.stringify({ ...JSON.parse(hold), made: madeAt(clock) });
}
