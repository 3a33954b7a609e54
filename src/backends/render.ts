import type { AgentEvent } from "./contract.ts";

/** A line (or a few, for a message) of `dispatch logs`; null for what a reader need not see. */
export function renderEvent(event: AgentEvent): string | null {
	switch (event.kind) {
		case "session":
			return `session ${event.id}`;
		case "activity":
			return `› ${event.text}`;
		case "retrying":
			return `› ${retryText(event)}`;
		case "message":
		case "text":
			return event.text;
		case "error":
			return `error: ${event.message}`;
		case "rate_limit":
			return renderRateLimit(event);
		// Its text was the last message, or the error, already.
		case "result":
			return event.ok ? null : "the agent reports failure";
		case "background":
			return event.waitsFor === null ? null : `› waits for ${event.waitsFor}`;
		case "usage":
		case "heartbeat":
			return null;
	}
}

export function retryText({ cause, attempt }: AgentEvent & { kind: "retrying" }): string {
	return `retrying: ${cause} (attempt ${attempt})`;
}

function renderRateLimit({ until, fatal, failure }: AgentEvent & { kind: "rate_limit" }): string {
	const limited = failure === "rate_limited" ? "rate limited" : "the service has no room";
	const what = fatal ? limited : "close to the rate limit";
	return until === null ? what : `${what} (resets ${new Date(until).toISOString()})`;
}
