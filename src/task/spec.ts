import type { Plan } from "./plan.ts";

/** How free an agent is, the narrowest first. `read_only` may still write the task's own files. */
export const PERMISSIONS = ["read_only", "edit", "full"] as const;
export type Permissions = (typeof PERMISSIONS)[number];

/** The narrower of the two; null says nothing. */
export function narrower(a: Permissions | null, b: Permissions | null): Permissions | null {
	if (a === null || b === null) return a ?? b;
	return PERMISSIONS.indexOf(a) <= PERMISSIONS.indexOf(b) ? a : b;
}

/** What was asked: written once by the producer, never changed. Stored as JSON in the task record. */
export interface TaskSpec {
	/** kebab-case, unique in the namespace */
	id: string;
	prompt: string;
	/** absolute working directory on the host */
	cwd: string;
	/** the model's id or configured name; null for a `command` backend */
	model: string | null;
	/** how free the agent is, by the alias; the host's own setting may narrow it further */
	permissions: Permissions | null;
	/** the configured name of the backend (a key of `backends:`, or of the older `agents:`) */
	backend: string;
	/** an alias's text that goes before the prompt */
	promptAddition: string | null;
	/** why this model, as said to the user: "default", "named in the prompt", "--model" */
	modelReason: string;
	/** files that the agent shall read first, relative to `cwd` where they lie in it */
	contextFiles: string[];
	/** not to be started before this time, ms since the Unix epoch */
	notBefore: number | null;
	/** the user's own items (`--item`, `--plan`); empty when the agent writes its plan */
	givenItems: string[];
	/** the whole plan.md to start with; null when only a title is written */
	planText: string | null;
	priority: number;
	tags: Record<string, string>;
	/** ms of work allowed (the clock stops while asking and parked); null = no limit */
	deadlineMs: number | null;
	/** USD that all its sessions together may cost; null = no limit */
	budgetUsd: number | null;
	/** a shell command that must succeed before the task counts as completed */
	verify: string | null;
	/** charged starts allowed */
	attempts: number;
	unattended: boolean;
	/** this host's id: whose queue runs it */
	host: string;
	createdBy: string;
	/** random, 16 hex digits: names this creation of the id in the owner stamp */
	nonce: string;
	/** ms without a sign of life that mean `stuck` */
	inactivityMs: number;
	/** ms an agent should wait for an answer before it parks */
	questionWaitMs: number;
}

export interface Hold {
	kind: "backoff" | "rate_limited" | "auth" | "budget" | "cancelling" | "answered" | "delayed";
	/** ms since the epoch; null = until something happens */
	until: number | null;
}

/** What the agent did by its own events and files; nothing here decides a state. */
export interface Progress {
	plan: Plan;
	/** what it does now, one line: "Bash: npm test" */
	activity: string | null;
	usage: Usage | null;
	/** ms since the epoch of the last sign of life */
	lastSignAt: number | null;
}

export interface Usage {
	inputTokens: number;
	outputTokens: number;
	/** null when unknown */
	costUsd: number | null;
	estimated: boolean;
}

export interface Outcome {
	kind: "completed" | "failed" | "cancelled" | "parked" | "queued";
	/** one line: what happened and the next step */
	message: string;
	exitCode: number | null;
	signal: string | null;
	/** last lines of the agent's output */
	logTail: string[];
	warnings: string[];
}
