import type { Clock } from "../task/clock.ts";
import type { AgentEvent, FailureClass, OutputParser } from "./contract.ts";
import { resetTime } from "./reset-time.ts";
import { eventText } from "./text.ts";

/** How the CLIs word what went wrong; recorded from claude 2.1.330 and codex 0.169.0, cursor's from its documentation. */
const WORDINGS: readonly [FailureClass, RegExp][] = [
	["no_session", /no conversation found with session id|no rollout found for thread id/i],
	[
		"rate_limited",
		/\b429\b|too many requests|rate[ _-]?limit|usage limit|hit your (?:\w+ )?limit|quota exceeded|\b529\b|overloaded_error/i,
	],
	[
		"auth",
		/not logged in|please run \/login|invalid (?:x-)?api[ -]key|incorrect api key|authentication (?:required|failed)/i,
	],
	[
		"auth",
		/\b401 unauthorized|status:? 401|missing environment variable|(?:token|credentials) (?:has |have )?expired/i,
	],
	[
		"not_started",
		/cannot be used with root\/sudo|unexpected argument|unknown option|required arguments were not provided/i,
	],
	["not_started", /: (?:command )?not found$|: permission denied$/i],
];

const STATUSES: Readonly<Record<number, FailureClass>> = {
	401: "auth",
	403: "auth",
	429: "rate_limited",
	529: "rate_limited",
};

/** What the user can do about it, where the CLI's own words leave that open. */
const NEXT_STEPS: readonly [RegExp, string][] = [
	[/root\/sudo/, "Run dispatch as another user, or set IS_SANDBOX=1 where this machine is a sandbox."],
	[/'--full-auto'/, "codex has dropped this flag: use `--sandbox workspace-write` in the config's command."],
];

/** A line of a CLI that speaks JSON is its own complaint only if it begins like one. */
const COMPLAINT =
	/^(?:error\b|fatal\b|dispatch: (?:line )?\d+: |✗|not logged in|invalid api key|authentication required|no conversation found|--\S+ cannot be used)/i;

/**
 * @param message the CLI's own error message, not what the agent said
 * @param status the HTTP status, where the CLI tells it
 */
export function failureClass(message: string, status: number | null = null): FailureClass | null {
	const byStatus = status === null ? undefined : STATUSES[status];
	return byStatus ?? WORDINGS.find(([, wording]) => wording.test(message))?.[0] ?? null;
}

/** The events of an error: a rate limit also says until when, as far as the message tells. */
export function errorEvents(message: string, clock: Clock, status: number | null = null): AgentEvent[] {
	const failure = failureClass(message, status);
	const hint = NEXT_STEPS.find(([wording]) => wording.test(message))?.[1];
	const text = eventText(hint === undefined ? message : `${message}. ${hint}`);
	const error: AgentEvent = { kind: "error", message: text, failure };
	if (failure !== "rate_limited") return [error];
	return [{ kind: "rate_limit", until: resetTime(message, clock.now()), fatal: true }, error];
}

/** A line that is not JSON, from a CLI that was told to speak JSON. */
export function plainLine(line: string, clock: Clock): AgentEvent[] {
	if (line.trim() === "") return [];
	if (COMPLAINT.test(line) && failureClass(line) !== null) return errorEvents(line.trim(), clock);
	return [{ kind: "text", text: eventText(line) }];
}

/** A CLI may tell one error several times, on both streams and in its result: only the first counts. */
export function tellingErrorsOnce(parser: OutputParser): OutputParser {
	const told = new Set<string>();
	return {
		line(text) {
			const events = parser.line(text);
			const error = events.find((event) => event.kind === "error");
			if (error === undefined) return events;
			if (!told.has(error.message)) {
				told.add(error.message);
				return events;
			}
			return events.filter((event) => event.kind !== "error" && event.kind !== "rate_limit");
		},
	};
}
