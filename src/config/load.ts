/** Reads the config file (docs/CONFIG.md); without one the agent CLIs on PATH give a config. */
import { readFileSync } from "node:fs";
import { DispatchError } from "../task/errors.ts";
import type { BackendType } from "./backend-type.ts";
import { detectConfig, type Environment } from "./detect.ts";

export interface BackendConfig {
	name: string;
	type: BackendType;
	/** a shell command line of the user's own */
	command: string;
	/** whether dispatch passes `--model` */
	modelFlag: boolean;
}

export interface Config {
	/** null when there is no file */
	path: string | null;
	default: string | null;
	backends: Record<string, BackendConfig>;
	/** `id` is what `--model` gets; the name where it is null. `backend` null: chosen by rule */
	models: Record<string, { backend: string | null; id: string | null }>;
	/** `backend` is set by the older `agents:` form, where an agent is an alias with a command of its own */
	aliases: Record<string, { model: string | null; prompt: string | null; backend: string | null }>;
	redisUrl: string | null;
	namespace: string | null;
	worker: { concurrency: number; maxAgents: number };
	/** ms */
	limits: { inactivityMs: number; questionWaitMs: number; deadlineMs: number | null };
	attempts: number;
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
} as const;

/** A config that names nothing yet. */
export function emptyConfig(): Config {
	const { concurrency, agentsPerPlace, inactivityMs, questionWaitMs, attempts } = DEFAULTS;
	return {
		path: null,
		default: null,
		backends: noEntries(),
		models: noEntries(),
		aliases: noEntries(),
		redisUrl: null,
		namespace: null,
		worker: { concurrency, maxAgents: concurrency * agentsPerPlace },
		limits: { inactivityMs, questionWaitMs, deadlineMs: null },
		attempts,
		older: false,
		notices: [],
	};
}

/** Names come from users and prompts: `constructor` is none unless it is configured. */
function noEntries<T>(): Record<string, T> {
	return Object.create(null) as Record<string, T>;
}

/**
 * @param source `env` is searched for agent CLIs where there is no file, or where it names no backend
 * @throws DISPATCH_CONFIG_INVALID naming file, line and key
 */
export async function loadConfig(source: { path: string; env: Environment }): Promise<Config> {
	let text: string;
	try {
		text = readFileSync(source.path, "utf8");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT") return detectConfig(source.env);
		throw new DispatchError(
			"DISPATCH_CONFIG_INVALID",
			`The config ${source.path} cannot be read: ${whyUnreadable(code)}.`,
			{
				hint: "DISPATCH_CONFIG names another file.",
				cause: error,
			},
		);
	}
	// zod and yaml are loaded only by those who have a file.
	const { parseConfig } = await import("./parse.ts");
	return parseConfig(text, source.path, source.env);
}

function whyUnreadable(code: string | undefined): string {
	if (code === "EISDIR") return "it is a directory";
	if (code === "EACCES" || code === "EPERM") return "you may not read it";
	if (code === "ENOTDIR") return "a part of its path is a file";
	return code ?? "unknown fault";
}
