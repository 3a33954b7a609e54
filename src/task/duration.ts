/** Durations as people write them: `30s`, `10m`, `2h`, `1d`, `1h30m`, `500ms`. */

import { cutText } from "./cut-text.ts";
import { DispatchError } from "./errors.ts";

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

type Unit = keyof typeof UNITS_MS;

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d)\s*)+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const MAX_CHARS = 40;
const MAX_MS = 3_650 * UNITS_MS.d;

/**
 * @param option named in the error: "--timeout", "limits.inactivity"
 * @returns ms, 0 or more
 * @throws DISPATCH_USAGE
 */
export function parseDuration(text: string, option: string): number {
	const ms = durationMs(text);
	if (ms !== null) return ms;
	throw new DispatchError("DISPATCH_USAGE", `Expected ${option} to be a duration, got ${shown(text)}.`, {
		hint: `For example: ${option} 10m (units: ms, s, m, h, d; also 1h30m).`,
	});
}

/** null: it is not a duration of at most ten years */
export function durationMs(text: string): number | null {
	const trimmed = text.trim();
	if (trimmed.length > MAX_CHARS || !DURATION.test(trimmed)) return null;
	let ms = 0;
	for (const [, amount, unit] of trimmed.matchAll(PART)) ms += Number(amount) * UNITS_MS[unit as Unit];
	return ms <= MAX_MS ? Math.round(ms) : null;
}

/** The largest units, two unless told: `500ms`, `10m`, `1h30m`, `2d4h`. `parseDuration` reads it. */
export function formatDuration(ms: number, units = 2): string {
	if (!(ms >= UNITS_MS.s)) return ms >= 1 ? `${Math.floor(ms)}ms` : "0s";
	let rest = Math.min(ms, Number.MAX_SAFE_INTEGER);
	const parts: string[] = [];
	for (const unit of ["d", "h", "m", "s"] as const) {
		const amount = Math.floor(rest / UNITS_MS[unit]);
		rest -= amount * UNITS_MS[unit];
		if (amount > 0) parts.push(`${amount}${unit}`);
		// "2d" and a few seconds is "2d".
		else if (parts.length > 0) break;
		if (parts.length === units) break;
	}
	return parts.join("");
}

function shown(text: string): string {
	return JSON.stringify(cutText(text, MAX_CHARS));
}
