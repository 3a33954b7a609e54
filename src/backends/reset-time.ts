const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

const UNIT_MINUTES: Readonly<Record<string, number>> = { s: 1 / 60, m: 1, h: 60, d: DAY_MINUTES };

const DATED =
	/(?:again|resets?)(?: at| on)? ([A-Z][a-z]{2,8} \d{1,2})(?:st|nd|rd|th)?,? (\d{4}),? (?:at )?(\d{1,2}:\d{2} ?[AP]M)/i;
const CLOCK_TIME =
	/(?:again|resets?)(?: at)? (\d{1,2})(?::(\d{2}))? ?([ap])\.?m\b\.?(?: \(([A-Za-z_]+\/[A-Za-z_/+-]+|UTC)\))?/i;
const IN_A_WHILE = /(?:again|resets?) in ((?:\d+ ?[a-z]+(?:,? (?:and )?)?)+)/i;
const UNIX_SECONDS = /limit reached\|(\d{10})\b/i;

/**
 * When a limit ends, from the CLI's prose: "try again at 12:16 PM", "at Nov 25th, 2026 5:11 AM", "in 5
 * minutes", "resets 3pm (Europe/Berlin)". A time of day is the next one after `now`, in the named zone or
 * this process's own. @returns ms since the Unix epoch; null when the text names no time
 */
export function resetTime(text: string, now: number): number | null {
	const unix = UNIX_SECONDS.exec(text);
	if (unix) return Number(unix[1]) * 1000;
	const dated = DATED.exec(text);
	if (dated) return validTime(Date.parse(`${dated[1]}, ${dated[2]} ${dated[3]}`));
	const clockTime = CLOCK_TIME.exec(text);
	if (clockTime) return nextTimeOfDay(clockTime, now);
	const delay = IN_A_WHILE.exec(text)?.[1];
	return delay === undefined ? null : now + minutesOf(delay) * MINUTE_MS;
}

function minutesOf(delay: string): number {
	return [...delay.matchAll(/(\d+) ?([a-z])/gi)].reduce(
		(sum, [, count, unit]) => sum + Number(count) * (UNIT_MINUTES[unit?.toLowerCase() ?? ""] ?? 0),
		0,
	);
}

function nextTimeOfDay([, hour, minute, half, zone]: RegExpExecArray, now: number): number | null {
	const wanted = ((Number(hour) % 12) + (half?.toLowerCase() === "p" ? 12 : 0)) * 60 + Number(minute ?? 0);
	const current = minuteOfDay(now, zone);
	if (current === null) return null;
	const ahead = (wanted - current + DAY_MINUTES) % DAY_MINUTES;
	// A limit that ends "at 12:16" while it is 12:16 is over, not a day away.
	return (Math.floor(now / MINUTE_MS) + ahead) * MINUTE_MS;
}

/** null for a zone this platform does not know. */
function minuteOfDay(now: number, zone: string | undefined): number | null {
	try {
		const format = new Intl.DateTimeFormat("en-GB", {
			hour: "2-digit",
			minute: "2-digit",
			hourCycle: "h23",
			...(zone === undefined ? {} : { timeZone: zone }),
		});
		const [hour, minute] = format.format(now).split(":");
		return Number(hour) * 60 + Number(minute);
	} catch {
		return null;
	}
}

function validTime(time: number): number | null {
	return Number.isNaN(time) ? null : time;
}
