import {
	type Check,
	count,
	flag,
	list,
	matching,
	nullable,
	number,
	object,
	oneOf,
	since,
	text,
	texts,
	time,
} from "./check.ts";
import { ID_FORM } from "./id.ts";
import { type Plan, type PlanItem, renderPlan } from "./plan.ts";
import { checkWorktree, type WorktreeSpec } from "./worktree.ts";

/** A host's id: part of keys and queue names. */
export const HOST_FORM = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** A name from the config (model, backend): no option, nothing that steers a terminal. */
const NAME = matching(
	/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}-][^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{0,299}$/u,
	"a name",
);
export const PATH = matching(/^\/[^\0]*$/, "an absolute path");
export const NONCE = matching(/^[\w-]{1,64}$/, "a nonce");
/** More is a mistake, or malice: it would hold everybody's budget. */
export const MOST_USD = 1_000_000;
const dollars = number(0, MOST_USD);
/** Of one task: more than any service has. */
export const MOST_TOKENS = 1e13;

/** How free an agent is, the narrowest first. `read_only` may still write the task's own files. */
export const PERMISSIONS = ["read_only", "edit", "full"] as const;
export type Permissions = (typeof PERMISSIONS)[number];

/** The narrower of the two; null says nothing. */
export function narrower(a: Permissions | null, b: Permissions | null): Permissions | null {
	if (a === null || b === null) return a ?? b;
	return PERMISSIONS.indexOf(a) <= PERMISSIONS.indexOf(b) ? a : b;
}

/**
 * What was asked: written once by the producer, never changed. Stored as JSON in the task record. What is
 * in force (after `retry --model`, or a fallback) stands in the record: see `agentOf`.
 */
export interface TaskSpec {
	/** kebab-case, unique in the namespace */
	id: string;
	prompt: string;
	/** absolute, on the host: where it was asked to work. Where it does is `workspaceOf` */
	cwd: string;
	/** a git worktree of its own; null: it works in `cwd` itself */
	worktree: WorktreeSpec | null;
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
	/** ids of the tasks that must have completed before it starts, and whose reports its agent gets; each once */
	after: string[];
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
	/** a shell command that must succeed in a new worktree before its agent starts */
	setup: string | null;
	/** charged starts allowed */
	attempts: number;
	unattended: boolean;
	/** the id of the host that it was made for; the record's `host` says whose queue runs it */
	host: string;
	createdBy: string;
	/** random, 16 hex digits: names this creation of the id in the owner stamp */
	nonce: string;
	/** ms without a sign of life that mean `stuck` */
	inactivityMs: number;
	/** ms an agent should wait for an answer before it parks */
	questionWaitMs: number;
}

/** plan.md as it was before the first start. */
export function firstPlan({
	id,
	planText,
	givenItems,
}: Pick<TaskSpec, "id" | "planText" | "givenItems">): string {
	return planText ?? renderPlan(id, givenItems);
}

/** Which agent does the work: as asked, or as chosen since. */
export type AgentChoice = Pick<
	TaskSpec,
	"backend" | "model" | "permissions" | "promptAddition" | "modelReason"
>;

const AGENT_CHOICE = {
	backend: NAME,
	model: nullable(NAME),
	permissions: since(null, nullable(oneOf(PERMISSIONS))),
	promptAddition: since(null, nullable(text)),
	modelReason: text,
};

/** Nothing but the choice, whatever else the object holds. */
export function agentChoiceOf(from: AgentChoice): AgentChoice {
	const { backend, model, permissions, promptAddition, modelReason } = from;
	return { backend, model, permissions, promptAddition, modelReason };
}

export const checkAgentChoice: Check<AgentChoice> = object<AgentChoice>(AGENT_CHOICE);

export const checkSpec: Check<TaskSpec> = object<TaskSpec>({
	...AGENT_CHOICE,
	id: matching(ID_FORM, "an id"),
	prompt: text,
	cwd: PATH,
	worktree: since(null, nullable(checkWorktree)),
	contextFiles: since([], list(text)),
	after: since([], list(matching(ID_FORM, "an id"))),
	notBefore: since(null, nullable(time)),
	givenItems: list(text),
	planText: nullable(text),
	priority: number(1, 1_000),
	tags: texts,
	deadlineMs: nullable(count),
	budgetUsd: since(null, nullable(dollars)),
	verify: since(null, nullable(text)),
	setup: since(null, nullable(text)),
	attempts: number(1, 1_000),
	unattended: flag,
	host: matching(HOST_FORM, "a host's id"),
	createdBy: text,
	nonce: NONCE,
	inactivityMs: count,
	questionWaitMs: count,
});

const HOLD_KINDS = [
	"backoff",
	"rate_limited",
	"unavailable",
	"auth",
	"billing",
	"budget",
	"cancelling",
	"answered",
	"delayed",
] as const;

export interface Hold {
	kind: (typeof HOLD_KINDS)[number];
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

export const checkHold: Check<Hold> = object<Hold>({ kind: oneOf(HOLD_KINDS), until: nullable(time) });

const checkPlan: Check<Plan> = object<Plan>({
	title: nullable(text),
	items: list(object<PlanItem>({ marker: oneOf([" ", "x", "?", "!"]), text, note: nullable(text) })),
});

export const checkUsage: Check<Usage> = object<Usage>({
	inputTokens: number(0, Number.MAX_SAFE_INTEGER),
	outputTokens: number(0, Number.MAX_SAFE_INTEGER),
	costUsd: nullable(dollars),
	estimated: flag,
});

export const checkProgress: Check<Progress> = object<Progress>({
	plan: checkPlan,
	activity: nullable(text),
	usage: nullable(checkUsage),
	lastSignAt: nullable(time),
});

export const checkOutcome: Check<Outcome> = object<Outcome>({
	kind: oneOf(["completed", "failed", "cancelled", "parked", "queued"]),
	message: text,
	exitCode: nullable(number(-(2 ** 31), 2 ** 32)),
	signal: nullable(text),
	logTail: list(text),
	warnings: list(text),
});
