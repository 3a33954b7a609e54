/**
 * An agent is gone: decide what that means, and make the move. The outcome is in the record before
 * anything else learns of it. Idempotent: a second settle of the same epoch is refused as stale.
 */
import type { Config } from "../config/load.ts";
import type { Orders } from "../config/orders.ts";
import { lookAtReport } from "../ipc/report.ts";
import { clearTemporaries } from "../ipc/task-dir.ts";
import { sweepRun } from "../process/end-run.ts";
import { sweepTree } from "../process/end-tree.ts";
import { faultPoint } from "../process/fault.ts";
import type { RunDir } from "../process/run-dir.ts";
import { orNothing, type Seals } from "../process/sealed-file.ts";
import { noteEvent } from "../queue/records/events.ts";
import { closedGate, holdUntil, noteLasting, openAfterSuccess } from "../queue/records/gates.ts";
import type { RecordChanges } from "../queue/records/record-fields.ts";
import type { Store } from "../queue/records/store.ts";
import { cleanText } from "../task/clean-text.ts";
import { cutText } from "../task/cut-text.ts";
import type { Hub } from "../task/hub.ts";
import type { Decision, EndFacts } from "../task/outcome/facts.ts";
import { lastingHold } from "../task/outcome/failure.ts";
import { isIdleResume } from "../task/outcome/idle-resume.ts";
import { decideOutcome } from "../task/outcome/rules.ts";
import { agentOf, gatedBy, type TaskRecord } from "../task/record.ts";
import type { Hold, Outcome } from "../task/spec.ts";
import { type EndedAgent, FREE_STARTS_LIMIT, factsOf } from "./end-facts.ts";
import { fallbackChoice, isFar, untilFirst } from "./fallback.ts";
import { failedSetup } from "./setup.ts";
import { endCheck, hasBegun, verify } from "./verify.ts";
import type { SavedWork, WorkSaver } from "./workspace.ts";

/** Anything that an agent starts may print a line that reads like a limit: the other tasks soon see for themselves. */
const UNSURE_HOLD_MS = 30 * 60_000;

export interface SettleDeps {
	store: Store;
	config: Config;
	orders: Orders;
	hub: Hub;
	/** the environment of a task's check */
	checkEnv: (record: TaskRecord) => Record<string, string>;
	/** a wait between two attempts is cut to this (ms) */
	maxBackoffMs: number;
	saver: Pick<WorkSaver, "save">;
}

/** @returns false while its check (`--verify`) still runs: the next look asks again */
export async function settle(end: EndedAgent, deps: SettleDeps): Promise<boolean> {
	const { store, hub } = deps;
	const { id } = end.record.spec;
	const nonce = end.record.runNonce;
	faultPoint("settle.begin", id);
	if (end.run !== null) await sweepTree(end.run);
	else if (nonce !== null) await sweepRun(nonce, { task: id });
	faultPoint("settle.swept", id);
	const facts = await factsOf(end, deps);
	faultPoint("settle.facts", id);
	const checked = await afterCheck(end, facts, deps);
	if (checked === null) return false;
	faultPoint("settle.decided", id);
	const saved = await savedWork(end, deps);
	if (saved.kind === "saving") return false;
	if (end.run !== null) await clearTemporaries(end.run.facts.taskDir);
	const report = end.run === null ? null : lookAtReport(end.run.facts.taskDir);
	faultPoint("settle.report", id);
	if (report?.refused)
		await noteEvent(store, { task: id, kind: "file_refused", text: "output.md", why: report.refused });
	if (report?.text) await store.follow(id, end.record.epoch, { hasReport: true }, report.text);
	faultPoint("settle.reported", id);
	const decided = withSavedWork(checked, saved, id);
	const changes = {
		...changesOf(end, facts, decided, store.clock.now(), deps.maxBackoffMs),
		...(saved.kind === "saved" && { changes: saved.changes }),
	};
	await moveGate(end, facts, decided, changes, deps);
	faultPoint("settle.gate", id);
	const decision = await fallBack(end, decided, changes, deps);
	faultPoint("settle.move", id);
	const moved = await store.move({
		id,
		from: ["running", "asking"],
		epoch: end.record.epoch,
		to: decision.to,
		set: changes,
		why: decision.message,
	});
	faultPoint("settle.moved", id);
	if (moved.result !== "none") hub.emit("state", id, moved.state);
	if (moved.result !== "moved")
		await noteEvent(store, {
			task: id,
			kind: "late_end",
			why: `start ${end.record.epoch} is no longer the task's`,
		});
	return true;
}

async function savedWork({ run, record }: EndedAgent, { saver, orders }: SettleDeps): Promise<SavedWork> {
	if (run === null) return { kind: "nothing" };
	return saver.save(record, { afterCheck: hasBegun(run, orNothing(orders.seals)) });
}

interface Checked extends Decision {
	/** what the check printed */
	tail?: string[];
}

/** A claim to be done is checked by the user's own command. @returns null while that runs */
async function afterCheck(end: EndedAgent, facts: EndFacts, deps: SettleDeps): Promise<Checked | null> {
	const { record, run } = end;
	const decision = withSetup(decideOutcome(facts), record, run, deps.orders.seals);
	const { verify: command, id, attempts } = record.spec;
	if (run === null) return decision;
	const notSigned =
		decision.to === "completed" ? deps.orders.whyNotSigned(record, run.facts.taskNonce) : null;
	if (notSigned !== null) {
		await endCheck(run, deps.orders.seals);
		const message = notVouchedFor(id, notSigned);
		return { ...decision, to: "failed", reason: "verify_failed", warnings: [], message };
	}
	if (command === null || decision.to !== "completed") {
		await endCheck(run, deps.orders.seals);
		return decision;
	}
	// The agent's work is a commit of its own: a check may write, too.
	if (!hasBegun(run, deps.orders.seals) && (await savedWork(end, deps)).kind === "saving") return null;
	const wanted = { command, env: deps.checkEnv(record), mayRepeat: () => mayRepeat(record, deps) };
	const verdict = await verify(run, wanted, deps.orders.seals);
	if (verdict.kind === "running") return null;
	faultPoint("verify.verdict", id);
	if (verdict.kind === "passed") return { ...decision, message: `${decision.message} The check passed.` };
	if (verdict.kind === "refused") {
		await endCheck(run, deps.orders.seals);
		const message = `The agent says it is done, but its check cannot be run: ${verdict.why}. Enqueue it with another --verify.`;
		return { ...decision, to: "failed", reason: "verify_failed", warnings: [], message };
	}
	const said = `The agent says it is done, but the check failed (${verdict.how}): ${cutText(cleanText(command), 200)}.`;
	const failed = { ...decision, warnings: [], reason: "verify_failed" as const, tail: verdict.tail };
	if (record.attempt >= attempts) {
		return { ...failed, to: "failed", message: `${said} \`dispatch retry ${id}\` gives it another try.` };
	}
	return {
		...failed,
		to: "queued",
		message: `${said} Its output goes back to the agent.`,
		hold: null,
		charge: true,
		startMode: "resume",
		newSession: isIdleResume(facts),
	};
}

/** What was to be done, and how it is checked, stands in the record: changed, it tells of no work that it was done. */
const notVouchedFor = (id: string, why: string) =>
	`The agent says it is done, but what was to be done, and its check, cannot be known: ${why}. If it is right as \`dispatch status ${id}\` shows it: \`dispatch retry ${id} --sign\`.`;

/** Counted in the record, with the agent's ends that were no fault of its own: our own processes take a check along, too. */
async function mayRepeat({ spec, epoch, takenDown }: TaskRecord, { store }: SettleDeps): Promise<boolean> {
	if (takenDown >= FREE_STARTS_LIMIT) return false;
	return store.follow(spec.id, epoch, { takenDown: takenDown + 1 });
}

/** No agent was started: what its end would mean does not count. */
function withSetup(decision: Checked, { spec }: TaskRecord, run: RunDir | null, seals: Seals): Checked {
	// A cancel waits for no key.
	if (run === null || spec.setup === null || decision.to === "cancelled") return decision;
	const failed = failedSetup(run, seals);
	if (failed === null) return decision;
	const said = `The setup of its worktree failed (${failed.how}): ${cutText(cleanText(spec.setup ?? ""), 200)}.`;
	const message = `${said} \`dispatch retry ${spec.id}\` runs it again.`;
	return {
		...decision,
		to: "failed",
		reason: "setup_failed",
		warnings: [],
		hold: null,
		message,
		tail: failed.tail,
	};
}

/** Done is what can be had: work that is on no branch is not. */
function withSavedWork(decision: Checked, saved: SavedWork, id: string): Checked {
	if (saved.kind === "saved" && saved.left !== null)
		return { ...decision, warnings: [...decision.warnings, `not committed: ${saved.left}`] };
	if (saved.kind !== "failed") return decision;
	const why = `What it changed could not be committed to its branch: ${saved.why}`;
	if (decision.to !== "completed") return { ...decision, message: `${decision.message} ${why}` };
	const next = `\`dispatch retry ${id}\` tries it again.`;
	return { ...decision, to: "failed", reason: "not_committed", warnings: [], message: `${why} ${next}` };
}

/** The next model takes over, with the work so far, where this one would be waited for too long. */
async function fallBack(
	{ record }: EndedAgent,
	decision: Decision,
	changes: RecordChanges,
	{ config, store, orders }: SettleDeps,
): Promise<Decision> {
	const hold = changes.hold ?? null;
	const isHeld = hold?.kind === "rate_limited" || hold?.kind === "unavailable";
	const isSpent = lastingHold(decision.reason) === "billing";
	const now = store.clock.now();
	if (!isSpent && !(isHeld && isFar(hold, record.rateLimits + 1, config, now))) return decision;
	const choice = await fallbackChoice(record, { config, store, orders });
	if (choice === null) {
		// What nobody else has seen it waits for itself.
		const gate = isHeld ? await closedGate(store, gatedBy(record)) : null;
		if (isHeld && gate !== null)
			Object.assign(changes, { hold: await untilFirst(record, hold, { config, store }) });
		return decision;
	}
	const { model, backend } = agentOf({ ...record, ...choice });
	const said = decision.message.replace(/ It is started again .*/, "");
	const message = `${said} It goes on with ${model ?? backend}.`;
	const outcome: Outcome | null = changes.outcome ? { ...changes.outcome, kind: "queued", message } : null;
	const anew = { hold: null, reason: null, rateLimits: 0, charge: false };
	Object.assign(changes, anew, { ...choice, outcome, startMode: "resume" });
	return { ...decision, to: "queued", reason: null, message };
}

/** What this end tells of the backend, for the other tasks; before the move, which frees a place. */
async function moveGate(
	end: EndedAgent,
	facts: EndFacts,
	decision: Decision,
	changes: RecordChanges,
	{ store }: SettleDeps,
): Promise<void> {
	const gated = gatedBy(end.record);
	const message = facts.failureMessage ?? decision.message;
	const lasting = lastingHold(decision.reason);
	const kind = changes.hold?.kind;
	const until = changes.hold?.until ?? null;
	if ((kind === "rate_limited" || kind === "unavailable") && until !== null) {
		// What nobody has seen may be this task's own affair.
		if (facts.failure === "refused") return;
		const most = end.seen?.unsure ? store.clock.now() + UNSURE_HOLD_MS : until;
		const limited = end.seen?.limitedModel ?? null;
		await holdUntil(store, gated, { kind, until: Math.min(until, most), message, limited });
	} else if (lasting !== null) await noteLasting(store, gated, lasting, message);
	else if (decision.to === "completed" || decision.to === "parked")
		await openAfterSuccess(store, gated, end.run?.facts.startedAt ?? 0);
}

function changesOf(
	end: EndedAgent,
	facts: EndFacts,
	decision: Checked,
	now: number,
	maxBackoffMs: number,
): RecordChanges {
	// The exit of who runs the setup is no agent's.
	const exited = facts.exit.kind === "exited" && decision.reason !== "setup_failed" ? facts.exit : null;
	const outcome: Outcome = {
		kind: decision.to,
		message: decision.message,
		exitCode: exited?.code ?? null,
		signal: exited?.signal ?? null,
		logTail: decision.tail ?? [...facts.logTail],
		warnings: decision.warnings,
	};
	const limited = decision.hold?.kind === "rate_limited" || decision.hold?.kind === "unavailable";
	return {
		outcome,
		reason: decision.reason,
		hold: holdOf(decision, now, maxBackoffMs),
		charge: decision.charge,
		// Nothing was started: the next start is the one that was asked for.
		startMode: facts.exit.kind === "never" ? end.record.startMode : decision.startMode,
		...freeStarts(end, decision),
		rateLimits: limited ? end.record.rateLimits + 1 : 0,
		...(decision.newSession ? { sessionId: null } : {}),
	};
}

/** One more in a row that costs nothing and waits for nothing; an end that was wished for begins the row anew. */
function freeStarts(
	{ ending, record, takenAway }: EndedAgent,
	{ to, charge, hold }: Decision,
): RecordChanges {
	const waits = hold !== null && hold.kind !== "answered";
	if (ending === "shutdown" || to !== "queued" || charge || waits) return { takenDown: 0, takenAway: 0 };
	return { takenDown: record.takenDown + 1, takenAway: record.takenAway + (takenAway ? 1 : 0) };
}

function holdOf(decision: Decision, now: number, maxBackoffMs: number): Hold | null {
	if (decision.hold === null) return null;
	const { kind, until, forMs } = decision.hold;
	if (forMs === null) return { kind, until };
	return { kind, until: Math.max(until ?? 0, now + Math.min(forMs, maxBackoffMs)) };
}
