import { describe, expect, test } from "vitest";
import { failureClass } from "../../src/backends/failure.ts";
import { backendOf } from "../../src/backends/index.ts";
import { resetTime } from "../../src/backends/reset-time.ts";

const NOW = Date.UTC(2026, 10, 24, 10, 0);
const MINUTE_MS = 60_000;

describe("failureClass", () => {
	test.each([
		["Not logged in · Please run /login", "auth"],
		["Invalid API key · Fix external API key", "auth"],
		["Missing environment variable: `OPENAI_API_KEY`.", "auth"],
		["unexpected status 401 Unauthorized: Incorrect API key provided", "auth"],
		["API Error: Request rejected (429) · This request would exceed your rate limit", "rate_limited"],
		["You’ve hit your usage limit. Upgrade to Pro or try again at 4:11 AM.", "rate_limited"],
		["You've hit your session limit · resets 3pm (Europe/Berlin)", "rate_limited"],
		[
			"--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
			"not_started",
		],
		["dispatch: 1: claude: not found", "not_started"],
		["dispatch: line 1: codex: command not found", "not_started"],
		["The tests of the login page fail", null],
	])("%s → %s", (message, failure) => {
		expect(failureClass(message)).toBe(failure);
	});
});

describe("resetTime", () => {
	test("a time of day is the next one in the named zone", () => {
		// 10:00 UTC is 11:00 in Berlin in November.
		expect(resetTime("resets 3pm (Europe/Berlin)", NOW)).toBe(NOW + 4 * 60 * MINUTE_MS);
		expect(resetTime("resets 10:30am (Europe/Berlin)", NOW)).toBe(NOW + (23 * 60 + 30) * MINUTE_MS);
		expect(resetTime("resets 12:15am (UTC)", NOW)).toBe(NOW + (14 * 60 + 15) * MINUTE_MS);
		expect(resetTime("resets 3pm (Nowhere/Atlantis)", NOW)).toBeNull();
	});

	test("without a zone it is this machine's time", () => {
		const until = resetTime("or try again at 12:16 PM.", NOW) ?? 0;
		expect(until).toBeGreaterThanOrEqual(NOW);
		expect(until - NOW).toBeLessThan(24 * 60 * MINUTE_MS);
		expect(new Date(until).toTimeString()).toMatch(/^12:16/);
	});

	test("a date, a delay, a Unix time, and nothing", () => {
		const dated = resetTime("try again at Nov 25th, 2026 5:11 AM.", NOW) ?? 0;
		expect(new Date(dated).toString()).toMatch(/^Wed Nov 25 2026 05:11/);
		expect(resetTime("Try again in 5 minutes.", NOW)).toBe(NOW + 5 * MINUTE_MS);
		expect(resetTime("try again in 3 days 4 hours 2 minutes", NOW)).toBe(NOW + (76 * 60 + 2) * MINUTE_MS);
		expect(resetTime("Claude AI usage limit reached|1795600000", NOW)).toBe(1_795_600_000_000);
		expect(resetTime("Too many requests", NOW)).toBeNull();
	});
});

describe("claude's rate limit events (from its documentation; they come with a subscription only)", () => {
	const event = (status: string) =>
		JSON.stringify({ type: "rate_limit_event", rate_limit_info: { status, resetsAt: NOW / 1000 } });

	test("only a rejection is fatal, and it dates the error that follows", () => {
		const parser = backendOf("claude").parser();
		expect(parser.line(event("allowed"))).toEqual([]);
		expect(parser.line(event("allowed_warning"))).toEqual([{ kind: "rate_limit", until: NOW, fatal: false }]);
		expect(parser.line(event("rejected"))).toEqual([{ kind: "rate_limit", until: NOW, fatal: true }]);
		const refused = {
			type: "result",
			subtype: "success",
			is_error: true,
			result: "Limit",
			api_error_status: 429,
		};
		expect(parser.line(JSON.stringify(refused))).toContainEqual({
			kind: "rate_limit",
			until: NOW,
			fatal: true,
		});
	});
});

describe("claude's own retries", () => {
	const retry = (error: string, attempt: number, retry_delay_ms: number) => {
		const line = { type: "system", subtype: "api_retry", attempt, retry_delay_ms, error };
		return backendOf("claude")
			.parser({ now: () => NOW })
			.line(JSON.stringify(line));
	};

	test.each([
		["rate_limit", 1, 1_000, "rate_limited", false],
		["rate_limit", 1, 60_000, "rate_limited", true],
		["overloaded", 5, 16_000, "rate_limited", true],
		["authentication_failed", 1, 500, "auth", false],
		["authentication_failed", 3, 500, "auth", true],
		["socket_hang_up", 9, 60_000, null, false],
	])("%s, attempt %d, in %d ms: %s, ended %s", (error, attempt, delayMs, failure, givesUp) => {
		const [event] = retry(error, attempt, delayMs);
		expect(event).toMatchObject({ kind: "retrying", attempt, failure, givesUp, until: NOW + delayMs });
	});
});
