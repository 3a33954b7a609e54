import type { BackendType } from "../config/backend-type.ts";
import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import { command } from "./command.ts";
import type { Backend } from "./contract.ts";
import { cursor } from "./cursor.ts";

const BACKENDS: Readonly<Record<BackendType, Backend>> = { claude, codex, cursor, command };

export function backendOf(type: BackendType): Backend {
	return BACKENDS[type];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment for an agent: less what belongs to another agent's session, plus defaults that are not set. */
export function agentEnvironment(backend: Backend, env: Environment): Record<string, string> {
	const removed = new Set(backend.removeEnv);
	const kept = Object.entries(env).filter(
		(entry): entry is [string, string] => entry[1] !== undefined && !removed.has(entry[0]),
	);
	return { ...backend.addEnv, ...Object.fromEntries(kept) };
}
