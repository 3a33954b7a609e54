/** Lengths of time as people and headers write them. */
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const UNITS: readonly [RegExp, number][] = [
	[/^(?:ms|msecs?|millis|milliseconds?)$/, 1],
	[/^(?:s|secs?|seconds?)$/, SECOND_MS],
	[/^(?:m|mins?|minutes?)$/, MINUTE_MS],
	[/^(?:h|hrs?|hours?)$/, HOUR_MS],
	[/^(?:d|days?)$/, DAY_MS],
	[/^(?:w|wks?|weeks?)$/, 7 * DAY_MS],
	[/^(?:mos?|months?)$/, 30 * DAY_MS],
];

const WORDS: Readonly<Record<string, number>> = { a: 1, an: 1, one: 1, two: 2, "a few": 3, "half an": 0.5 };

const PART =
	/(-?\d+(?:\.\d+)?|(?:half an|a few|an?|one|two)(?=[\s-]))[\s-]?([a-z]+)(?![a-z])[,\s]*(?:and\s+)?/iy;
const CLOCK = /(\d{1,3}):(\d{2}):(\d{2})(?!\d)/y;

/**
 * "3 days 6 hours 57 minutes", "4hr 29min", "6m0s", "1.5s", "500ms", "an hour", "01:30:00".
 * @returns ms, not below 0; null where no length of time begins
 */
export function durationAt(text: string, at: number): number | null {
	CLOCK.lastIndex = at;
	const [, hours, minutes, seconds] = CLOCK.exec(text) ?? [];
	if (hours !== undefined)
		return Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * SECOND_MS;
	let total: number | null = null;
	for (let next = at; ; next = PART.lastIndex) {
		const part = partAt(text, next);
		if (part === null) return total === null || !Number.isFinite(total) ? null : Math.max(0, total);
		total = (total ?? 0) + part;
	}
}

function partAt(text: string, at: number): number | null {
	PART.lastIndex = at;
	const [, count = "", unit = ""] = PART.exec(text) ?? [];
	const ms = UNITS.find(([spelling]) => spelling.test(unit.toLowerCase()))?.[1];
	if (ms === undefined) return null;
	return (WORDS[count.toLowerCase()] ?? Number(count)) * ms;
}
