/** Where a model would be waited for too long, a task goes on with the next one of `fallback:`. */
import { chooseModel } from "../config/choose.ts";
import type { Config } from "../config/load.ts";
import { closedGate } from "../queue/records/gates.ts";
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

/** @returns the next agent in the config's order that is not held itself, or null when the task shall wait on */
export async function fallbackOf(
	record: Choosing,
	config: Config,
	store: Store,
): Promise<AgentChoice | null> {
	const now = agentOf(record);
	const models = await Promise.all(
		config.fallback.map((flag) => chooseModel(config, { prompt: "", flag }).catch(() => null)),
	);
	const isCurrent = (choice: (typeof models)[number]) =>
		choice !== null && choice.model === now.model && choice.backend === now.backend;
	for (const next of models.slice(models.findIndex(isCurrent) + 1)) {
		if (next === null || isCurrent(next)) continue;
		const { model, backend } = next;
		if ((await closedGate(store, { host: record.host, model, backend })) !== null) continue;
		const modelReason = `fallback: ${now.model ?? now.backend} would be waited for too long`;
		return agentChoiceOf({ ...now, model, backend, modelReason });
	}
	return null;
}
