/** Where a model would be waited for too long, a task goes on with the next one of `fallback:`. */
import { chooseModel } from "../config/choose.ts";
import type { Config } from "../config/load.ts";
import type { Orders } from "../config/orders.ts";
import { faultPoint } from "../process/fault.ts";
import { type Choice, choose } from "../queue/records/choose.ts";
import { closedGate } from "../queue/records/gates.ts";
import { limitsHolding } from "../queue/records/limited.ts";
import type { Store } from "../queue/records/store.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import { type AgentChoice, agentChoiceOf, type Hold } from "../task/spec.ts";

const LIMITS_BEFORE_FALLBACK = 3;

/** @param limits in a row, this one included */
export function isFar({ until }: Pick<Hold, "until">, limits: number, config: Config, now: number): boolean {
	if (limits >= LIMITS_BEFORE_FALLBACK) return true;
	return until !== null && until - now > config.fallbackAfterMs;
}

type Choosing = Pick<TaskRecord, "spec" | "chosen" | "host">;

interface FallbackDeps {
	config: Config;
	store: Store;
	orders: Orders;
}

/** @returns what changes in its record when the next agent takes over, or null when the task shall wait on */
export async function fallbackChoice(
	record: TaskRecord,
	{ config, store, orders }: FallbackDeps,
): Promise<Choice | null> {
	const chosen = await fallbackOf(record, config, store);
	// Not vouched for before, it would be by our signature.
	if (chosen === null || !orders.isSigned(record)) return null;
	return { chosen, signature: orders.sign(record, { chosen }), sessionId: null };
}

/**
 * A queued one that a gate holds stands in line for the next agent, in its turn and within its limits, where the gate's
 * end is farther than it is worth waiting for. @returns null: it does; else what holds it, and until when
 */
export async function queueForFallback(
	record: TaskRecord,
	{ kind, until }: Hold,
	deps: FallbackDeps,
): Promise<Hold | null> {
	if (!isFar({ until }, 0, deps.config, deps.store.clock.now())) return { kind, until };
	const choice = await fallbackChoice(record, deps);
	if (choice === null) return untilFirst(record, { kind, until }, deps);
	faultPoint("fallback.chosen", record.spec.id);
	await choose(deps.store, record, choice);
	faultPoint("fallback.queued", record.spec.id);
	return null;
}

/** Its next agents are held, too: it is looked at again when the first of all these gates opens. */
export async function untilFirst(
	record: Choosing,
	{ kind, until }: Hold,
	{ config, store }: Omit<FallbackDeps, "orders">,
): Promise<Hold> {
	if (until === null) return { kind, until };
	const agents = await nextAgents(record, config);
	const gates = await Promise.all(
		agents.map(({ model, backend }) => closedGate(store, { host: record.host, model, backend })),
	);
	return { kind, until: Math.min(until, ...gates.flatMap((gate) => gate?.until ?? [])) };
}

/** Those of `fallback:` that come after its own, in their order. */
async function nextAgents(
	record: Choosing,
	config: Config,
): Promise<{ model: string | null; backend: string }[]> {
	const now = agentOf(record);
	const models = await Promise.all(
		config.fallback.map((flag) => chooseModel(config, { prompt: "", flag }).catch(() => null)),
	);
	const isCurrent = (choice: (typeof models)[number]) =>
		choice !== null && choice.model === now.model && choice.backend === now.backend;
	const after = models.slice(models.findIndex(isCurrent) + 1);
	return after.flatMap((next) => (next === null || isCurrent(next) ? [] : [next]));
}

/**
 * @returns the next agent in the config's order that is not held itself: one that starts now, else the first, for
 * whose place the task waits; null when it shall wait on
 */
export async function fallbackOf(
	record: Choosing,
	config: Config,
	store: Store,
): Promise<AgentChoice | null> {
	const now = agentOf(record);
	const limits = await limitsHolding(store, record.host);
	let first: AgentChoice | null = null;
	for (const { model, backend } of await nextAgents(record, config)) {
		if ((await closedGate(store, { host: record.host, model, backend })) !== null) continue;
		const modelReason = `fallback: ${now.model ?? now.backend} would be waited for too long`;
		const choice = agentChoiceOf({ ...now, model, backend, modelReason });
		if (!limits.has(` ${backend}`)) return choice;
		first ??= choice;
	}
	return first;
}
