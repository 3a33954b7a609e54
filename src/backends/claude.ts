/** Claude Code: https://docs.anthropic.com/en/docs/claude-code/cli-reference (recorded from 2.1.330). */
import { type Clock, systemClock } from "../task/clock.ts";
import type { Permissions } from "../task/spec.ts";
import { hasFlag, modelWords, rewritten, shellInvocation, unlessGiven } from "./command-line.ts";
import type { AgentEvent, Backend, FailureClass, Invocation, OutputParser, StartInput } from "./contract.ts";
import { errorEvents, plainLine, tellingErrorsOnce } from "./failure.ts";
import { isObject, type Json, listAt, numberAt, objectAt, parseObject, stringAt, sumOf } from "./json.ts";
import { activityText, eventText, sessionEvents } from "./text.ts";

/** An agent may wait for an answer in one command; the CLI's own limits are 2 and 10 minutes. */
const BASH_LIMIT_MS = 30 * 60_000;

const SESSION_FLAGS = ["--session-id", "--resume", "-r", "--continue", "-c"];

const FREEDOM_FLAGS = {
	flags: ["--dangerously-skip-permissions", "--allow-dangerously-skip-permissions"],
	withValue: ["--permission-mode"],
};

export const claude: Backend = {
	type: "claude",
	permit,
	addEnv: { BASH_DEFAULT_TIMEOUT_MS: String(BASH_LIMIT_MS), BASH_MAX_TIMEOUT_MS: String(BASH_LIMIT_MS) },
	start(input) {
		const named = !hasFlag(input.command, ...SESSION_FLAGS);
		const session = named ? ["--session-id", input.sessionId] : [];
		return { argv: argvOf(input, session), sessionId: named ? input.sessionId : null };
	},
	resume(input): Invocation | null {
		if (hasFlag(input.command, ...SESSION_FLAGS)) return null;
		return { argv: argvOf(input, ["--resume", input.sessionId]), sessionId: input.sessionId };
	},
	parser: claudeParser,
};

/** Reading needs no permission; what a mode does not allow is refused without asking (`dontAsk`). */
function permit(command: string, permissions: Permissions, taskDir: string): string {
	if (permissions === "full") return rewritten(command, FREEDOM_FLAGS, ["--dangerously-skip-permissions"]);
	const mode = permissions === "edit" ? "acceptEdits" : "dontAsk";
	// Two slashes begin an absolute path in its rules.
	const rules = [`Edit(/${taskDir}/**)`, "Bash(dispatch ask:*)"];
	return rewritten(command, FREEDOM_FLAGS, ["--permission-mode", mode, `--allowedTools=${rules.join(",")}`]);
}

function argvOf(input: StartInput, session: string[]): string[] {
	return shellInvocation(input.command, [
		...unlessGiven(input.command, "--output-format", "stream-json"),
		...unlessGiven(input.command, "--verbose"),
		...session,
		...modelWords(input, "--model"),
		...(input.budgetUsd ? unlessGiven(input.command, "--max-budget-usd", input.budgetUsd.toFixed(4)) : []),
		"--",
		input.prompt,
	]);
}

/** The time at which a limit ends comes in an event of its own, before the error that it explains. */
function claudeParser(clock: Clock = systemClock): OutputParser {
	let resetsAt: number | null = null;
	const failureEvents = (message: string, status: number | null): AgentEvent[] =>
		errorEvents(message, clock, status).map((event) =>
			event.kind === "rate_limit" ? { ...event, until: event.until ?? resetsAt } : event,
		);
	return tellingErrorsOnce({
		line(text) {
			const json = parseObject(text);
			if (json === null) return plainLine(text, clock);
			switch (stringAt(json, "type")) {
				case "system":
					return systemEvents(json, clock.now());
				case "assistant": {
					const apiError = apiErrorOf(json);
					return apiError ? failureEvents(apiError.message, apiError.status) : assistantEvents(json);
				}
				case "rate_limit_event": {
					const info = objectAt(json, "rate_limit_info");
					resetsAt = secondsToMs(numberAt(info, "resetsAt"));
					return rateLimitEvents(stringAt(info, "status"), resetsAt);
				}
				case "result":
					return resultEvents(json, failureEvents);
				// Tool results and partial messages: the agent's files and next steps tell what matters.
				case "user":
				case "stream_event":
					return [];
				default:
					return [{ kind: "text", text: eventText(text) }];
			}
		},
	});
}

const RETRY_CAUSES: Readonly<Record<string, { text: string; failure: FailureClass | null }>> = {
	rate_limit: { text: "rate limited", failure: "rate_limited" },
	overloaded: { text: "the service is overloaded", failure: "rate_limited" },
	authentication_failed: { text: "not authorised", failure: "auth" },
	billing_error: { text: "billing", failure: "auth" },
};

/** It tries up to 10 times, with delays that double from 1 s on. A login may be refreshed by the second try. */
const LOGIN_RETRIES = 2;
/** A longer wait is cheaper in the queue. */
const PATIENCE_MS = 15_000;

function systemEvents(json: Json, now: number): AgentEvent[] {
	const id = stringAt(json, "session_id");
	if (json.subtype === "init") return sessionEvents(id);
	if (json.subtype !== "api_retry") return [];
	const error = stringAt(json, "error") ?? "unknown error";
	const { text, failure } = RETRY_CAUSES[error] ?? { text: error, failure: null };
	const attempt = numberAt(json, "attempt") ?? 1;
	const delayMs = Math.max(0, numberAt(json, "retry_delay_ms") ?? 0);
	const givesUp =
		(failure === "rate_limited" && delayMs > PATIENCE_MS) || (failure === "auth" && attempt > LOGIN_RETRIES);
	const cause = activityText(text, null);
	return [{ kind: "retrying", cause, attempt, failure, until: now + delayMs, givesUp }];
}

const ERROR_STATUSES: Readonly<Record<string, number>> = { authentication_failed: 401, rate_limit: 429 };

/** What the CLI says in the agent's place when the API refuses: "Not logged in · Please run /login". */
function apiErrorOf(json: Json): { message: string; status: number | null } | null {
	if (json.is_api_error_message !== true) return null;
	const texts = listAt(objectAt(json, "message"), "content").map((block) => stringAt(block, "text") ?? "");
	const status = numberAt(json, "api_error_status") ?? ERROR_STATUSES[stringAt(json, "error") ?? ""] ?? null;
	return { message: texts.join("\n"), status };
}

function assistantEvents(json: Json): AgentEvent[] {
	const blocks = listAt(objectAt(json, "message"), "content");
	return blocks.flatMap((block): AgentEvent[] => {
		const text = stringAt(block, "text");
		if (block.type === "text" && text) return [{ kind: "message", text: eventText(text) }];
		if (block.type !== "tool_use") return [];
		return [
			{
				kind: "activity",
				text: activityText(stringAt(block, "name") ?? "tool", detailOf(objectAt(block, "input"))),
			},
		];
	});
}

/** The one field of a tool's input that says most. */
function detailOf(input: Json): string | null {
	const keys = [
		"command",
		"file_path",
		"notebook_path",
		"pattern",
		"query",
		"url",
		"skill",
		"description",
		"prompt",
	];
	const key = keys.find((candidate) => typeof input[candidate] === "string");
	return key === undefined ? null : stringAt(input, key);
}

/** The CLI waits out a warning itself; only a rejection ends the run. */
function rateLimitEvents(status: string | null, until: number | null): AgentEvent[] {
	if (status !== "rejected" && status !== "allowed_warning") return [];
	return [{ kind: "rate_limit", until, fatal: status === "rejected" }];
}

function secondsToMs(seconds: number | null): number | null {
	return seconds === null ? null : seconds * 1000;
}

function resultEvents(
	json: Json,
	failureEvents: (message: string, status: number | null) => AgentEvent[],
): AgentEvent[] {
	const ok = json.is_error !== true && json.subtype === "success";
	const errors = Array.isArray(json.errors) ? json.errors.filter((error) => typeof error === "string") : [];
	const message = stringAt(json, "result") ?? (errors.join("\n") || stringAt(json, "subtype"));
	const usage = usageOf(json);
	const overBudget = stringAt(json, "subtype") === "error_max_budget_usd";
	const spent: AgentEvent = { kind: "error", message: "the budget is spent", failure: "budget" };
	return [
		...(usage ? [usage] : []),
		...(overBudget
			? [spent]
			: ok
				? []
				: failureEvents(message ?? "the run failed", numberAt(json, "api_error_status"))),
		{ kind: "result", ok, message: message === null ? null : eventText(message) },
	];
}

/** `modelUsage` and the cost count the whole session, resumed runs included; `usage` this process alone. */
function usageOf(json: Json): AgentEvent | null {
	const models = Object.values(objectAt(json, "modelUsage")).filter(isObject);
	if (models.length === 0) return null;
	const total = (keys: string[]) => models.reduce((sum, model) => sum + sumOf(model, keys), 0);
	return {
		kind: "usage",
		scope: "session",
		usage: {
			inputTokens: total(["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"]),
			outputTokens: total(["outputTokens"]),
			costUsd: numberAt(json, "total_cost_usd"),
			estimated: false,
		},
	};
}
