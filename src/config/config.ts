/** What a config says, once it is read. Times are ms. */
import type { BackendConfig } from "../backends/contract.ts";
import type { NotificationTarget } from "../notify/targets/index.ts";
import type { Permissions } from "../task/spec.ts";
import type { ALLOWED } from "./schema.ts";

export interface Config {
	/** null when there is no file */
	path: string | null;
	default: string | null;
	backends: Record<string, BackendConfig>;
	/** `id` is what `--model` gets; the name where it is null. `backend` null: chosen by rule */
	models: Record<string, { backend: string | null; id: string | null }>;
	/** `backend` is set by the older `agents:` form, where an agent is an alias with a command of its own */
	aliases: Record<
		string,
		{ model: string | null; prompt: string | null; backend: string | null; permissions: Permissions | null }
	>;
	redisUrl: string | null;
	namespace: string | null;
	/** `maxAgents`: null: by the places, `mostAgents` */
	worker: { concurrency: number; maxAgents: number | null };
	/** ms */
	limits: { inactivityMs: number; questionWaitMs: number; deadlineMs: number | null };
	attempts: number;
	/** models to go on with where one would be waited for too long, in order */
	fallback: string[];
	/** ms that a model is waited for before the next one takes over */
	fallbackAfterMs: number;
	/** USD; null = no limit */
	budget: { taskUsd: number | null; dailyUsd: number | null };
	/** USD per million tokens, by the model's name; for CLIs that tell no cost */
	prices: Record<string, { input: number; output: number }>;
	notifications: NotificationTarget[];
	/** what is refused otherwise: changes from inside a task, a `verify` from an MCP host */
	allow: readonly (typeof ALLOWED)[number][];
	/** names of variables that travel from the command that submits a task to its agent */
	env: string[];
	/** the file is of the older `agents:` form */
	older: boolean;
	/** for the user: what still works but should be changed, one line each */
	notices: string[];
}

const MINUTE_MS = 60_000;

export const DEFAULTS = {
	concurrency: 2,
	/** live agents per working one */
	agentsPerPlace: 4,
	inactivityMs: 30 * MINUTE_MS,
	questionWaitMs: 10 * MINUTE_MS,
	attempts: 2,
	fallbackAfterMs: 15 * MINUTE_MS,
} as const;

/** How many agents may live at once. @param places agents that may work at once: the config's, or those of an option */
export function mostAgents({ maxAgents }: Pick<Config["worker"], "maxAgents">, places: number): number {
	return maxAgents ?? places * DEFAULTS.agentsPerPlace;
}

/** A config that names nothing yet. */
export function emptyConfig(): Config {
	const { concurrency, inactivityMs, questionWaitMs, attempts } = DEFAULTS;
	return {
		path: null,
		default: null,
		backends: noEntries(),
		models: noEntries(),
		aliases: noEntries(),
		redisUrl: null,
		namespace: null,
		worker: { concurrency, maxAgents: null },
		limits: { inactivityMs, questionWaitMs, deadlineMs: null },
		attempts,
		fallback: [],
		fallbackAfterMs: DEFAULTS.fallbackAfterMs,
		budget: { taskUsd: null, dailyUsd: null },
		prices: noEntries(),
		notifications: [],
		allow: [],
		env: [],
		older: false,
		notices: [],
	};
}

/** Names come from users and prompts: `constructor` is none unless it is configured. */
function noEntries<T>(): Record<string, T> {
	return Object.create(null) as Record<string, T>;
}
