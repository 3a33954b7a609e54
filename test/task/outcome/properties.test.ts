/** Whatever an agent's end looks like: what a decision never is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { knownCli } from "../../../src/backends/known.ts";
import { compareGiven } from "../../../src/task/given-items.ts";
import type { Decision, EndFacts } from "../../../src/task/outcome/facts.ts";
import { decideOutcome } from "../../../src/task/outcome/rules.ts";

const EXITED = { kind: "exited", code: 0, signal: null } as const;
const KILLED = { kind: "exited", code: null, signal: "SIGKILL" } as const;
const GONE = { kind: "gone" } as const;
const MISSING = "all items are checked but .done is missing";

const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("a\nb", "constructor", "__proto__"));
const item = fc.record({
	marker: fc.constantFrom(" " as const, "x" as const, "x" as const, "?" as const, "!" as const),
	text: fc.constantFrom("one", "two", "two (done)"),
	note: fc.option(text),
});
const anyFacts: fc.Arbitrary<EndFacts> = fc.record({
	taskId: fc.constant("t"),
	exit: fc.oneof(
		fc.constantFrom(EXITED, GONE, KILLED, { kind: "never" as const }),
		fc.record({
			kind: fc.constant("exited" as const),
			code: fc.option(fc.integer()),
			signal: fc.option(text),
		}),
	),
	plan: fc.option(fc.record({ title: fc.option(text), items: fc.array(item, { maxLength: 3 }) })),
	givenItems: fc.array(fc.constantFrom("one", "two"), { maxLength: 2 }),
	done: fc.boolean(),
	result: fc.option(fc.record({ ok: fc.boolean(), message: fc.option(text) })),
	waitedFor: fc.option(text),
	failure: fc.constantFrom(null, null, "auth", "rate_limited", "not_started", "no_session"),
	failureMessage: fc.option(text),
	rateLimitUntil: fc.option(fc.double()),
	now: fc.nat(),
	rateLimits: fc.nat(60),
	spentUsd: fc.double({ min: 0, max: 1e6, noNaN: true }),
	budgetUsd: fc.option(fc.double({ min: 0.01, max: 1e6, noNaN: true })),
	spentBatch: fc.option(
		fc.record({ batch: fc.constant("nightly"), budgetUsd: fc.double({ min: 0.01, max: 1e6, noNaN: true }) }),
	),
	sawOutput: fc.boolean(),
	resumed: fc.boolean(),
	idleResume: fc.boolean(),
	openQuestions: fc.nat(2),
	asked: fc.option(fc.string()),
	undelivered: fc.nat(2),
	unattended: fc.boolean(),
	cancelledBy: fc.constantFrom(null, "ann@mini1"),
	ended: fc.constantFrom(null, null, "cancel", "stuck", "deadline", "unanswered", "finished"),
	takenDown: fc.boolean(),
	tooOften: fc.boolean(),
	attempt: fc.nat(100),
	attempts: fc.integer({ min: 1, max: 100 }),
	logTail: fc.array(text, { maxLength: 2 }),
	command: fc.option(text),
	agentName: fc.oneof(fc.constantFrom("claude", "codex"), text),
	cli: fc.constantFrom(null, knownCli("codex")),
});
const always = (property: (facts: EndFacts, decision: Decision) => void, numRuns = 500) =>
	fc.assert(
		fc.property(anyFacts, (facts) => property(facts, decideOutcome(facts))),
		{ numRuns },
	);

test("completed means a plan whose items are all done, the given ones kept, and no error", () => {
	always((facts, decision) => {
		fc.pre(decision.to === "completed");
		expect(facts.plan?.items.length).toBeGreaterThan(0);
		expect(facts.plan?.items.every(({ marker }) => marker === "x")).toBe(true);
		expect(facts.plan && compareGiven(facts.givenItems, facts.plan).gone).toEqual([]);
		expect(facts.result?.ok ?? true).toBe(true);
		expect(facts.ended).not.toBe("cancel");
		expect(decision.warnings.includes(MISSING)).toBe(!facts.done);
	});
});

test("says why in one line, and a reason stands exactly where it failed", () => {
	always((_facts, { message, to, reason }) => {
		expect(message).toMatch(/^[^\n\r]+$/);
		expect(reason !== null).toBe(to === "failed");
	});
});

test("never starts again and again at once, uncharged", () => {
	always((facts, { to, charge, hold }) => {
		const waits = hold !== null && hold.kind !== "answered";
		const isFree = to === "queued" && !charge && !waits;
		// What is not the agent's doing is told as such, until it was so too often.
		const isOurs = facts.exit.kind === "never" || facts.takenDown;
		expect(isFree && !isOurs && facts.tooOften, "free after many").toBe(false);
		const isReason = isOurs || facts.resumed || facts.undelivered > 0;
		expect(isFree && !isReason, "free for what an agent may say").toBe(false);
	}, 10_000);
});

test("never starts again forever at the agent's charge", () => {
	always((facts, { to, charge, hold }) => {
		const isCharged = to === "queued" && charge;
		expect(isCharged && facts.attempt >= facts.attempts, "charged beyond its attempts").toBe(false);
		expect(Number.isNaN(new Date(hold?.until ?? 0).getTime()), "held until no time").toBe(false);
		expect(hold?.forMs ?? 1, "held for no time").toBeGreaterThan(0);
		const isParked = to === "parked";
		expect(isParked && (facts.openQuestions === 0 || charge), "parked without a question").toBe(false);
	});
});
