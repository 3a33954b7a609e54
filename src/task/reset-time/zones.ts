/** Time zones as people write them, and wall-clock times in them. */
const MINUTE_MS = 60_000;

/** Abbreviations mean the place, whatever the season: "PST" is written in July, too. */
const PLACES: Readonly<Record<string, string>> = {
	pt: "America/Los_Angeles",
	pst: "America/Los_Angeles",
	pdt: "America/Los_Angeles",
	pacific: "America/Los_Angeles",
	mt: "America/Denver",
	mst: "America/Denver",
	mdt: "America/Denver",
	mountain: "America/Denver",
	ct: "America/Chicago",
	cst: "America/Chicago",
	cdt: "America/Chicago",
	central: "America/Chicago",
	et: "America/New_York",
	est: "America/New_York",
	edt: "America/New_York",
	eastern: "America/New_York",
	brt: "America/Sao_Paulo",
	z: "UTC",
	utc: "UTC",
	gmt: "UTC",
	wet: "Europe/Lisbon",
	west: "Europe/Lisbon",
	bst: "Europe/London",
	cet: "Europe/Paris",
	cest: "Europe/Paris",
	eet: "Europe/Helsinki",
	eest: "Europe/Helsinki",
	msk: "Europe/Moscow",
	ist: "Asia/Kolkata",
	sgt: "Asia/Singapore",
	hkt: "Asia/Hong_Kong",
	jst: "Asia/Tokyo",
	kst: "Asia/Seoul",
	aest: "Australia/Sydney",
	aedt: "Australia/Sydney",
	nzst: "Pacific/Auckland",
	nzdt: "Pacific/Auckland",
};

/** Minutes east of UTC at a moment (ms since the Unix epoch). */
export type Zone = (at: number) => number;

/** This process's own. */
export const localZone: Zone = (at) => -new Date(at).getTimezoneOffset();

const AFTER_TIME =
	/\s*(\()?\s*((?:utc|gmt)?\s?[+-]\d{1,2}(?::?\d{2})?(?![\d-])|[a-z][a-z_]+\/[a-z0-9_+/-]+|[a-z]{1,8}(?![\w/]))(?:\s(?:standard |daylight )?time\b)?\s*\)?/iy;

/**
 * The zone that follows a time: "(Europe/Zurich)", "UTC+2", "-05:00", "PST", "Pacific time".
 * @returns the local zone where none stands there; null for one that names a place nobody knows
 */
export function zoneAt(text: string, at: number): { zone: Zone; end: number } | null {
	AFTER_TIME.lastIndex = at;
	const [all = "", bracket, word] = AFTER_TIME.exec(text) ?? [];
	const none = { zone: localZone, end: at };
	if (word === undefined) return none;
	const zone = zoneOf(word);
	if (zone !== null) return { zone, end: at + all.length };
	// Any other word is the next one of the sentence.
	return word.includes("/") || (bracket !== undefined && word === word.toUpperCase()) ? null : none;
}

function zoneOf(word: string): Zone | null {
	const [, sign, hours, minutes] = /^(?:utc|gmt)?\s?([+-])(\d{1,2}):?(\d{2})?$/i.exec(word) ?? [];
	if (sign !== undefined) {
		const offset = Number(hours) * 60 + Number(minutes ?? 0);
		return () => (sign === "-" ? -offset : offset);
	}
	const place = PLACES[word.toLowerCase()];
	return place === undefined ? (word.includes("/") ? placeZone(word) : null) : placeZone(place);
}

function placeZone(timeZone: string): Zone | null {
	try {
		const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
		return (at) => {
			const name = format.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "";
			const [, sign, hours, minutes] = /([+-])(\d{2}):(\d{2})/.exec(name) ?? [];
			return (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === "-" ? -1 : 1);
		};
	} catch {
		return null;
	}
}

export interface Day {
	year: number;
	/** 0 to 11; days and months beyond a month or year run on, as in Date.UTC */
	month: number;
	day: number;
}

/** @param seconds since midnight, by the clocks of the zone */
export function momentOf({ year, month, day }: Day, seconds: number, zone: Zone): number {
	const wall = Date.UTC(year, month, day) + seconds * 1_000;
	const first = wall - zone(wall) * MINUTE_MS;
	return wall - zone(first) * MINUTE_MS;
}

/** The day that a zone has at a moment, and which weekday (0: Sunday). */
export function dayAt(at: number, zone: Zone): Day & { weekday: number } {
	const wall = new Date(at + zone(at) * MINUTE_MS);
	return {
		year: wall.getUTCFullYear(),
		month: wall.getUTCMonth(),
		day: wall.getUTCDate(),
		weekday: wall.getUTCDay(),
	};
}
