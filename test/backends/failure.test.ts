/** What services and CLIs say when they say no: real wordings from recordings, programs, documentation and issues. */
import { describe, expect, test } from "vitest";
import type { AgentEvent } from "../../src/backends/contract.ts";
import { errorEvents, failureClass } from "../../src/backends/failure.ts";
import { backendOf } from "../../src/backends/index.ts";
import { limitedModel } from "../../src/backends/wordings.ts";
import type { FailureClass } from "../../src/task/outcome/failure.ts";

const NOW = Date.UTC(2026, 10, 24, 10, 0);
const CLOCK = { now: () => NOW };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const WORDINGS: [FailureClass | null, ...string[]][] = [
	[
		"rate_limited",
		"You've hit your session limit · resets 8:30pm (Asia/Tokyo)",
		"You've hit your weekly limit · resets Nov 29, 7am (Europe/Zurich)",
		"Session limit reached ∙ resets 8pm",
		"Weekly limit reached · resets 6pm (UTC)",
		"5-hour limit reached ∙ resets 3pm",
		"You've hit your Opus limit · resets Nov 27, 9am (UTC)",
		"Opus weekly limit reached ∙ resets Oct 6, 1pm",
		"You're out of extra usage · resets 3pm (Europe/Berlin)",
		"You've hit your monthly spend limit · resets Dec 1",
		"Claude AI usage limit reached|1795600000",
		"Claude usage limit reached. Your limit will reset at 3pm (America/New_York).",
		"API Error: Request rejected (429) · This request would exceed your rate limit",
		"This request would exceed your organization's rate limit of 30,000 input tokens per minute",
		"Number of request tokens has exceeded your per-minute rate limit",
		"You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
		"You’ve hit your usage limit. Upgrade to Pro or try again at 4:11 AM.",
		"You've hit your usage limit. Visit https://chatgpt.com/codex/settings/usage to purchase more credits or try again at 3:28 PM.",
		"You've hit your usage limit. To get more access now, send a request to your admin or try again in 3 days 6 hours 57 minutes.",
		"You've hit your usage limit for GPT-5.3-Codex-Spark. Switch to another model now, or try again at Nov 30th, 2026 3:28 PM.",
		"exceeded retry limit, last status: 429 Too Many Requests",
		"Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000. Please try again in 8s.",
		"You've hit your usage limit · you saved $312 on API model usage. Usage will reset when your monthly cycle ends on 12/3/2026.",
		"Resource has been exhausted (e.g. check quota).",
		"Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429",
		"You exceeded your current quota, please check your plan and billing details. Please retry in 23.513s.",
		"Your quota will reset after 14h22m33s.",
		"ThrottlingException: Too many tokens, please wait before trying again.",
		"Request was throttled. Expected available in 12 seconds.",
		"HTTP 429",
	],
	[
		"overloaded",
		'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
		"API Error: Repeated 529 Overloaded errors",
		"Selected model is at capacity. Please try a different model.",
		"We're currently experiencing high demand, which may cause temporary errors.",
		"The engine is currently overloaded, please try again later",
		"You have exhausted your capacity on this model.",
		"The model is overloaded. Please try again later.",
		'"reason": "MODEL_CAPACITY_EXHAUSTED"',
		"Server is busy, please try again",
		"server_is_overloaded",
		"slow_down",
	],
	[
		"outage",
		"unexpected status 503 Service Unavailable: Service Unavailable, url: http://127.0.0.1/v1/responses",
		"unexpected status 502 Bad Gateway: <html>",
		'API Error: 500 {"type":"error","error":{"type":"api_error","message":"Internal server error"}}',
		"API Error: Unable to connect to API (ConnectionRefused)",
		"API Error: Connection error.",
		"API Error: Request timed out.",
		"getaddrinfo ENOTFOUND api.anthropic.com",
		"connect ECONNREFUSED 127.0.0.1:8000",
		"read ECONNRESET",
		"stream disconnected before completion: error sending request for url (https://api.openai.com/v1/responses)",
		"stream disconnected before completion: stream closed before response.completed",
		"Reconnecting... waiting for network (Connection failed: error sending request)",
		"TypeError: fetch failed",
		"socket hang up",
		"exceeded retry limit, last status: 504 Gateway Timeout",
		"upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
		"Could not resolve host: api.openai.com",
		"The server had an error while processing your request. HTTP 500",
		"Claude is temporarily unavailable",
		"The service is under maintenance",
	],
	[
		"quota",
		"Quota exceeded. Check your plan and billing details.",
		"You exceeded your current quota, please check your plan and billing details.",
		'{"error":{"code":"insufficient_quota"}}',
		"You have exhausted your daily quota on this model.",
	],
	[
		"billing",
		"Credit balance is too low",
		"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
		"Your workspace is out of credits. Add credits to continue.",
		"402 Payment Required: insufficient credits",
		"Billing hard limit has been reached",
		"Your subscription has expired",
	],
	[
		"context_full",
		"Prompt is too long",
		"prompt is too long: 210000 tokens > 200000 maximum",
		"Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
		"Your input exceeds the context window of this model. Please adjust your input and try again.",
		"This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens.",
		"context_length_exceeded",
		"Context limit reached · /compact or /clear to continue",
		"input length and `max_tokens` exceed context limit: 199000 + 32000 > 200000",
		"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
		"Request too large (max 32MB).",
	],
	[
		"model",
		"There's an issue with the selected model (claude-opus-9). It may not exist or you may not have access to it.",
		"The 'gpt-9' model is not supported when using Codex with a ChatGPT account. model: gpt-9 not supported",
		"The model `gpt-9` does not exist or you do not have access to it.",
		'{"type":"error","error":{"type":"not_found_error","message":"model: nosuch"}}',
		"model_not_found",
		"Unknown model: opus-9",
		"Your organization does not have access to the model claude-x",
	],
	[
		"auth",
		"Not logged in · Please run /login",
		"Invalid API key · Fix external API key",
		"Missing environment variable: `OPENAI_API_KEY`.",
		"unexpected status 401 Unauthorized: Incorrect API key provided",
		"API Error: 401 OAuth token has expired. Please obtain a new token or refresh your existing token.",
		"Your refresh token was revoked. Please log out and sign in again.",
		"Your access token could not be refreshed. Please log out and sign in again.",
		"This organization has been disabled.",
		"Authentication required. Please run 'agent login' first",
		"403 Forbidden",
	],
	[
		"not_started",
		"--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
		"dispatch: 1: claude: not found",
		"dispatch: line 1: codex: command not found",
		"error: unexpected argument '--full-auto' found",
	],
	["no_session", "No conversation found with session ID: x", "no rollout found for thread id x"],
	[null, "The tests of the login page fail", "I changed 429 lines", "Reached maximum number of turns (5)"],
];

const table = WORDINGS.flatMap(([failure, ...texts]) => texts.map((text) => [text, failure] as const));

describe("failureClass", () => {
	test.each(table)("%s → %s", (message, failure) => {
		expect(failureClass(message)).toBe(failure);
	});

	test.each([
		[401, "auth"],
		[402, "billing"],
		[407, "auth"],
		[408, "outage"],
		[409, "outage"],
		[425, "outage"],
		[499, "outage"],
		[524, "outage"],
		[413, "context_full"],
		[429, "rate_limited"],
		[500, "outage"],
		[503, "outage"],
		[520, "outage"],
		[529, "overloaded"],
		[400, null],
		[404, null],
	] as const)("status %d alone: %s", (status, failure) => {
		expect(failureClass("No.", status)).toBe(failure);
	});
});

/** Words that nobody has seen. */
const UNKNOWN = [
	"The frobnicator says no",
	"Your flux is depleted, human",
	"ERR_7734: come back another day",
	"This feature is resting",
	"Zażółć gęślą jaźń",
	"您的请求被拒绝",
	"policy violation detected by gateway 12",
	"tenant paused",
	"?",
	"Bitte haben Sie einen Moment Geduld",
];

describe("words that nobody has seen", () => {
	test.each(UNKNOWN)(
		"%s: refused before any work was done, so it is waited for; after work it is a crash",
		(text) => {
			expect(failureClass(text)).toBeNull();
			const refusal = (lines: object[]) => {
				const parser = backendOf("codex").parser(CLOCK);
				return lines
					.flatMap((line) => parser.line(JSON.stringify(line)))
					.filter(({ kind }) => kind === "error");
			};
			const failed = { type: "turn.failed", error: { message: text } };
			const worked = { type: "item.completed", item: { type: "agent_message", text: "I begin." } };
			expect(refusal([failed])).toMatchObject([{ failure: "refused" }]);
			expect(refusal([worked, failed])).toMatchObject([{ failure: null }]);
			const said = { type: "result", subtype: "success", is_error: true, result: text };
			const [error] = claudeEvents([said]).filter(({ kind }) => kind === "error");
			expect(error).toMatchObject({ failure: "refused" });
		},
	);
});

describe("of which model a limit is", () => {
	test.each([
		["You've hit your Opus limit · resets 3pm", "opus"],
		["Opus weekly limit reached", "opus"],
		[
			"You've hit your usage limit for GPT-5.3-Codex-Spark. Switch to another model now",
			"gpt-5.3-codex-spark",
		],
		["Selected model is at capacity. Please try a different model.", ""],
		["You've hit your weekly limit", null],
		["unexpected status 503 Service Unavailable", null],
	])("%s → %s", (text, model) => {
		expect(limitedModel(text)).toBe(model);
	});

	test("it travels with the event, and its end too", () => {
		const [limit] = errorEvents({ message: "You've hit your Opus limit · resets 3pm (UTC)" }, CLOCK);
		expect(limit).toEqual({
			kind: "rate_limit",
			fatal: true,
			model: "opus",
			failure: "rate_limited",
			until: NOW + 5 * HOUR_MS,
		});
	});
});

function claudeEvents(lines: object[]): AgentEvent[] {
	const parser = backendOf("claude").parser(CLOCK);
	return lines.flatMap((line) => parser.line(JSON.stringify(line)));
}

describe("claude's rate limit events (from its documentation; they come with a subscription only)", () => {
	const event = (status: string, more: object = {}) => ({
		type: "rate_limit_event",
		rate_limit_info: { status, resetsAt: (NOW + HOUR_MS) / 1_000, ...more },
	});
	const refused = {
		type: "result",
		subtype: "success",
		is_error: true,
		result: "Limit",
		api_error_status: 429,
	};

	test("a rejection alone ends nothing (extra usage may go on); it dates the error that follows", () => {
		const limit = { kind: "rate_limit", until: NOW + HOUR_MS, model: null, failure: "rate_limited" };
		expect(claudeEvents([event("allowed")])).toEqual([]);
		for (const status of ["allowed_warning", "rejected"])
			expect(claudeEvents([event(status)])).toEqual([{ ...limit, fatal: false }]);
		expect(claudeEvents([event("rejected"), refused])).toContainEqual({ ...limit, fatal: true });
	});

	test("it names the model, and an end that its kind cannot have is not believed", () => {
		const opus = claudeEvents([event("rejected", { rateLimitType: "seven_day_opus" }), refused]);
		expect(opus).toContainEqual(expect.objectContaining({ fatal: true, model: "opus" }));
		const far = { rateLimitType: "five_hour", resetsAt: 99_999_999_999 };
		expect(claudeEvents([event("rejected", far), refused])).toContainEqual(
			expect.objectContaining({ fatal: true, until: null }),
		);
	});
});

describe("claude's own retries", () => {
	const retry = (error: string, attempt: number, retry_delay_ms: number, error_status: number | null) =>
		claudeEvents([{ type: "system", subtype: "api_retry", attempt, retry_delay_ms, error, error_status }]);

	test.each([
		["rate_limit", 429, 1, 1_000, "rate_limited", false],
		["rate_limit", 429, 1, 60_000, "rate_limited", true],
		["rate_limit", 429, 1, -5_000, "rate_limited", false],
		["overloaded", 529, 5, 16_000, "overloaded", true],
		["server_error", 503, 5, 9_198, "outage", false],
		["server_error", 503, 6, 17_000, "outage", true],
		["unknown", null, 5, 9_843, "outage", false],
		["unknown", null, 6, 17_284, "outage", true],
		["authentication_failed", 401, 1, 500, "auth", false],
		["authentication_failed", 401, 3, 500, "auth", true],
		["billing_error", 402, 3, 500, "billing", true],
	])("%s (%s), attempt %d, in %d ms: %s, ended %s", (error, status, attempt, delayMs, failure, givesUp) => {
		const [event] = retry(error, attempt, delayMs, status);
		expect(event).toMatchObject({
			kind: "retrying",
			attempt,
			failure,
			givesUp,
			until: NOW + Math.max(0, delayMs),
		});
	});
});

describe("codex' own retries", () => {
	const retries = (messages: string[]) => {
		const parser = backendOf("codex").parser(CLOCK);
		return messages.flatMap((message) => parser.line(JSON.stringify({ type: "error", message })));
	};

	test("keep their cause", () => {
		expect(retries(["Reconnecting... 2/5 (unexpected status 503 Service Unavailable: x)"])).toMatchObject([
			{
				kind: "retrying",
				attempt: 2,
				failure: "outage",
				cause: "unexpected status 503 Service Unavailable: x",
			},
		]);
	});

	test("one that waits for the network for ever is ended after about a minute: the queue is the cheaper place", () => {
		const waiting = "Reconnecting... waiting for network (Connection failed: error sending request)";
		const events = retries([waiting, waiting, waiting, waiting]);
		expect(events.map((event) => event.kind === "retrying" && event.givesUp)).toEqual([
			false,
			false,
			false,
			true,
		]);
		expect(events[0]).toMatchObject({
			attempt: 1,
			failure: "outage",
			cause: "waiting for network: Connection failed: error sending request",
		});
	});
});
