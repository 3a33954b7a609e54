/** The environment of an agent: the daemon's own, less what is not the agent's business. */
import { delimiter, join } from "node:path";
import type { Backend } from "../backends/contract.ts";

type Environment = Record<string, string | undefined>;

/** Addresses and switches of dispatch itself: an agent works on its task's files only. */
const NEVER_PASSED = [
	"DISPATCH_REDIS_URL",
	"DISPATCH_FAULT",
	"DISPATCH_WATCH",
	"DISPATCH_LOG_LEVEL",
	"DISPATCH_RUN",
	"DISPATCH_TASK",
];

export interface AgentEnvInput {
	base: Environment;
	backend: Backend;
	/** the state directory; its `bin/` holds this `dispatch` */
	home: string;
	taskDir: string;
	/** the address that dispatch uses, which agents never inherit under any name */
	redisUrl: string | null;
}

export function agentEnv(input: AgentEnvInput): Record<string, string> {
	const env: Record<string, string> = {};
	const removed = new Set([...NEVER_PASSED, ...input.backend.removeEnv]);
	for (const [name, value] of Object.entries(input.base)) {
		if (value === undefined || removed.has(name)) continue;
		if (input.redisUrl !== null && value === input.redisUrl) continue;
		env[name] = value;
	}
	for (const [name, value] of Object.entries(input.backend.addEnv)) env[name] ??= value;
	env.PATH = [join(input.home, "bin"), env.PATH].filter(Boolean).join(delimiter);
	env.DISPATCH_TASK_DIR = input.taskDir;
	return env;
}
