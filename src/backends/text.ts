import { oneLine } from "../task/clean-text.ts";
import { cutText } from "../task/cut-text.ts";
import { withoutEscapes } from "../task/escapes.ts";

/** Longest text of one event, in characters. */
const EVENT_TEXT_MAX = 16 * 1024;
const ACTIVITY_MAX = 200;

// All but tab and newline: what an agent prints must not steer the terminal of whoever reads its log.
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Safe to print, at most 16 KiB. */
export function eventText(text: string): string {
	return cutText(
		withoutEscapes(cutText(text, 2 * EVENT_TEXT_MAX)).replace(CONTROL_CHARACTERS, ""),
		EVENT_TEXT_MAX,
	);
}

/** `Bash: npm test`: one line of at most 200 characters. */
export function activityText(tool: string, detail: string | null): string {
	return oneLine(eventText(detail ? `${tool}: ${detail}` : tool), ACTIVITY_MAX);
}

/** It becomes an argument of the next start: no option, and nothing that steers a terminal. */
const SESSION_ID = /^[A-Za-z0-9][\w.:-]{0,199}$/;

/** Whether it may become an argument: it comes from Redis, where others may write. */
export function isSessionId(id: string): boolean {
	return SESSION_ID.test(id);
}

/** The event for a session's id; none for what is no id. */
export function sessionEvents(id: string | null): { kind: "session"; id: string }[] {
	return id !== null && SESSION_ID.test(id) ? [{ kind: "session", id }] : [];
}
