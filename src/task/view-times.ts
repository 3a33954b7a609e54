/** Times of a task as people read them. AGE means one thing everywhere: how long ago the task was submitted. */
import { formatDuration } from "./duration.ts";

const DAY_MS = 86_400_000;

/** ms since the Unix epoch. @param time that, or as `--json` prints it */
export function timeOf(time: string | number): number {
	return typeof time === "number" ? time : Date.parse(time);
}

/** How long ago it was submitted. */
export function ageText({ createdAt }: { createdAt: string | number }, now: number): string {
	return sinceText(createdAt, now);
}

/** "5m", "3h": the largest unit only, so that a list does not change every second for ever. */
export function sinceText(time: string | number, now: number): string {
	return formatDuration(Math.max(0, now - timeOf(time)), 1);
}

/** "14:05", and the day before it where it is more than a day away; local time. */
export function clockText(time: string | number, now: number): string {
	const date = new Date(timeOf(time));
	const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
	if (Math.abs(date.getTime() - now) < DAY_MS) return clock;
	return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clock}`;
}

/** "14:05:09", local time. @param time ms since the Unix epoch */
export function secondsText(time: number): string {
	return new Date(time).toTimeString().slice(0, 8);
}

/** How far away it is: "1h30m". */
export function inText(time: string | number, now: number): string {
	return formatDuration(Math.max(0, timeOf(time) - now));
}

/** Of this day: the time; else the date before it. @param at ms since the Unix epoch */
export function clockTime(at: number, now = Date.now()): string {
	const [day, time] = local(at);
	return day === local(now)[0] ? time : `${day} ${time}`;
}

/** Here, not in UTC: `2026-11-24`, `14:05:09`. @param at ms since the Unix epoch */
export function local(at: number): [string, string] {
	const [day = "", time = ""] = new Date(at).toLocaleString("sv-SE").split(" ");
	return [day, time];
}
