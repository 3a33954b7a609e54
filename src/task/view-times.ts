/** Times of a task as people read them. AGE means one thing everywhere: how long ago the task was submitted. */
import { formatDuration } from "./duration.ts";

/** ms since the Unix epoch. @param time that, or as `--json` prints it */
export function timeOf(time: string | number): number {
	return typeof time === "number" ? time : Date.parse(time);
}

/** "5m", "3h": the largest unit only, so that a list does not change every second for ever. */
export function ageText({ createdAt }: { createdAt: string | number }, now: number): string {
	return formatDuration(Math.max(0, now - timeOf(createdAt)), 1);
}
