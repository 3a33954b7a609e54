/** After repeated rate limits a task goes on with the next model of `fallback:`, in the order of the config. */
import { chooseModel } from "../config/choose.ts";
import type { Config } from "../config/load.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import type { AgentChoice } from "../task/spec.ts";

const LIMITS_BEFORE_FALLBACK = 3;

/** @returns the next agent in the config's order, or null when the task shall wait on */
export async function fallbackOf(record: TaskRecord, config: Config): Promise<AgentChoice | null> {
	const now = agentOf(record);
	if (record.rateLimits + 1 < LIMITS_BEFORE_FALLBACK) return null;
	const models = await Promise.all(
		config.fallback.map((flag) => chooseModel(config, { prompt: "", flag }).catch(() => null)),
	);
	const isCurrent = (choice: (typeof models)[number]) =>
		choice !== null && choice.model === now.model && choice.backend === now.backend;
	const next = models
		.slice(models.findIndex(isCurrent) + 1)
		.find((choice) => choice !== null && !isCurrent(choice));
	if (!next) return null;
	const modelReason = `fallback: ${now.model ?? now.backend} stayed rate limited`;
	return { ...now, model: next.model, backend: next.backend, modelReason };
}
