/** Points in time as people and headers write them: dates, weekdays, times of day, in every order. */
import { type Day, dayAt, localZone, momentOf, type Zone, zoneAt } from "./zones.ts";

const DAY_MS = 86_400_000;
/** A time of day that was a moment ago is over, not a day away. */
const JUST_OVER_MS = 10 * 60_000;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTH = `(${MONTHS.join("|")})(?:[a-z]*)\\.?`;
const WEEKDAY = `(${WEEKDAYS.join("|")})(?:day|sday|nesday|rsday|urday|s)?\\.?(?![a-z])`;
const NTH = "(\\d{1,2})(?:st|nd|rd|th)?";
const YEAR = "(?:,?\\s+(\\d{4})(?![\\d:]))?";

const ISO = /(\d{4})-(\d{2})-(\d{2})(?!\d)/y;
const MONTH_DAY = new RegExp(`(?:${WEEKDAY},?\\s+)?${MONTH}\\s+${NTH}(?![\\d:])${YEAR}`, "iy");
const DAY_MONTH = new RegExp(`(?:${WEEKDAY},?\\s+)?${NTH}\\.?\\s+(?:of\\s+)?${MONTH}(?![a-z])${YEAR}`, "iy");
const SLASHES = /(\d{1,2})\/(\d{1,2})(?:\/(\d{4}|\d{2}))?(?![\d/])/y;
const DOTS = /(\d{1,2})\.(\d{1,2})\.(\d{4})?(?!\d)/y;
const ON_WEEKDAY = new RegExp(`(?:next\\s+|this\\s+)?${WEEKDAY}`, "iy");
const NEAR_DAY = /(today|tonight|tomorrow)(?![a-z])/iy;
const BETWEEN = /(?:,|T|\s)\s*(?:(?:at|on|by|around)\s+)?/iy;

const TIME =
	/(?:(\d{1,2})(?:[:.](\d{2}))?(?::(\d{2}))?\s?([ap])\.?m(?![a-z])\.?|(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?![\d:])|(noon|midnight)(?![a-z]))/iy;

/** A day; where the text leaves the year or the week open, a rule that finds it. */
type DayRule = (now: number, zone: Zone, seconds: number) => number;
interface Read<T> {
	value: T;
	end: number;
}

/**
 * The moment that a text names at a place.
 * @returns ms since the Unix epoch, and whether it is a mere time of day; null where no date and no time of
 * day begins there, or its zone is unknown
 */
export function momentAt(text: string, at: number, now: number): { at: number; daily: boolean } | null {
	const day = dayRuleAt(text, at);
	const time = timeAt(text, day === null ? at : after(BETWEEN, text, day.end));
	if (day === null && time === null) return null;
	const zoned = zoneAt(text, (time ?? day)?.end ?? at);
	if (zoned === null) return null;
	const { zone, end } = zoned;
	// "7am on Friday": the day may stand behind.
	const later = day ?? dayRuleAt(text, after(BETWEEN, text, end));
	const seconds = time?.value ?? 0;
	if (later === null) return { at: nextTimeOfDay(now, zone, seconds), daily: true };
	const place = zone === localZone ? zoneBehind(text, later.end) : zone;
	return { at: later.value(now, place, seconds), daily: false };
}

function zoneBehind(text: string, at: number): Zone {
	return zoneAt(text, at)?.zone ?? localZone;
}

function nextTimeOfDay(now: number, zone: Zone, seconds: number): number {
	const today = momentOf(dayAt(now, zone), seconds, zone);
	if (today >= now - JUST_OVER_MS) return Math.max(today, now);
	return onDay(now, zone, seconds, 1);
}

function onDay(now: number, zone: Zone, seconds: number, daysOn: number): number {
	const { year, month, day } = dayAt(now, zone);
	return momentOf({ year, month, day: day + daysOn }, seconds, zone);
}

function dayRuleAt(text: string, at: number): Read<DayRule> | null {
	const iso = match(ISO, text, at);
	if (iso) return fixed(iso, Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]));
	const named = match(MONTH_DAY, text, at);
	if (named) return fixed(named, yearOf(named[4]), monthOf(named[2]), Number(named[3]));
	const reversed = match(DAY_MONTH, text, at);
	if (reversed) return fixed(reversed, yearOf(reversed[4]), monthOf(reversed[3]), Number(reversed[2]));
	const slashes = match(SLASHES, text, at);
	if (slashes) return slashed(slashes);
	const dots = match(DOTS, text, at);
	if (dots) return fixed(dots, yearOf(dots[3]), Number(dots[2]) - 1, Number(dots[1]));
	const near = match(NEAR_DAY, text, at);
	if (near) {
		const daysOn = near[1]?.toLowerCase() === "tomorrow" ? 1 : 0;
		return read(near, (now, zone, seconds) => onDay(now, zone, seconds, daysOn));
	}
	const weekday = match(ON_WEEKDAY, text, at);
	if (weekday === null) return null;
	const wanted = WEEKDAYS.indexOf(weekday[1]?.toLowerCase() ?? "");
	return read(weekday, (now, zone, seconds) => nextWeekday(now, zone, seconds, wanted));
}

function nextWeekday(now: number, zone: Zone, seconds: number, wanted: number): number {
	const ahead = (wanted - dayAt(now, zone).weekday + 7) % 7;
	const first = onDay(now, zone, seconds, ahead);
	return first >= now - JUST_OVER_MS ? first : onDay(now, zone, seconds, ahead + 7);
}

/** 9/23 is in September; 23/9 can only be. */
function slashed(found: RegExpExecArray): Read<DayRule> | null {
	const [first, second] = [Number(found[1]), Number(found[2])];
	const [month, day] = first > 12 ? [second, first] : [first, second];
	return fixed(found, yearOf(found[3]), month - 1, day);
}

function fixed(
	found: RegExpExecArray,
	year: number | null,
	month: number,
	day: number,
): Read<DayRule> | null {
	if (month < 0 || month > 11 || day < 1 || day > 31) return null;
	return read(found, (now, zone, seconds) => {
		const at = (inYear: number) => momentOf({ year: inYear, month, day } satisfies Day, seconds, zone);
		if (year !== null) return at(year);
		// Without a year it is the nearest: in December a date in January lies ahead.
		const thisYear = dayAt(now, zone).year;
		const nearest = [thisYear - 1, thisYear, thisYear + 1].map(at);
		return nearest.reduce((best, each) => (Math.abs(each - now) < Math.abs(best - now) ? each : best));
	});
}

/** Seconds since midnight. */
function timeAt(text: string, at: number): Read<number> | null {
	const found = match(TIME, text, at);
	if (found === null) return null;
	const [, h12, m12, s12, half, h24, m24, s24, word] = found;
	if (word !== undefined) return read(found, word.toLowerCase() === "noon" ? DAY_MS / 2_000 : DAY_MS / 1_000);
	const hour = half === undefined ? Number(h24) : (Number(h12) % 12) + (half.toLowerCase() === "p" ? 12 : 0);
	const [minute, second] = [Number(m12 ?? m24 ?? 0), Number(s12 ?? s24 ?? 0)];
	if (hour > 24 || Number(h12 ?? 1) > 12 || minute > 59 || second > 60) return null;
	return read(found, (hour * 60 + minute) * 60 + second);
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
	pattern.lastIndex = at;
	return pattern.exec(text);
}

function read<T>(found: RegExpExecArray, value: T): Read<T> {
	return { value, end: found.index + found[0].length };
}

function after(pattern: RegExp, text: string, at: number): number {
	const found = match(pattern, text, at);
	return found === null ? at : at + found[0].length;
}

function yearOf(year: string | undefined): number | null {
	if (year === undefined) return null;
	return year.length === 2 ? 2000 + Number(year) : Number(year);
}

function monthOf(name: string | undefined): number {
	return MONTHS.indexOf(name?.toLowerCase() ?? "");
}
