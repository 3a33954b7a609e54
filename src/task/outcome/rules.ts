/**
 * What the end of an agent's process means. Pure: facts in, one decision out. The rules are asked in
 * order and the first that applies decides; exit code 0 alone never means success.
 */
import { formatDuration } from "../duration.ts";
import { compareGiven, contradictions } from "../given-items.ts";
import { countDone, type Marker, type PlanItem } from "../plan.ts";
import type { FailureReason } from "../states.ts";
import type { Decision, EndFacts } from "./facts.ts";
import { isEnough, nextWaitMs, PATIENCE } from "./failure.ts";
import { isIdleResume, ofIdleResume } from "./idle-resume.ts";
import { exitOf, loginHint, oneLine, refusalText, startHint } from "./text.ts";

const FIRST_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;
/** An end that was told and proved wrong so often is not relied on. */
const TOLD_ENDS_BELIEVED = 3;
/** The last moment that a Date can name. */
const MAX_TIME_MS = 8.64e15;
const COMMAND_NOT_FOUND = 127;
const COMMAND_NOT_EXECUTABLE = 126;

const RULES: readonly ((facts: EndFacts) => Decision | null)[] = [
	cancelled,
	unansweredUnattended,
	neverStarted,
	finished,
	endedByLimit,
	overBudget,
	takenDown,
	withQuestions,
	sessionLost,
	contextFull,
	notAuthorised,
	lastingRefusal,
	waitedFor,
	notStarted,
	itemFailed,
	crashed,
];

export function decideOutcome(facts: EndFacts): Decision {
	const decision = ofIdleResume(facts, firstDecision(facts));
	// Names and commands come from files: whatever they hold, the message stays one line.
	return { ...decision, message: decision.message.replace(/\s+/g, " ") };
}

function firstDecision(facts: EndFacts): Decision {
	for (const rule of RULES) {
		const decision = rule(facts);
		if (decision !== null) return decision;
	}
	return completedOrIncomplete(facts);
}

function cancelled(facts: EndFacts): Decision | null {
	if (facts.ended !== "cancel") return null;
	const by = facts.cancelledBy === null ? "" : ` by ${oneLine(facts.cancelledBy)}`;
	return { ...ending(facts), to: "cancelled", message: `Cancelled${by}. ${retryHint(facts)}` };
}

function unansweredUnattended(facts: EndFacts): Decision | null {
	return facts.ended === "unanswered" ? failed(facts, "unanswered", unansweredText(facts)) : null;
}

function neverStarted(facts: EndFacts): Decision | null {
	return facts.exit.kind === "never" ? again("The start was interrupted; the agent is started again.") : null;
}

/**
 * The plan is done and the agent said so. This beats the limits and an end of our own processes: the
 * work is finished, and what came after cannot undo it.
 */
function finished(facts: EndFacts): Decision | null {
	const saidSo = facts.done || facts.result?.ok === true;
	return saidSo && isPlanDone(facts) ? completed(facts) : null;
}

function endedByLimit(facts: EndFacts): Decision | null {
	if (facts.ended === "stuck") {
		return failed(
			facts,
			"stuck",
			`${stuckText(facts)} See \`dispatch logs ${facts.taskId}\`; ${retryHint(facts)}`,
		);
	}
	if (facts.ended !== "deadline") return null;
	return failed(facts, "deadline", `The time allowed for the work is over. ${retryHint(facts)}`);
}

function stuckText({ waitedFor, undelivered }: EndFacts): string {
	const none = "no sign of life (no file change, no output, no work)";
	if (waitedFor !== null)
		return `The agent had its last word, but waited for ${oneLine(waitedFor)}, which did not end and gave ${none}: both were stopped.`;
	const unread = undelivered > 0 ? " An answer had not reached it: its next start gets that." : "";
	return `The agent gave ${none} and was stopped.${unread}`;
}

function overBudget(facts: EndFacts): Decision | null {
	if (facts.ended !== "budget" && failureOf(facts) !== "budget") return null;
	const { budgetUsd, spentUsd, spentBatch } = facts;
	const cost = `The task has cost $${spentUsd.toFixed(2)} and was stopped by`;
	const isOwn = budgetUsd !== null && spentUsd >= budgetUsd;
	if (!isOwn && spentBatch !== null)
		return failed(
			facts,
			"budget",
			`${cost} the budget of $${spentBatch.budgetUsd} of its batch \`${spentBatch.batch}\`. Submit the rest as a batch of its own.`,
		);
	// The CLI, which knows no other, stopped by itself; or it was us, and the day's may have been first.
	if (budgetUsd !== null && (facts.ended !== "budget" || isOwn))
		return failed(
			facts,
			"budget",
			`${cost} its budget of $${budgetUsd}. Enqueue the rest with a higher --budget.`,
		);
	if (facts.ended !== "budget")
		return failed(facts, "budget", `${cost} the budget that its command names. ${retryHint(facts)}`);
	const next = "`dispatch doctor` says which tasks spent it; go on tomorrow, or raise budget.daily";
	return failed(facts, "budget", `${cost} the day's budget. ${next}: ${retryHint(facts)}`);
}

function takenDown(facts: EndFacts): Decision | null {
	if (!facts.takenDown) return null;
	return again(
		"The agent ended together with dispatch's own processes; it goes on without counting an attempt.",
	);
}

function withQuestions(facts: EndFacts): Decision | null {
	const { openQuestions, undelivered, taskId } = facts;
	if (facts.unattended && openQuestions + undelivered > 0)
		return failed(facts, "unanswered", unansweredText(facts));
	if (openQuestions > 0) {
		const which = openQuestions === 1 ? "a question" : `${openQuestions} questions`;
		const message = `Waiting for the answer to ${which}. Answer with \`dispatch answer ${taskId}\`.`;
		return { ...ending(facts), to: "parked", message, charge: false };
	}
	if (undelivered === 0 || facts.tooOften) return null;
	const hold = { kind: "answered" as const, until: null, forMs: null };
	return { ...again("The answer came while the agent stopped; it goes on with it."), hold };
}

/** The conversation to resume is gone: another session goes on from the plan. Without one it is a text like others. */
function sessionLost(facts: EndFacts): Decision | null {
	if (failureOf(facts) !== "no_session") return null;
	// The user's own command names the session: the next start would say the same.
	if (/\bresume\b|--continue\b|\s-[rc]\b/.test(facts.command ?? "")) return failedToStart(facts);
	if (!facts.resumed || facts.tooOften) return null;
	return {
		...again("The agent's earlier session is gone; a new one goes on from the plan."),
		newSession: true,
	};
}

/** A full session is full at every resume. */
function contextFull(facts: EndFacts): Decision | null {
	if (failureOf(facts) !== "context_full") return null;
	const what = `The agent's session is full${saidBy(facts)}.`;
	if (facts.attempt < facts.attempts) {
		return { ...again(`${what} A new one goes on from the plan.`), charge: true, newSession: true };
	}
	const advice = `Split the task, or \`dispatch retry ${facts.taskId}\` goes on from the plan in a new session.`;
	return { ...failed(facts, "context_full", `${what} ${advice}`), newSession: true };
}

function notAuthorised(facts: EndFacts): Decision | null {
	if (failureOf(facts) !== "auth") return null;
	const what = `${facts.agentName} is not logged in${quoted(facts)}.`;
	return failed(facts, "auth", `${what} ${loginHint(facts)} ${retryHint(facts)}`);
}

/** What only a person can mend: another try would get the same answer. */
function lastingRefusal(facts: EndFacts): Decision | null {
	const failure = failureOf(facts);
	if (failure !== "billing" && failure !== "quota" && failure !== "model") return null;
	const { what, advice } = refusalText(failure, facts.agentName);
	return failed(facts, failure, `${what}${quoted(facts)}. ${advice} ${retryHint(facts)}`);
}

/** What passes by itself is waited for, and no attempt is counted. */
function waitedFor(facts: EndFacts): Decision | null {
	const failure = failureOf(facts);
	const patience = failure === null ? undefined : PATIENCE[failure];
	if (failure === null || patience === undefined) return null;
	const { what, advice } = refusalText(failure, facts.agentName);
	const text = `${what}${saidBy(facts)}.`;
	const kind = failure === "rate_limited" ? "rate_limited" : "unavailable";
	if (isEnough(patience, facts.rateLimits)) {
		const waits = `It was waited for ${facts.rateLimits} times.`;
		return failed(facts, kind, `${text} ${waits} ${advice} ${retryHint(facts)}`);
	}
	const until = timeOrNull(facts.rateLimitUntil);
	const believed = until !== null && facts.rateLimits < TOLD_ENDS_BELIEVED;
	const forMs = believed ? null : nextWaitMs(patience, facts.rateLimits);
	const cap = failure === "refused" ? ` (it is tried for ${formatDuration(patience.lastsMs)} at most)` : "";
	// Not the time: it stands beside that of the event, which each host shows in its own zone.
	const waitMs = Math.max(forMs ?? 0, (until ?? 0) - facts.now);
	const when = waitMs > 0 ? `in ${formatDuration(waitMs)}` : "at once";
	return { ...again(`${text} It is started again ${when}${cap}.`), hold: { kind, until, forMs } };
}

/** " (its words)" */
function saidBy({ failureMessage }: EndFacts): string {
	return failureMessage === null ? "" : ` (${oneLine(failureMessage)})`;
}

/** ": its words" */
function quoted({ failureMessage }: EndFacts): string {
	return failureMessage === null ? "" : `: ${oneLine(failureMessage)}`;
}

function notStarted(facts: EndFacts): Decision | null {
	if (facts.sawOutput) return null;
	return startRefused(facts) ? failedToStart(facts) : null;
}

function startRefused({ exit, failure }: EndFacts): boolean {
	if (exit.kind !== "exited") return false;
	if (exit.code === COMMAND_NOT_FOUND || exit.code === COMMAND_NOT_EXECUTABLE) return true;
	return failure === "not_started" && exit.code !== 0;
}

function itemFailed(facts: EndFacts): Decision | null {
	const item = facts.plan?.items.find(({ marker }) => marker === "!");
	if (item === undefined) return null;
	return failed(facts, "item_error", `The agent gave up at ${named(item)}. ${retryHint(facts)}`);
}

function crashed(facts: EndFacts): Decision | null {
	const { exit, attempt, attempts, result } = facts;
	const badEnd =
		exit.kind === "gone" || (exit.kind === "exited" && (exit.code !== 0 || exit.signal !== null));
	// After its final word we ended it ourselves: how it went then tells nothing.
	const bad = result?.ok === false || (badEnd && facts.ended !== "finished");
	if (!bad) return null;
	const what = crashText(facts);
	if (attempt >= attempts) {
		const tries = attempts > 1 ? ` All ${attempts} attempts are used up.` : "";
		return failed(
			facts,
			"crashed",
			`${what}${tries} See \`dispatch logs ${facts.taskId}\`; ${retryHint(facts)}`,
		);
	}
	const forMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(0, attempt - 1));
	const message = `${what} It is started again in ${formatDuration(forMs)} (attempt ${attempt + 1} of ${attempts}).`;
	return {
		...again(message),
		hold: { kind: "backoff", until: null, forMs },
		charge: true,
		startMode: ending(facts).startMode,
	};
}

/** The agent ended by itself and without an error: the plan tells the rest. */
function completedOrIncomplete(facts: EndFacts): Decision {
	if (isPlanDone(facts)) return completed(facts);
	const what = incompleteText(facts);
	if (isIdleResume(facts) && facts.attempt < facts.attempts) return { ...again(what), charge: true };
	return failed(facts, "incomplete", `${what} ${retryHint(facts)}`);
}

function isPlanDone({ plan, givenItems, result }: EndFacts): boolean {
	if (plan === null || plan.items.length === 0 || result?.ok === false) return false;
	if (!plan.items.every(({ marker }) => marker === "x")) return false;
	return compareGiven(givenItems, plan).gone.length === 0 && contradictions(givenItems, plan).length === 0;
}

function completed(facts: EndFacts): Decision {
	const { exit, plan } = facts;
	const warnings: string[] = [];
	if (!facts.done) warnings.push("all items are checked but .done is missing");
	const clean = exit.kind === "exited" && exit.code === 0 && exit.signal === null;
	if (!clean && facts.ended === null) warnings.push(`all items are checked, but the agent ${exitOf(exit)}`);
	if (facts.ended === "finished")
		warnings.push("the agent did not end by itself after its work; it was stopped");
	if (facts.openQuestions > 0) warnings.push(`${facts.openQuestions} of its questions had no answer`);
	const reworded = plan === null ? [] : compareGiven(facts.givenItems, plan).reworded;
	if (reworded.length > 0) warnings.push(rewordedText(reworded));
	const { total } = plan === null ? { total: 0 } : countDone(plan);
	const items = total === 1 ? "The item is" : `All ${total} items are`;
	return {
		...ending(facts),
		to: "completed",
		message: `${items} done.`,
		warnings,
	};
}

function rewordedText(items: readonly string[]): string {
	const count = items.length === 1 ? "a given item" : `${items.length} given items`;
	return `the agent reworded ${count}: ${oneLine(items[0] ?? "")}`;
}

function failed(facts: EndFacts, reason: FailureReason, message: string): Decision {
	return { ...ending(facts), to: "failed", reason, message };
}

function failedToStart(facts: EndFacts): Decision {
	return failed(facts, "not_started", `${startHint(facts)} ${retryHint(facts)}`);
}

/** Where the agent left nothing to go on from, a retry begins anew. */
function ending(facts: EndFacts): Omit<Decision, "to" | "message"> {
	const leftNothing = !facts.sawOutput && (facts.plan === null || facts.plan.items.every(isOpen));
	return {
		reason: null,
		warnings: [],
		hold: null,
		charge: true,
		startMode: leftNothing ? "fresh" : "resume",
	};
}

function again(message: string): Decision {
	return {
		to: "queued",
		reason: null,
		message,
		warnings: [],
		hold: null,
		charge: false,
		startMode: "resume",
	};
}

/** What went wrong on the way does not count once the agent itself calls its run good. */
function failureOf({ failure, result }: EndFacts): EndFacts["failure"] {
	return result?.ok === true ? null : failure;
}

function crashText({ agentName, exit, result, failureMessage, logTail }: EndFacts): string {
	const badExit = exit.kind !== "exited" || exit.code !== 0 || exit.signal !== null;
	const how = badExit ? exitOf(exit) : "reported an error";
	const said = failureMessage ?? (result?.ok === false ? result.message : null) ?? logTail.at(-1) ?? "";
	return `The agent (${agentName}) ${how}${said.trim() === "" ? "." : `: ${oneLine(said)}.`}`;
}

function incompleteText({ plan, givenItems }: EndFacts): string {
	if (plan === null) return "The agent ended, but the plan cannot be read.";
	if (plan.items.length === 0) return "The agent ended, but the plan has no items.";
	const [gone] = compareGiven(givenItems, plan).gone;
	if (gone !== undefined) return `The agent ended, but a given item is gone from the plan: ${oneLine(gone)}.`;
	const blocked = plan.items.find(({ marker }) => marker === "?");
	if (blocked !== undefined)
		return `The agent ended without asking its question; blocked is ${named(blocked)}.`;
	const open = plan.items.filter(isOpen);
	const [contradiction] = contradictions(givenItems, plan);
	if (open.length === 0 && contradiction !== undefined)
		return `The agent ended, but an item is ticked that says "${contradiction.said}" of itself: ${oneLine(contradiction.item.text)}.`;
	const count = `${open.length} of ${plan.items.length} items ${open.length === 1 ? "is" : "are"} open`;
	return `The agent ended, but ${count}; the first: ${oneLine(open[0]?.text ?? "")}.`;
}

function unansweredText(facts: EndFacts): string {
	const asked = facts.asked === null ? "a question" : `"${oneLine(facts.asked)}"`;
	return `The agent asked ${asked}, but nobody can answer an unattended task. Say it in the prompt, or run it attended; ${retryHint(facts)}`;
}

function retryHint({ taskId }: EndFacts): string {
	return `\`dispatch retry ${taskId}\` starts it again.`;
}

function isOpen({ marker }: { marker: Marker }): boolean {
	return marker === " ";
}

function named(item: PlanItem): string {
	return item.note === null ? `"${oneLine(item.text)}"` : `"${oneLine(item.text)}": ${oneLine(item.note)}`;
}

function timeOrNull(ms: number | null): number | null {
	return ms !== null && Math.abs(ms) <= MAX_TIME_MS ? ms : null;
}
