import { expect, test } from "vitest";
import { knownCli } from "../../../src/backends/known.ts";
import type { Decision, EndFacts } from "../../../src/task/outcome/facts.ts";
import { decideOutcome } from "../../../src/task/outcome/rules.ts";
import { parsePlan } from "../../../src/task/plan.ts";

const EXITED = { kind: "exited", code: 0, signal: null } as const;
const exit = (code: number) => ({ kind: "exited", code, signal: null }) as const;
const KILLED = { kind: "exited", code: null, signal: "SIGKILL" } as const;
const GONE = { kind: "gone" } as const;
const DONE_PLAN = parsePlan("- [x] one\n- [x] two (fine)");
const OPEN_PLAN = parsePlan("- [x] one\n- [ ] two\n- [ ] three");
const BLOCKED_PLAN = parsePlan("- [x] one\n- [?] two\n  Which?");
const FAILED_PLAN = parsePlan("- [x] one\n- [!] two\n  no compiler");
const OK = { ok: true, message: "done" };
const ERROR = { ok: false, message: "API Error: overloaded" };

const of = (type: string) => ({ agentName: type, cli: knownCli(type) });

/** An agent that ended by itself with exit code 0 in the middle of its work. */
const FACTS: EndFacts = {
	taskId: "fix-login",
	exit: EXITED,
	plan: OPEN_PLAN,
	givenItems: [],
	done: false,
	result: null,
	waitedFor: null,
	cancelledBy: null,
	failure: null,
	failureMessage: null,
	rateLimitUntil: null,
	now: 0,
	rateLimits: 0,
	spentUsd: 0,
	budgetUsd: null,
	spentBatch: null,
	sawOutput: true,
	resumed: false,
	idleResume: false,
	openQuestions: 0,
	asked: null,
	undelivered: 0,
	unattended: false,
	ended: null,
	takenDown: false,
	tooOften: false,
	attempt: 1,
	attempts: 2,
	logTail: ["first", "last words"],
	command: "claude -p",
	...of("claude"),
};

const LAST = { attempt: 2 };
const queued = (hold: Decision["hold"], charge: boolean) => ({
	to: "queued" as const,
	reason: null,
	hold,
	charge,
});
const failed = (reason: Decision["reason"]) => ({ to: "failed" as const, reason, hold: null });
const COMPLETED = { to: "completed" as const, reason: null, hold: null };
const backoff = (forMs: number) => queued({ kind: "backoff", until: null, forMs }, true);
const MISSING = "all items are checked but .done is missing";

type Case = [name: string, facts: Partial<EndFacts>, decision: Partial<Decision>, message?: RegExp];

const CASES: Case[] = [
	// Ended by us
	["cancelled", { ended: "cancel", plan: DONE_PLAN, done: true }, { to: "cancelled", reason: null }],
	[
		"cancelled by somebody",
		{ ended: "cancel", cancelledBy: "ann@mini1" },
		{ to: "cancelled" },
		/^Cancelled by ann@mini1\. `dispatch retry /,
	],
	["cancelled before it started", { ended: "cancel", exit: { kind: "never" } }, { to: "cancelled" }],
	["stuck", { ended: "stuck", exit: KILLED }, failed("stuck"), /no sign of life.*dispatch logs fix-login/],
	[
		"stuck in a wait for a background command, after its word",
		{ ended: "stuck", exit: KILLED, plan: DONE_PLAN, waitedFor: "a background command: npm run dev" },
		failed("stuck"),
		/had its last word, but waited for a background command: npm run dev, which did not end/,
	],
	[
		"stuck, and an answer never reached it",
		{ ended: "stuck", exit: KILLED, undelivered: 1 },
		failed("stuck"),
		/no sign of life.* An answer had not reached it/,
	],
	["deadline", { ended: "deadline", exit: KILLED, openQuestions: 1 }, failed("deadline"), /over/],
	["unattended and asked", { ended: "unanswered", exit: KILLED, unattended: true }, failed("unanswered")],
	[
		"deadline right after the end of the work",
		{ ended: "deadline", exit: KILLED, plan: DONE_PLAN, done: true },
		COMPLETED,
	],
	[
		"stopped after .done",
		{ ended: "finished", exit: KILLED, plan: DONE_PLAN, done: true },
		{ ...COMPLETED, warnings: [expect.stringContaining("it was stopped")] },
	],
	[
		"stopped after its result, items open",
		{ ended: "finished", exit: KILLED, result: OK },
		failed("incomplete"),
	],
	["never started", { exit: { kind: "never" }, plan: null }, { ...queued(null, false), startMode: "resume" }],
	[
		"taken down with dispatch",
		{ exit: GONE, takenDown: true },
		{ ...queued(null, false), startMode: "resume" },
	],
	["taken down after .done", { exit: GONE, takenDown: true, plan: DONE_PLAN, done: true }, COMPLETED],
	// Completed
	["done and .done", { plan: DONE_PLAN, done: true }, { ...COMPLETED, warnings: [] }, /All 2 items/],
	["done, a result, no .done", { plan: DONE_PLAN, result: OK }, { ...COMPLETED, warnings: [MISSING] }],
	["done, exit 0, nothing else", { plan: DONE_PLAN }, { ...COMPLETED, warnings: [MISSING] }],
	[
		"done and .done, exit code 3",
		{ plan: DONE_PLAN, done: true, exit: exit(3) },
		{ ...COMPLETED, warnings: [expect.stringContaining("exited with code 3")] },
	],
	[
		"done and .done, status unknown",
		{ plan: DONE_PLAN, done: true, exit: GONE },
		{ ...COMPLETED, warnings: [expect.stringContaining("unknown")] },
	],
	[
		"done and .done, a question open",
		{ plan: DONE_PLAN, done: true, openQuestions: 1 },
		{ ...COMPLETED, warnings: [expect.stringContaining("question")] },
	],
	[
		"done and .done, unattended question",
		{ plan: DONE_PLAN, done: true, openQuestions: 1, unattended: true },
		COMPLETED,
	],
	["done, given items kept", { plan: DONE_PLAN, done: true, givenItems: ["two"] }, COMPLETED],
	[
		"done, after a rate limit that passed",
		{ plan: DONE_PLAN, done: true, failure: "rate_limited", result: OK },
		COMPLETED,
	],
	// Not completed, whatever .done says
	[
		"done but its result is an error",
		{ plan: DONE_PLAN, done: true, result: ERROR },
		backoff(10_000),
		/overloaded/,
	],
	[
		"an item is ticked that says that it is not done",
		{ plan: parsePlan("- [x] one\n- [x] two (not done)"), done: true, result: OK },
		failed("incomplete"),
		/ticked that says "not done" of itself: two/,
	],
	[
		"a given item is gone",
		{ plan: DONE_PLAN, done: true, givenItems: ["zero"] },
		failed("incomplete"),
		/gone from the plan: zero/,
	],
	["no plan", { plan: null, done: true, result: OK }, failed("incomplete"), /plan cannot be read/],
	["no items", { plan: parsePlan("# t"), done: true }, failed("incomplete"), /no items/],
	[
		"open items",
		{ done: true },
		failed("incomplete"),
		/2 of 3 items are open; the first: two\. `dispatch retry fix-login`/,
	],
	[
		"blocked without a question",
		{ plan: BLOCKED_PLAN },
		failed("incomplete"),
		/without asking.*"two": Which\?/,
	],
	["done, no .done, crashed", { plan: DONE_PLAN, exit: KILLED }, backoff(10_000)],
	// Questions
	[
		"a question is open",
		{ plan: BLOCKED_PLAN, openQuestions: 1 },
		{ to: "parked", reason: null, charge: false, startMode: "resume" },
		/dispatch answer fix-login/,
	],
	["crashed with a question open", { exit: exit(1), openQuestions: 2 }, { to: "parked" }, /2 questions/],
	["done without .done, a question open", { plan: DONE_PLAN, openQuestions: 1 }, { to: "parked" }],
	[
		"the answer came too late",
		{ plan: BLOCKED_PLAN, undelivered: 1 },
		{ ...queued({ kind: "answered", until: null, forMs: null }, false), startMode: "resume" },
	],
	["one answered, one open", { openQuestions: 1, undelivered: 1 }, { to: "parked" }],
	[
		"unattended with a question",
		{ openQuestions: 1, unattended: true, asked: "Which colour?\n1. red" },
		failed("unanswered"),
		/^The agent asked "Which colour\? 1\. red", but nobody can answer/,
	],
	// Failures of the CLI
	[
		"not logged in",
		{ exit: exit(1), failure: "auth", failureMessage: "Not logged in · Please run /login" },
		failed("auth"),
		/claude is not logged in: Not logged in.*ANTHROPIC_API_KEY/,
	],
	[
		"not logged in, codex",
		{ exit: exit(1), failure: "auth", ...of("codex") },
		failed("auth"),
		/codex login`, or set CODEX_API_KEY\./,
	],
	["an auth error that it got over", { failure: "auth", result: OK }, failed("incomplete")],
	[
		"stopped by its budget",
		{ exit: exit(143), ended: "budget", spentUsd: 0.12, budgetUsd: 0.1 },
		failed("budget"),
		/\$0\.12 .*by its budget of \$0\.1\. .*higher --budget/,
	],
	[
		"stopped by its batch's, with some of its own left",
		{
			...{ exit: exit(143), ended: "budget", spentUsd: 0.12, budgetUsd: 5 },
			spentBatch: { batch: "nightly", budgetUsd: 0.2 },
		},
		failed("budget"),
		/\$0\.12 .*by the budget of \$0\.2 of its batch `nightly`\./,
	],
	[
		"stopped by its CLI, which was told what was left of the batch's",
		{ failure: "budget", spentUsd: 0.12, spentBatch: { batch: "nightly", budgetUsd: 0.2 } },
		failed("budget"),
		/by the budget of \$0\.2 of its batch `nightly`\./,
	],
	[
		"stopped by the day's, with some of its own left",
		{ exit: exit(143), ended: "budget", spentUsd: 0.12, budgetUsd: 5 },
		failed("budget"),
		/by the day's budget\. .*dispatch doctor.*budget\.daily/,
	],
	[
		"stopped by the day's, without one of its own",
		{ exit: exit(143), ended: "budget", spentUsd: 0.12 },
		failed("budget"),
		/by the day's budget\. /,
	],
	[
		"the CLI stopped at its budget",
		{ exit: exit(1), failure: "budget", result: { ok: false, message: null } },
		failed("budget"),
		/by the budget that its command names/,
	],
	[
		"session gone",
		{ exit: exit(1), failure: "no_session", resumed: true, ...LAST },
		{ ...queued(null, false), startMode: "resume" },
	],
	[
		"a session that it did not resume gone, by its words",
		{ exit: exit(1), failure: "no_session" },
		queued({ kind: "backoff", until: null, forMs: 10_000 }, true),
	],
	["the same at the last attempt", { exit: exit(1), failure: "no_session", ...LAST }, failed("crashed")],
	[
		"session gone at each of many starts",
		{ exit: exit(1), failure: "no_session", resumed: true, tooOften: true },
		queued({ kind: "backoff", until: null, forMs: 10_000 }, true),
	],
	[
		"session of the user's own command gone, in short",
		{ exit: exit(1), failure: "no_session", command: "claude -r x -p" },
		failed("not_started"),
	],
	[
		"session of the user's own command gone",
		{ exit: exit(1), failure: "no_session", command: "claude -p --resume x" },
		failed("not_started"),
	],
	[
		"CLI missing",
		{ exit: exit(127), sawOutput: false, plan: null },
		{ ...failed("not_started"), startMode: "fresh" },
		/npm install -g @anthropic-ai\/claude-code/,
	],
	[
		"codex missing",
		{ exit: exit(127), sawOutput: false, ...of("codex") },
		failed("not_started"),
		/npm install -g @openai\/codex/,
	],
	[
		"cursor missing",
		{ exit: exit(127), sawOutput: false, ...of("cursor") },
		failed("not_started"),
		/curl https:\/\/cursor\.com\/install -fsS \| bash/,
	],
	[
		"another command missing",
		{ exit: exit(127), sawOutput: false, agentName: "shell", cli: null },
		failed("not_started"),
		/check `command:` of backend shell in the config/,
	],
	["CLI not executable", { exit: exit(126), sawOutput: false }, failed("not_started"), /chmod/],
	[
		"CLI refused its flags",
		{
			exit: exit(2),
			sawOutput: false,
			failure: "not_started",
			failureMessage: "error: unexpected argument '--full-auto'",
		},
		failed("not_started"),
		/--full-auto/,
	],
	["127 in the middle of work", { exit: exit(127) }, backoff(10_000)],
	// The work
	["an item failed", { plan: FAILED_PLAN, exit: exit(1) }, failed("item_error"), /"two": no compiler/],
	[
		"exit code 1",
		{ exit: exit(1) },
		{ ...backoff(10_000), startMode: "resume" },
		/exited with code 1: last words\. .* in 10s \(attempt 2 of 2\)/,
	],
	[
		"exit code 1 before it did anything",
		{ exit: exit(1), sawOutput: false, plan: parsePlan("# t") },
		{ ...backoff(10_000), startMode: "fresh" },
	],
	["killed", { exit: KILLED }, backoff(10_000), /ended by SIGKILL/],
	["gone", { exit: GONE, attempt: 3, attempts: 9 }, backoff(40_000)],
	["crashed often", { exit: GONE, attempt: 50, attempts: 99 }, backoff(300_000)],
	["crashed, last attempt", { exit: KILLED, ...LAST }, failed("crashed"), /All 2 attempts/],
	[
		"its result is an error, exit 0",
		{ result: ERROR, ...LAST },
		failed("crashed"),
		/reported an error: API Error: overloaded/,
	],
];

test.each(CASES)("%s", (_name, facts, expected, message) => {
	const decision = decideOutcome({ ...FACTS, ...facts });
	expect(decision).toMatchObject(expected);
	expect(decision.message).toMatch(message ?? /./);
});
