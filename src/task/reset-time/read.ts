/**
 * When a limit ends: the one reader of what services and CLIs write about it, in prose, headers and JSON.
 * What it cannot read, or cannot believe, is null: the caller waits with growing pauses instead.
 */
import { cutText } from "../cut-text.ts";
import { momentAt } from "./dates.ts";
import { durationAt } from "./durations.ts";
import { endsInEnglish } from "./foreign.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** "Try again in 0s" and a time that is over mean: soon, not in a tight loop. */
export const MIN_WAIT_MS = 30 * SECOND_MS;

/** How long a limit of a kind can last, with some room; of several kinds the longest counts. */
const LONGEST: readonly [RegExp, number][] = [
	[/per[- ]minute|\b[RT]PM\b|requests? per min/i, HOUR_MS],
	[/\b(?:5|five)[-_ ]?hour\b|\bsession limit/i, 6 * HOUR_MS],
	[/\bdaily\b|per[- ]day|\b[RT]PD\b/i, 26 * HOUR_MS],
	[/\bweek(?:ly)?\b|\b(?:7|seven)[-_ ]?day/i, 8 * DAY_MS],
	[/\bmonth(?:ly)?\b|\bspend|\bcycle\b|\bregain\b|\boverage\b/i, 32 * DAY_MS],
];
/** No limit of any kind lasts longer. */
export const LONGEST_LIMIT_MS = 32 * DAY_MS;
const HALF_A_DAY_MS = 12 * HOUR_MS;

const TEXT_MAX = 4_000;
/** Words may stand between "resets" and the time, but not another sentence. */
const REACH = 70;
const ANCHOR =
	/(?<![a-z])(?:resets?|resetting|again|retry(?:ing|delay)?|regain|available|until|wait|renews?|refresh(?:es)?|expires?|back|lifted|lifts|resumes?|(?:more|next) (?:message|request|prompt)s?)(?![a-z])|(?<=["_-])reset/gi;
/** No service says it so often; whoever does has the time of everybody's daemon. */
const ANCHORS_MAX = 20;
const SENTENCE_END = /[.!?]["')]?\s+["'(]?[A-Z]|\n/;
const EPOCH = /(\d{13}|\d{10})(?:\.\d+)?(?!\d)/y;
const BARE = /(-?\d+(?:\.\d+)?)(?![\w:/.-])/y;
/** A bare number has a unit by the name before it: `retry-after: 120`, `"resets_in_seconds":90`. */
const IN_SECONDS = /(?:after|seconds?|secs?|delay)["'_]?\s*[:=]?\s*["']?$/i;
const LENGTH_FOLLOWS = /\b(?:in|after)\s+(?:about\s+)?$/i;
const IN_MS = /(?:ms|millis(?:econds)?)["']?\s*[:=]?\s*["']?$/i;

/**
 * @param text what the service said, a header's line, or JSON
 * @returns ms since the Unix epoch, at least MIN_WAIT_MS from now; null when it names no time, or one that
 * no limit of its kind can have
 */
export function resetTime(text: string, now: number): number | null {
	const said = cutText(text, TEXT_MAX);
	const bar = /\|(\d{10}|\d{13})\b/.exec(said)?.[1];
	if (bar !== undefined) return limitEnd(fromEpoch(bar), now, said);
	const named = firstNamed(said, now) ?? firstNamed(endsInEnglish(said), now);
	// "session limit · resets 12:50am", said at 1am: it is over, since no session lasts a day.
	if (named?.daily) {
		const isOver = named.at - now > HALF_A_DAY_MS && longestOf(said) < HALF_A_DAY_MS;
		return soonest(isOver ? now : named.at, now);
	}
	return named === null ? null : limitEnd(named.at, now, said);
}

function firstNamed(said: string, now: number): Named | null {
	for (const anchor of anchorsOf(said)) {
		const named = firstTime(said, anchor.index + anchor[0].length, now);
		if (named !== null) return named;
	}
	return null;
}

/** Whether a text names an end at all. */
export function namesEnd(text: string): boolean {
	const said = cutText(text, TEXT_MAX);
	return (firstNamed(said, 0) ?? firstNamed(endsInEnglish(said), 0)) !== null;
}

function anchorsOf(said: string): RegExpExecArray[] {
	const found: RegExpExecArray[] = [];
	for (const anchor of said.matchAll(ANCHOR)) if (found.push(anchor) === ANCHORS_MAX) break;
	return found;
}

/** A `Retry-After` header: seconds or an HTTP date. @returns ms to wait, at least a second; null without one */
export function retryAfterMs(header: string | null, now: number): number | null {
	const text = cutText(`Retry-After: ${header ?? ""}`, TEXT_MAX);
	const named = firstTime(text, "Retry".length, now);
	if (named === null || named.at - now > LONGEST_LIMIT_MS) return null;
	return Math.max(SECOND_MS, named.at - now);
}

/**
 * An end as a service told it, held to what can be.
 * @param kind words that say which limit it is: "seven_day", "session limit"
 */
export function limitEnd(until: number, now: number, kind: string): number | null {
	return until - now <= longestOf(kind) ? soonest(until, now) : null;
}

function longestOf(kind: string): number {
	const kinds = LONGEST.filter(([words]) => words.test(kind)).map(([, ms]) => ms);
	return kinds.length === 0 ? LONGEST_LIMIT_MS : Math.max(...kinds);
}

function soonest(until: number, now: number): number {
	return Math.max(until, now + MIN_WAIT_MS);
}

interface Named {
	/** ms since the Unix epoch */
	at: number;
	/** a mere time of day */
	daily: boolean;
}

function firstTime(text: string, from: number, now: number): Named | null {
	const reach = text.slice(from, from + REACH);
	const end = from + (SENTENCE_END.exec(reach)?.index ?? reach.length);
	for (let at = from; at < end; at++) {
		if (!/[a-z0-9-]/i.test(text[at] ?? "") || /[a-z0-9./]$|\d:$/i.test(text.slice(at - 2, at))) continue;
		const time = timeHere(text, at, text.slice(Math.max(0, at - 16), at), now);
		if (time !== null) return time;
	}
	return null;
}

function timeHere(text: string, at: number, before: string, now: number): Named | null {
	const length = lengthHere(text, at, before);
	if (length !== null && LENGTH_FOLLOWS.test(before)) return { at: now + length, daily: false };
	EPOCH.lastIndex = at;
	const epoch = EPOCH.exec(text)?.[1];
	if (epoch !== undefined) return { at: fromEpoch(epoch), daily: false };
	return momentAt(text, at, now) ?? (length === null ? null : { at: now + length, daily: false });
}

/** ms */
function lengthHere(text: string, at: number, before: string): number | null {
	const duration = durationAt(text, at);
	if (duration !== null) return duration;
	BARE.lastIndex = at;
	const bare = BARE.exec(text)?.[1];
	if (bare === undefined) return null;
	if (IN_MS.test(before)) return Number(bare);
	return IN_SECONDS.test(before) ? Number(bare) * SECOND_MS : null;
}

function fromEpoch(digits: string): number {
	return digits.length === 13 ? Number(digits) : Number(digits) * SECOND_MS;
}
