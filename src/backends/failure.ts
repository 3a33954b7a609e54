/** From the words of a service or a CLI to events: the one classifier of what went wrong. */
import type { Clock } from "../task/clock.ts";
import { cutText } from "../task/cut-text.ts";
import { type FailureClass, passes } from "../task/outcome/failure.ts";
import { namesEnd, resetTime } from "../task/reset-time/read.ts";
import { Bounded } from "./bounded.ts";
import type { AgentEvent, OutputParser } from "./contract.ts";
import { type Json, stringAt } from "./json.ts";
import { activityText, eventText } from "./text.ts";
import { classOfStatus, limitedModel, statusIn, WORDINGS } from "./wordings.ts";
import { saidElsewhere } from "./wordings-elsewhere.ts";

/** What the user can do about it, where the CLI's own words leave that open. */
const NEXT_STEPS: readonly [RegExp, string][] = [
	[/root\/sudo/, "Run dispatch as another user, or set IS_SANDBOX=1 where this machine is a sandbox."],
	[/'--full-auto'/, "codex has dropped this flag: use `--sandbox workspace-write` in the config's command."],
];

const TEXT_MAX = 4_000;

/** A line of a CLI that speaks JSON is its own complaint only if it begins like one. */
const COMPLAINT =
	/^(?:error\b|fatal\b|dispatch: (?:line )?\d+: |✗|not logged in|invalid api key|authentication required|no conversation found|--\S+ cannot be used)/i;

/**
 * @param message the service's or the CLI's own error message, not what the agent said
 * @param status the HTTP status, where the CLI tells it
 * @returns null for words that nobody has seen: whoever knows that the service said them says `refused`
 */
export function failureClass(message: string, status: number | null = null): FailureClass | null {
	const said = cutText(message, TEXT_MAX);
	const byWords = WORDINGS.find(([, wording]) => wording.test(said))?.[0] ?? saidElsewhere(said);
	const byStatus = classOfStatus(status ?? statusIn(said) ?? 0);
	// In whatever words: what says when it ends is waited for.
	const failure = byWords ?? byStatus ?? (namesEnd(said) ? "rate_limited" : null);
	// "Quota exceeded" with a time is one that fills up again: per minute, per day.
	if (failure === "quota" && namesEnd(said)) return "rate_limited";
	// What comes with 429 is a limit, unless its words know better.
	if (failure === "outage" && byStatus === "rate_limited") return "rate_limited";
	return failure;
}

export interface Said {
	message: string;
	/** HTTP, where the CLI tells it */
	status?: number | null;
	/** the service itself said it, and the agent had done nothing yet: then no words are beyond waiting */
	beforeWork?: boolean;
}

/** The events of an error: a limit also says until when and of which model, as far as the message tells. */
export function errorEvents(
	{ message, status = null, beforeWork = false }: Said,
	clock: Clock,
): AgentEvent[] {
	const failure = failureClass(message, status) ?? (beforeWork ? "refused" : null);
	const hint = NEXT_STEPS.find(([wording]) => wording.test(message))?.[1];
	const text = eventText(hint === undefined ? message : `${message}. ${hint}`);
	const error: AgentEvent = { kind: "error", message: text, failure };
	if (failure === null || !passes(failure) || failure === "refused") return [error];
	const until = resetTime(message, clock.now());
	const model = limitedModel(message);
	if (failure !== "rate_limited" && until === null && model === null) return [error];
	return [{ kind: "rate_limit", until, fatal: true, model, failure }, error];
}

/** A line that is not JSON, from a CLI that was told to speak JSON. */
export function plainLine(line: string, clock: Clock): AgentEvent[] {
	if (line.trim() === "") return [];
	if (COMPLAINT.test(line) && failureClass(line) !== null) return complaint(line, clock);
	return [{ kind: "text", text: eventText(line) }];
}

function complaint(line: string, clock: Clock): AgentEvent[] {
	return errorEvents({ message: line.trim() }, clock).map((event) =>
		event.kind === "error" || event.kind === "rate_limit" ? { ...event, unsure: true } : event,
	);
}

/** An event of a type that nobody knows: its type and its words, never the raw JSON. `logs --raw` has that. */
export function unknownEvent(json: Json, line: string): AgentEvent[] {
	const type = stringAt(json, "type");
	if (type === null) return [{ kind: "text", text: eventText(line) }];
	const words = ["message", "text", "error", "reason", "content"].map((key) => stringAt(json, key));
	return [{ kind: "text", text: activityText(type, words.find((word) => word !== null) ?? null) }];
}

/** Errors that are told again are told close by. */
const ERRORS_KEPT = 50;

/**
 * A CLI may tell one error several times, on both streams and in its result: only the first counts. After more
 * work it is another one.
 */
export function tellingErrorsOnce(parser: OutputParser): OutputParser {
	const told = new Bounded<true>(ERRORS_KEPT);
	return {
		line(text) {
			const events = parser.line(text);
			if (events.some(({ kind }) => kind === "activity" || kind === "message")) told.clear();
			const error = events.find((event) => event.kind === "error");
			if (error === undefined) return events;
			if (!told.has(error.message)) {
				told.set(error.message, true);
				return events;
			}
			return events.filter((event) => event.kind !== "error" && event.kind !== "rate_limit");
		},
	};
}
