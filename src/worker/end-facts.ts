/** All that is known of an agent that is gone, as the rules of its outcome ask for it. */
import type { BackendConfig } from "../backends/contract.ts";
import { knownCli } from "../backends/known.ts";
import { cliOf } from "../backends/started.ts";
import type { Config } from "../config/load.ts";
import type { AgentStatus } from "../process/agent.ts";
import { tailLines } from "../process/log-tail.ts";
import type { RunDir } from "../process/run-dir.ts";
import { resumedSession } from "../process/sessions.ts";
import { batchBudget, spentBy } from "../queue/records/spend.ts";
import type { Store } from "../queue/records/store.ts";
import type { EndFacts } from "../task/outcome/facts.ts";
import { lastingHold } from "../task/outcome/failure.ts";
import type { Plan } from "../task/plan.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import { withoutSecrets } from "../task/secrets.ts";

const TAIL_LINES = 20;
/** What is not the agent's fault costs it no attempt; what happens again each time has to stop all the same. */
export const FREE_STARTS_LIMIT = 10;
/** So often in a row: who takes its own away each time would never be charged. */
const TAKEN_AWAY_MAX = 2;

/** What the monitor found of an agent that is gone (its `AgentEnd`). */
export interface EndedAgent {
	record: TaskRecord;
	run: RunDir | null;
	status: AgentStatus;
	seen: Seen | null;
	plan: Plan | null;
	finished: boolean;
	ending: EndFacts["ended"] | "shutdown";
	takenDown: boolean;
	takenAway: boolean;
}

interface Seen {
	sessionId: string | null;
	result: EndFacts["result"];
	earlyResult: EndFacts["result"];
	waitsFor: string | null;
	failure: EndFacts["failure"];
	failureMessage: string | null;
	rateLimitUntil: number | null;
	limitedModel: string | null;
	unsure: boolean;
	sawOutput: boolean;
	worked: boolean;
}

export async function factsOf(
	end: EndedAgent,
	{ store, config }: { store: Store; config: Config },
): Promise<EndFacts> {
	const { record, seen } = end;
	const agent = agentOf(record).backend;
	const backend = config.backends[agent];
	// `down --stop-agents` is somebody's wish, however often: it says nothing about the host.
	const tooOften = record.takenDown >= FREE_STARTS_LIMIT && end.ending !== "shutdown";
	const resumed = end.run !== null && resumedSession(end.run);
	const [openQuestions, undelivered, spentUsd, ofBatch] = await Promise.all([
		store.openCount(record.spec.id),
		store.undelivered(record.spec.id),
		spentBy(store, record.spec.id),
		batchBudget(store, record.batch),
	]);
	return {
		taskId: record.spec.id,
		exit:
			end.status.kind === "alive" || (end.status.kind === "never" && tooOften)
				? { kind: "gone" }
				: end.status,
		plan: end.plan,
		// As the plan was read.
		givenItems: record.spec.givenItems.map(withoutSecrets),
		done: end.finished,
		result: seen?.result ?? null,
		waitedFor: seen?.earlyResult ? seen.waitsFor : null,
		failure: failureOf(seen),
		failureMessage: seen?.failureMessage ?? null,
		rateLimitUntil: seen?.rateLimitUntil ?? null,
		now: store.clock.now(),
		sawOutput: seen?.sawOutput ?? false,
		resumed,
		idleResume: resumed && seen?.worked !== true,
		openQuestions,
		asked: record.spec.unattended ? await askedOf(store, record.spec.id) : null,
		undelivered: undelivered.length,
		unattended: record.spec.unattended,
		ended: end.ending === "shutdown" ? null : end.ending,
		cancelledBy: record.stopBy,
		takenDown: (end.takenDown || isForgiven(end)) && !tooOften,
		tooOften,
		rateLimits: record.rateLimits,
		attempt: record.attempt,
		attempts: record.spec.attempts,
		spentUsd,
		budgetUsd: record.spec.budgetUsd,
		spentBatch: ofBatch !== null && ofBatch.spentUsd >= ofBatch.budgetUsd ? ofBatch : null,
		logTail: end.run === null ? [] : tailLines(end.run.logPath, TAIL_LINES),
		...cliFacts(agent, backend),
	};
}

/** Somebody took its directory away, whoever it was: no agent is charged for that at once. */
function isForgiven({ takenAway, record }: EndedAgent): boolean {
	return takenAway && record.takenAway < TAKEN_AWAY_MAX;
}

/** @param backend undefined: the config no longer names it */
function cliFacts(
	agent: string,
	backend: BackendConfig | undefined,
): Pick<EndFacts, "command" | "agentName" | "cli"> {
	if (backend === undefined) return { command: null, agentName: agent, cli: knownCli(agent) };
	const { type, command } = backend;
	const cli = knownCli(type);
	return { command, agentName: cli?.type ?? agent, cli: cli ?? cliOf(command)?.cli ?? null };
}

/**
 * A dead login or an empty account is told by the CLI itself once it has worked: a line of text that says so is of
 * something that the agent started, and would hold everybody until a person comes.
 */
function failureOf(seen: Seen | null): EndFacts["failure"] {
	const failure = seen?.failure ?? null;
	return seen?.unsure && seen.sawOutput && lastingHold(failure) !== null ? null : failure;
}

async function askedOf(store: Store, id: string): Promise<string | null> {
	return (await store.questions(id)).find(({ open }) => open)?.text ?? null;
}
