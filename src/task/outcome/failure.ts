/** What a service or a CLI said went wrong: the classes, and for those that pass, how long they are waited for. */

import type { FailureReason } from "../states.ts";

/**
 * `rate_limited`: what was allowed for a time is used up. `overloaded`: the service or the model has no room.
 * `outage`: it is not there (5xx, no network). `refused`: it refused before any work was done, in words that
 * nobody has seen. All four pass by themselves.
 *
 * `quota`, `billing`: nothing is left until somebody pays or raises it. `auth`: no login. `model`: no such
 * model. `policy`: the service will not talk about this; another session may get along. `context_full`: the session is too long. `budget`: ours. `not_started`: it refused its arguments or
 * its surroundings. `no_session`: what it should resume is gone.
 */
export const FAILURE_CLASSES = [
	"rate_limited",
	"overloaded",
	"outage",
	"refused",
	"quota",
	"billing",
	"auth",
	"model",
	"policy",
	"context_full",
	"budget",
	"not_started",
	"no_session",
] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** What lasts until a person comes: the hold that it puts on all tasks of its backend. */
export function lastingHold(failure: FailureClass | FailureReason | null): "auth" | "billing" | null {
	if (failure === "auth") return "auth";
	return failure === "billing" || failure === "quota" ? "billing" : null;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface Patience {
	/** the first wait; each one doubles, up to `maxMs` */
	firstMs: number;
	maxMs: number;
	/** waits in a row that add up to this are enough */
	lastsMs: number;
}

/** A weekly limit must not fail a task sooner than it can last; an outage rarely lasts for a day. */
export const PATIENCE: Readonly<Partial<Record<FailureClass, Patience>>> = {
	rate_limited: { firstMs: MINUTE_MS, maxMs: 30 * MINUTE_MS, lastsMs: 8 * DAY_MS },
	overloaded: { firstMs: MINUTE_MS / 2, maxMs: 10 * MINUTE_MS, lastsMs: DAY_MS },
	outage: { firstMs: MINUTE_MS / 2, maxMs: 5 * MINUTE_MS, lastsMs: DAY_MS },
	refused: { firstMs: MINUTE_MS, maxMs: 30 * MINUTE_MS, lastsMs: 6 * HOUR_MS },
};

/** Such a failure passes by itself. */
export function passes(failure: FailureClass | null): boolean {
	return failure !== null && PATIENCE[failure] !== undefined;
}

/** @param before waits in a row before this one; @returns ms */
export function nextWaitMs({ firstMs, maxMs }: Patience, before: number): number {
	return Math.min(maxMs, firstMs * 2 ** Math.min(before, 30));
}

/** Whether so many waits in a row are enough. */
export function isEnough(patience: Patience, waits: number): boolean {
	let waitedMs = 0;
	for (let n = 0; n < waits && waitedMs < patience.lastsMs; n++) waitedMs += nextWaitMs(patience, n);
	return waitedMs >= patience.lastsMs;
}
