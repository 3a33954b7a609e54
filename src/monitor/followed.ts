/** What an agent's events add up to; kept in the run directory between two daemons. */
import type { AgentEvent } from "../backends/contract.ts";
import { retryText } from "../backends/render.ts";
import { type Check, count, flag, nullable, object, oneOf, since, text, time } from "../task/check.ts";
import { oneLine } from "../task/clean-text.ts";
import { FAILURE_CLASSES, type FailureClass, passes } from "../task/outcome/failure.ts";
import { checkUsage, MOST_TOKENS, MOST_USD, type Usage } from "../task/spec.ts";

/** Shown beside the name of a task. */
const ACTIVITY_CHARS = 200;
const SESSIONS_MAX = 20;

type Verdict = { ok: boolean; message: string | null };

export interface Followed {
	sessionId: string | null;
	/** how often that changed */
	sessions: number;
	activity: string | null;
	/** totals of the session, as the CLI tells them, resumed runs included */
	sessionUsage: Usage | null;
	/** of this process alone, message by message: holds also when it is killed */
	runUsage: Usage | null;
	/** its final word; a turn that follows takes it back */
	result: Verdict | null;
	/** it has its word, but lives on for this: "a background command: npm test" */
	waitsFor: string | null;
	/** a wake-up is set for then (ms since the Unix epoch): silence until then is no sign of being stuck */
	waitsUntil: number | null;
	/** said while it still waits */
	earlyResult: Verdict | null;
	failure: FailureClass | null;
	failureMessage: string | null;
	/** the failure rests on a line of text that anything may have printed: more work takes it back */
	unsure: boolean;
	rateLimitUntil: number | null;
	/** of which model the limit is, `""` for the one in use; null: of the whole account */
	limitedModel: string | null;
	/** it waits out a refusal of its service by itself until then, ms since the Unix epoch */
	pausedUntil: number | null;
	/** it would retry for too long: to be ended */
	givesUp: boolean;
	/** it said something only a working CLI says */
	sawOutput: boolean;
	/** it used a tool: no session of no use does */
	worked: boolean;
}

export const NOTHING: Followed = {
	sessionId: null,
	sessions: 0,
	activity: null,
	sessionUsage: null,
	runUsage: null,
	result: null,
	waitsFor: null,
	waitsUntil: null,
	earlyResult: null,
	failure: null,
	failureMessage: null,
	unsure: false,
	rateLimitUntil: null,
	limitedModel: null,
	pausedUntil: null,
	givesUp: false,
	sawOutput: false,
	worked: false,
};

const verdict = nullable(object<Verdict>({ ok: flag, message: nullable(text) }));
const textOrNull = since(null, nullable(text));
const timeOrNull = since(null, nullable(time));
const noFlag = since(false, flag);
const usage = since(null, nullable(checkUsage));

/** As it comes back from the run directory, which an agent can reach; what an earlier version did not keep is nothing. */
export const checkFollowed: Check<Followed> = object<Followed>({
	sessionId: textOrNull,
	sessions: since(0, count),
	activity: textOrNull,
	sessionUsage: usage,
	runUsage: usage,
	result: since(null, verdict),
	waitsFor: textOrNull,
	waitsUntil: timeOrNull,
	earlyResult: since(null, verdict),
	failure: since(null, nullable(oneOf(FAILURE_CLASSES))),
	failureMessage: textOrNull,
	unsure: noFlag,
	rateLimitUntil: timeOrNull,
	limitedModel: textOrNull,
	pausedUntil: timeOrNull,
	givesUp: noFlag,
	sawOutput: noFlag,
	worked: noFlag,
});

export function addUp(seen: Followed, event: AgentEvent): Followed {
	switch (event.kind) {
		case "session":
			// claude says so again where a turn begins.
			return { ...goesOn(seen), ...session(seen, event.id) };
		case "activity":
			return { ...goesOn(seen), activity: event.text, worked: true };
		case "message":
			return { ...goesOn(seen), activity: oneLine(event.text.split("\n")[0] ?? "", ACTIVITY_CHARS) };
		case "usage":
			return event.scope === "session"
				? { ...seen, sessionUsage: event.usage }
				: { ...seen, runUsage: event.scope === "run" ? event.usage : sum(seen.runUsage, event.usage) };
		case "background":
			return background(seen, event);
		case "rate_limit":
			if (!event.fatal || isOutdone(seen, event)) return seen;
			return {
				...seen,
				failure: event.failure,
				rateLimitUntil: event.until,
				limitedModel: event.model,
				unsure: event.unsure === true,
			};
		case "retrying":
			return retrying(seen, event);
		case "error":
			if (isOutdone(seen, event)) return seen;
			return {
				...seen,
				failure: event.failure ?? seen.failure,
				failureMessage: event.message,
				unsure: event.failure === null ? seen.unsure : event.unsure === true,
			};
		case "result": {
			const said = { ok: event.ok, message: event.message };
			return seen.waitsFor !== null && event.ok ? { ...seen, earlyResult: said } : { ...seen, result: said };
		}
		case "text":
		case "heartbeat":
			return seen;
	}
}

/** Each is noted on disk and counted by itself: a CLI has a few in one run. */
function session({ sessionId, sessions }: Followed, id: string): Pick<Followed, "sessionId" | "sessions"> {
	if (id === sessionId || sessions >= SESSIONS_MAX) return { sessionId, sessions };
	return { sessionId: id, sessions: sessions + 1 };
}

const NO_FAILURE = {
	failure: null,
	failureMessage: null,
	unsure: false,
	rateLimitUntil: null,
	limitedModel: null,
} satisfies Partial<Followed>;

/** Another turn: what it said at the end of the one before was not its last word. */
function goesOn(seen: Followed): Followed {
	return { ...seen, result: null, earlyResult: null, sawOutput: true, ...(seen.unsure ? NO_FAILURE : {}) };
}

/** What the CLI itself has said stands against any line of text. */
function isOutdone({ failure, unsure }: Followed, event: { unsure?: true }): boolean {
	return event.unsure === true && failure !== null && !unsure;
}

function background(seen: Followed, { waitsFor, until }: AgentEvent & { kind: "background" }): Followed {
	if (waitsFor === null) {
		const result = seen.earlyResult ?? seen.result;
		return { ...seen, waitsFor: null, waitsUntil: null, earlyResult: null, result };
	}
	return { ...seen, waitsFor, waitsUntil: until };
}

function retrying(seen: Followed, event: AgentEvent & { kind: "retrying" }): Followed {
	const pauses = passes(event.failure);
	const paused = {
		...seen,
		activity: retryText(event),
		pausedUntil: pauses ? event.until : seen.pausedUntil,
	};
	if (!event.givesUp) return paused;
	const { failure, cause: failureMessage } = event;
	const rateLimitUntil = failure === "rate_limited" ? event.until : null;
	return { ...paused, failure, failureMessage, givesUp: true, rateLimitUntil, unsure: false };
}

function sum(a: Usage | null, b: Usage): Usage {
	if (a === null) return b;
	// A message without a price takes nothing off what the others cost.
	const isUnknown = a.costUsd === null && b.costUsd === null;
	return {
		inputTokens: Math.min(MOST_TOKENS, a.inputTokens + b.inputTokens),
		outputTokens: Math.min(MOST_TOKENS, a.outputTokens + b.outputTokens),
		costUsd: isUnknown ? null : Math.min(MOST_USD, (a.costUsd ?? 0) + (b.costUsd ?? 0)),
		estimated: a.estimated || b.estimated,
	};
}
