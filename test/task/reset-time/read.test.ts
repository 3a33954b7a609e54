/** Every spelling of the end of a limit that CLIs, services and headers have been seen to print, and kindred ones. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limitEnd, MIN_WAIT_MS, resetTime, retryAfterMs } from "../../../src/task/reset-time/read.ts";

/** A Tuesday: 10:00 UTC, 11:00 in Zurich, 2:00 in Los Angeles, 19:00 in Tokyo. */
const NOW = Date.UTC(2026, 10, 24, 10, 0);
const S = 1_000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
const utc = (month: number, day: number, hour = 0, minute = 0) =>
	Date.UTC(2026, month - 1, day, hour, minute) - NOW;
/** By this machine's own clock. */
const local = (month: number, day: number, hour = 0, minute = 0) =>
	new Date(2026, month - 1, day, hour, minute).getTime() - NOW;
const SOON = MIN_WAIT_MS;

const SPELLINGS: [text: string, inMs: number | null][] = [
	// A date, with or without year, "at", comma and zone
	["You've hit your weekly limit · resets Nov 29, 7am (Europe/Zurich)", utc(11, 29, 6)],
	["You've hit your weekly limit · resets Nov 29 at 7am (Europe/Zurich)", utc(11, 29, 6)],
	["weekly limit reached, resets November 29th at 7:30 a.m. (UTC)", utc(11, 29, 7, 30)],
	["resets 29 Nov, 07:00 UTC", utc(11, 29, 7)],
	["resets on the 29th of November at 07:00 GMT", utc(11, 29, 7)],
	["or try again at Nov 25th, 2026 5:11 AM.", local(11, 25, 5, 11)],
	["try again at Dec 8th, 2026 12:30 PM", local(12, 8, 12, 30)],
	["Try again Nov 28.", local(11, 28)],
	["Usage will reset when your monthly cycle ends on 12/3/2026.", local(12, 3)],
	["resets 28.11.2026 18:00 (UTC)", utc(11, 28, 18)],
	["You will regain access on 2026-12-01 at 00:00 UTC.", utc(12, 1)],
	["resets at 2026-11-25T07:00:00+02:00", utc(11, 25, 5)],
	["anthropic-ratelimit-requests-reset: 2026-11-24T10:05:00Z", 5 * M],
	["spend limit reached · resets Jan 2 (UTC)", null],
	["resets Dec 20 (UTC)", utc(12, 20)],
	// A time of day
	["You've hit your session limit · resets 8:30pm (Asia/Tokyo)", 90 * M],
	["Session limit reached ∙ resets 2pm (UTC)", 4 * H],
	["You've hit your limit · resets 3am (America/Los_Angeles)", H],
	["resets 3pm (Europe/Berlin)", 4 * H],
	["resets 10:30am (Europe/Berlin)", 23 * H + 30 * M],
	["resets at 16:30 UTC", 6 * H + 30 * M],
	["try again at 16:30 UTC+2", 4 * H + 30 * M],
	["try again at 16:30 (GMT-05:30)", 12 * H],
	["try again at 3 PM PST", 13 * H],
	["try again at 3 PM Pacific Time", 13 * H],
	["resets at midnight (UTC)", 14 * H],
	["resets 3pm (Nowhere/Atlantis)", null],
	// What has just passed is over; a session does not last a day
	["resets 10:00am (UTC)", SOON],
	["resets 9:55am (UTC)", SOON],
	["You've hit your session limit · resets 9am (UTC)", SOON],
	["resets Nov 23, 7am (UTC)", SOON],
	// Days
	["resets Monday at 9:00 AM (UTC)", utc(11, 30, 9)],
	["resets Thu 10:00 PM UTC", utc(11, 26, 22)],
	["resets 7am on Friday (UTC)", utc(11, 27, 7)],
	["resets tomorrow at 7am (UTC)", utc(11, 25, 7)],
	["resets Thu, Nov 26, 9:00 PM PST", utc(11, 27, 5)],
	// Lengths
	["Try again in 5 minutes.", 5 * M],
	["try again in 500ms", SOON],
	["Please retry in 43.513s.", 43_513],
	["try again in 2 weeks", 14 * D],
	["try again in a week", 7 * D],
	["Try again in 3 days 6 hours 57 minutes.", 3 * D + 6 * H + 57 * M],
	["try again in 1 day, 2 hours and 5 min", 26 * H + 5 * M],
	["Session limit reached, resets in 4hr 29min", 4 * H + 29 * M],
	["Your quota will reset after 14h22m33s.", 14 * H + 22 * M + 33 * S],
	["try again in about an hour", H],
	["try again in half an hour", 30 * M],
	["try again in a few minutes", 3 * M],
	["Try again in 01:30:00", 90 * M],
	["Please wait 35 seconds before you go on", 35 * S],
	[
		"Rate limit reached on tokens per min (TPM): Limit 30000. Please try again in 48s. Visit us at 11:30",
		48 * S,
	],
	// Headers and JSON
	["retry-after: 120", 120 * S],
	["Retry-After: -5", SOON],
	["Retry-After: 0", SOON],
	["Retry-After: Wed, 25 Nov 2026 07:28:00 GMT", utc(11, 25, 7, 28)],
	["retry-after-ms: 90000", 90 * S],
	['"retryDelay": "34.07s"', 34_070],
	['{"resets_at":1795600000}', 1_795_600_000_000 - NOW],
	['{"resetsAt":1795600000000}', 1_795_600_000_000 - NOW],
	['{"resets_in_seconds":1234}', 1_234 * S],
	["x-ratelimit-reset-requests: 6m0s", 6 * M],
	["Claude AI usage limit reached|1795600000", 1_795_600_000_000 - NOW],
	["Claude AI usage limit reached|1795600000000", 1_795_600_000_000 - NOW],
	// No limit of its kind lasts so long, so it is not believed
	["weekly limit reached, resets in 30 days", null],
	["5-hour limit reached, try again in 20 hours", null],
	["daily limit reached, try again in 3 days", null],
	["requests per minute exceeded, try again in 8h 20m", null],
	['{"resets_at":99999999999}', null],
	["try again in 400 days", null],
	// Nothing is named
	["Please try again later.", null],
	["Please try again. The limit is 50 requests per 5 minutes", null],
	["Too many requests", null],
];

describe("resetTime", () => {
	test.each(SPELLINGS)("%s", (text, inMs) => {
		expect(resetTime(text, NOW)).toBe(inMs === null ? null : NOW + inMs);
	});

	test("near the turn of the year a date without a year is the nearest", () => {
		const eve = Date.UTC(2026, 11, 30, 12);
		expect(resetTime("resets Jan 2, 7am (UTC)", eve)).toBe(Date.UTC(2027, 0, 2, 7));
	});

	test("summer time: the clocks of the place count, those of the day named", () => {
		const before = Date.UTC(2026, 2, 27, 12);
		expect(resetTime("resets Mar 30, 7am (Europe/Zurich)", before)).toBe(Date.UTC(2026, 2, 30, 5));
	});

	test("whatever the text: never sooner than the floor, never later than any limit lasts, never a throw", () => {
		const words = fc.constantFrom(
			"resets",
			"again",
			"in",
			"at",
			"Nov",
			"29",
			"7am",
			"-5",
			"9999999999",
			"weeks",
			":",
			"(",
			"UTC",
		);
		const texts = fc.oneof(
			fc.string(),
			fc.array(fc.oneof(words, fc.string({ maxLength: 4 }))).map((all) => all.join(" ")),
		);
		fc.assert(
			fc.property(texts, (text) => {
				const until = resetTime(text, NOW);
				if (until === null) return;
				expect(until).toBeGreaterThanOrEqual(NOW + MIN_WAIT_MS);
				expect(until).toBeLessThanOrEqual(NOW + 32 * D);
			}),
			{ numRuns: 2_000 },
		);
	});
});

test("an end in a CLI's event is held to what its kind of limit can last", () => {
	expect(limitEnd(NOW + 5 * D, NOW, "seven_day")).toBe(NOW + 5 * D);
	expect(limitEnd(NOW + 9 * D, NOW, "seven_day_opus")).toBeNull();
	expect(limitEnd(NOW + 7 * H, NOW, "five_hour")).toBeNull();
	expect(limitEnd(NOW - 5 * D, NOW, "five_hour")).toBe(NOW + SOON);
	expect(limitEnd(Number.NaN, NOW, "")).toBeNull();
});

test("a Retry-After header: at least a second, whatever it says", () => {
	expect(retryAfterMs("120", NOW)).toBe(120 * S);
	for (const now of ["-5", "0", "Tue, 24 Nov 2026 09:00:00 GMT"]) expect(retryAfterMs(now, NOW)).toBe(S);
	expect(retryAfterMs("Tue, 24 Nov 2026 10:01:00 GMT", NOW)).toBe(M);
	for (const none of [null, "", "soon", "1e9"]) expect(retryAfterMs(none, NOW)).toBeNull();
});
