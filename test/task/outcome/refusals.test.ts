/** What a service's refusal leads to: waits, caps, new sessions, failures that say the next step. */
import { expect, test } from "vitest";
import { knownCli } from "../../../src/backends/known.ts";
import type { Decision, EndFacts } from "../../../src/task/outcome/facts.ts";
import { isEnough, nextWaitMs, PATIENCE } from "../../../src/task/outcome/failure.ts";
import { decideOutcome } from "../../../src/task/outcome/rules.ts";
import { parsePlan } from "../../../src/task/plan.ts";

const exit = (code: number) => ({ kind: "exited", code, signal: null }) as const;
const UNTIL = Date.UTC(2026, 10, 24, 14, 5);

/** An agent that ended by itself with exit code 0 in the middle of its work. */
const FACTS: EndFacts = {
	taskId: "fix-login",
	exit: exit(1),
	plan: parsePlan("- [x] one\n- [ ] two"),
	givenItems: [],
	done: false,
	result: null,
	waitedFor: null,
	cancelledBy: null,
	failure: null,
	failureMessage: null,
	rateLimitUntil: null,
	now: UNTIL - 5_400_000,
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
	agentName: "claude",
	cli: knownCli("claude"),
};

const LAST = { attempt: 2 };
const queued = (hold: Decision["hold"], charge: boolean) => ({
	to: "queued" as const,
	reason: null,
	hold,
	charge,
});
const failed = (reason: Decision["reason"]) => ({ to: "failed" as const, reason, hold: null });

type Case = [name: string, facts: Partial<EndFacts>, decision: Partial<Decision>, message?: RegExp];

const CASES: Case[] = [
	[
		"the service will not talk about this: tried anew as after a crash, not waited for",
		{ failure: "policy", failureMessage: "It appears to violate our Usage Policy." },
		queued({ kind: "backoff", until: null, forMs: 10_000 }, true),
		/Usage Policy/,
	],
	[
		"the service will not talk about this, at the last attempt",
		{ failure: "policy", ...LAST },
		failed("crashed"),
	],
	[
		"rate limited until",
		{ exit: exit(1), failure: "rate_limited", rateLimitUntil: UNTIL },
		queued({ kind: "rate_limited", until: UNTIL, forMs: null }, false),
		/started again in 1h30m\./,
	],
	[
		"rate limited, until unknown",
		{ exit: exit(1), failure: "rate_limited", rateLimits: 1 },
		queued({ kind: "rate_limited", until: null, forMs: 120_000 }, false),
		/in 2m/,
	],
	[
		"rate limited, the fifty-first time: a weekly limit lasts longer",
		{ exit: exit(1), failure: "rate_limited", rateLimits: 50 },
		queued({ kind: "rate_limited", until: null, forMs: 1_800_000 }, false),
	],
	[
		"rate limited for longer than a week",
		{ exit: exit(1), failure: "rate_limited", rateLimits: 400 },
		failed("rate_limited"),
		/waited for 400 times/,
	],
	[
		"rate limited, and three ends that were told proved wrong",
		{ exit: exit(1), failure: "rate_limited", rateLimitUntil: UNTIL, rateLimits: 4 },
		queued({ kind: "rate_limited", until: UNTIL, forMs: 960_000 }, false),
	],
	[
		"overloaded",
		{ exit: exit(1), failure: "overloaded", ...LAST },
		queued({ kind: "unavailable", until: null, forMs: 30_000 }, false),
		/overloaded.*in 30s/,
	],
	[
		"an outage, the tenth time",
		{ exit: exit(1), failure: "outage", failureMessage: "503", rateLimits: 9, ...LAST },
		queued({ kind: "unavailable", until: null, forMs: 300_000 }, false),
		/cannot reach its service \(503\)/,
	],
	["an outage of a day", { exit: exit(1), failure: "outage", rateLimits: 300 }, failed("unavailable")],
	[
		"refused in words that nobody has seen",
		{ exit: exit(1), failure: "refused", failureMessage: "The frobnicator says no", ...LAST },
		queued({ kind: "unavailable", until: null, forMs: 60_000 }, false),
		/before any work was done \(The frobnicator says no\).*in 1m \(it is tried for 6h at most\)/,
	],
	[
		"refused for hours",
		{ exit: exit(1), failure: "refused", rateLimits: 20 },
		failed("unavailable"),
		/frobnicator|waited for 20 times/,
	],
	["no credit", { exit: exit(1), failure: "billing" }, failed("billing"), /Add credit/],
	["no quota", { exit: exit(1), failure: "quota" }, failed("quota"), /Raise it/],
	["no such model", { exit: exit(1), failure: "model" }, failed("model"), /--model/],
	[
		"the session is full",
		{ exit: exit(1), failure: "context_full" },
		{ ...queued(null, true), newSession: true, startMode: "resume" },
		/new one goes on from the plan/,
	],
	[
		"the session is full again",
		{ exit: exit(1), failure: "context_full", ...LAST },
		{ ...failed("context_full"), newSession: true },
	],
];

test.each(CASES)("%s", (_name, facts, decision, message) => {
	const decided = decideOutcome({ ...FACTS, ...facts });
	expect(decided).toMatchObject(decision);
	expect(decided.message).toMatch(message ?? /./);
});

test("a limit is waited for longer than a week, and not much longer", () => {
	const patience = PATIENCE.rate_limited;
	if (patience === undefined) throw new Error("limits are waited for");
	let waits = 0;
	for (let waitedMs = 0; waitedMs < 7 * 24 * 3_600_000; waits++) waitedMs += nextWaitMs(patience, waits);
	expect(isEnough(patience, waits)).toBe(false);
	expect(isEnough(patience, waits + 48)).toBe(true);
});
