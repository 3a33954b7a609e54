/** Turns a request into a spec. Everything that can be refused is refused here, before anything is written. */
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { isAbsolute, join, parse as parsePath, relative, resolve as resolvePath } from "node:path";
import { type Choice, chooseModel } from "../config/choose.ts";
import type { Config } from "../config/load.ts";
import { taskDirOf } from "../ipc/task-dir.ts";
import { whyNoDirectoryNow } from "../process/is-directory.ts";
import { findUserHome } from "../process/user-home.ts";
import { newNonce } from "../queue/records/store.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import { checkId, idFromPrompt } from "../task/id.ts";
import { hasMoreItems, MAX_ITEMS, parsePlan, renderPlan } from "../task/plan.ts";
import type { TaskSpec } from "../task/spec.ts";
import type { Found } from "../workspace/repository.ts";

const TEXT_LIMIT_BYTES = 1024 * 1024;
const ITEM_SHOWN = 60;
/** All of them are looked at each time that one of them ends. */
const MAX_NEEDS = 1_000;
export const PRIORITY = { first: 1, last: 1_000, usual: 100 } as const;

/** What a user asks for; null where nothing was said. */
export interface TaskRequest {
	prompt: string;
	id: string | null;
	/** `--model` */
	model: string | null;
	/** the text of a plan; excludes `items` */
	planText: string | null;
	items: readonly string[];
	/** a template's words before the prompt */
	promptAddition: string | null;
	/** absolute paths */
	contextFiles: readonly string[];
	/** ids of tasks that must have completed before it starts; left out: none */
	after?: readonly string[];
	cwd: string;
	priority: number;
	/** ms from now */
	delayMs: number | null;
	tags: Record<string, string>;
	deadlineMs: number | null;
	attempts: number | null;
	/** a shell command */
	verify: string | null;
	/** USD */
	budgetUsd: number | null;
	unattended: boolean;
	/** in a git worktree of its own; else in `cwd` itself */
	worktree?: boolean | undefined;
	/** a shell command for a new worktree */
	setup?: string | undefined;
	/** the same key means the same task */
	key: string | null;
	/** user@host */
	createdBy: string;
}

export interface ResolvedTask {
	/** its id is the one that is wanted; it may still get a number */
	spec: TaskSpec;
	explicitId: boolean;
	/** where it gets a worktree */
	branches?: BranchesThere;
	key: { key: string; hash: string } | undefined;
}

/** What the repository held when it was looked at. */
export type BranchesThere = Pick<Found, "taken" | "isDirty">;

/** @throws DISPATCH_USAGE, DISPATCH_BAD_CWD, DISPATCH_UNKNOWN_MODEL, DISPATCH_NO_BACKEND */
export async function resolveTask(
	host: string,
	config: Config,
	request: TaskRequest,
	worktrees?: Worktrees,
): Promise<ResolvedTask> {
	checkPrompt(request.prompt);
	if (request.id !== null) checkId(request.id);
	checkNumber("priority", request.priority, PRIORITY.first, PRIORITY.last);
	if (request.attempts !== null) checkNumber("attempts", request.attempts, 1, 1_000);
	const cwd = workingDirectory(request.cwd);
	const choice = await chooseModel(config, { prompt: request.prompt, flag: request.model });
	const id =
		request.id ??
		idFromPrompt(request.prompt, undefined, [...Object.keys(config.models), ...Object.keys(config.aliases)]);
	await checkPermissions(config, choice, taskDirOf(cwd, id));
	requireCommand("verify", request.verify);
	requireCommand("setup", request.setup ?? null);
	const found = await worktreeFor(cwd, request, worktrees);
	const spec: TaskSpec = {
		id,
		prompt: request.prompt,
		cwd,
		worktree: found?.worktree ?? null,
		model: choice.model,
		backend: choice.backend,
		promptAddition: [choice.promptAddition, request.promptAddition].filter(Boolean).join("\n\n") || null,
		permissions: choice.permissions,
		modelReason: choice.reason,
		givenItems: givenItems(id, request),
		planText: request.planText,
		// A worktree has them as they were committed, if at all: the user means them as they are.
		contextFiles: request.contextFiles.map((path) => contextFile(path, found === null ? cwd : null)),
		after: neededBy(request),
		notBefore: request.delayMs === null ? null : Date.now() + request.delayMs,
		priority: request.priority,
		tags: request.tags,
		deadlineMs: request.deadlineMs ?? config.limits.deadlineMs,
		verify: request.verify,
		setup: request.setup ?? null,
		budgetUsd: request.budgetUsd ?? config.budget.taskUsd,
		attempts: request.attempts ?? config.attempts,
		unattended: request.unattended,
		host,
		createdBy: request.createdBy,
		nonce: newNonce(),
		inactivityMs: config.limits.inactivityMs,
		questionWaitMs: config.limits.questionWaitMs,
	};
	const own = { spec, explicitId: request.id !== null, key: keyOf(request, cwd) };
	return found === null ? own : { ...own, branches: found };
}

/** An empty one would pass each time. @throws DISPATCH_USAGE */
function requireCommand(name: string, command: string | null): void {
	if (command === null || command.trim() !== "") return;
	throw new DispatchError("DISPATCH_USAGE", `Expected --${name} to be a command, got an empty one.`, {
		hint: `Is a variable unset? Leave --${name} out where there is nothing to run.`,
	});
}

/** Where worktrees are made. */
export interface Worktrees {
	/** of the host */
	folder: string;
	/** repositories that were looked at, by directory: those of a batch are looked at once */
	seen: Map<string, Promise<Found>>;
}

async function worktreeFor(cwd: string, request: TaskRequest, place: Worktrees | undefined) {
	if (!request.worktree && request.setup !== undefined)
		throw new DispatchError(
			"DISPATCH_USAGE",
			"--setup needs --worktree: it makes a new worktree fit for work.",
		);
	if (!request.worktree) return null;
	if (place === undefined) throw new Error("Nobody said where worktrees are made.");
	const { inspectRepository } = await import("../workspace/repository.ts");
	const found = place.seen.get(cwd) ?? inspectRepository(cwd, place.folder, process.env);
	place.seen.set(cwd, found);
	return found;
}

/** Says no before anything is made; the worker asks its own config again. */
async function checkPermissions(config: Config, choice: Choice, taskDir: string): Promise<void> {
	const backend = config.backends[choice.backend];
	if (backend === undefined || (backend.permissions === null && choice.permissions === null)) return;
	const { permittedCommand } = await import("../backends/permitted.ts");
	permittedCommand(backend, choice.permissions, taskDir);
}

/** Each once. Whether they are there, only Redis can tell. */
function neededBy({ id, after = [] }: TaskRequest): string[] {
	const needed = [...new Set(after)];
	for (const each of needed) checkId(each, "--after");
	if (id !== null && needed.includes(id))
		throw new DispatchError("DISPATCH_USAGE", `"${id}" cannot wait for itself (--after ${id}).`);
	if (needed.length <= MAX_NEEDS) return needed;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected at most ${MAX_NEEDS} tasks to wait for, got ${needed.length}.`,
		{ hint: "Let a task between them wait for some of these, and this one for that." },
	);
}

function checkPrompt(prompt: string): void {
	const bytes = Buffer.byteLength(prompt);
	if (prompt.trim() === "") {
		throw new DispatchError("DISPATCH_USAGE", "Expected a prompt, got an empty one.", {
			hint: 'Write what shall be done, for example "Review the login code".',
		});
	}
	if (bytes > TEXT_LIMIT_BYTES) throw tooLong("The prompt", bytes);
	if (prompt.includes("\0")) {
		throw new DispatchError(
			"DISPATCH_USAGE",
			`The prompt has a NUL character at position ${prompt.indexOf("\0")}.`,
			{
				hint: "A program cannot be given such a text: remove it.",
			},
		);
	}
}

function tooLong(what: string, bytes: number): DispatchError {
	return new DispatchError(
		"DISPATCH_USAGE",
		`${what} has ${bytes} bytes; the limit is ${TEXT_LIMIT_BYTES}.`,
		{
			hint: "Put the material into a file of the project and name that file.",
		},
	);
}

function checkNumber(name: string, value: number, first: number, last: number): void {
	if (Number.isInteger(value) && value >= first && value <= last) return;
	throw new DispatchError("DISPATCH_USAGE", `Expected --${name} to be ${first}–${last}, got ${value}.`);
}

/** @returns the absolute path of a directory that an agent may work in */
function workingDirectory(given: string): string {
	const cwd = resolvePath(given);
	const refuse = (why: string, hint: string) =>
		new DispatchError("DISPATCH_BAD_CWD", `Cannot work in ${shownPath(cwd)}: ${why}.`, { hint });
	const why = whyNoDirectoryNow(cwd);
	if (why !== null) throw refuse(why, "Name an existing directory with --cwd.");
	// It is shown in many places, and an escape sequence would steer the terminal of whoever looks.
	if (/\p{Cc}/u.test(cwd)) throw refuse("its name holds control characters", "Rename the directory.");
	if (realpathSync(cwd) === parsePath(cwd).root) {
		throw refuse("it is the root of the file system", "Name the project's directory with --cwd.");
	}
	if (realpathSync(cwd) === realHome()) {
		throw refuse(
			"it is your home directory",
			"Name the project's directory with --cwd: an agent may change whatever is in it.",
		);
	}
	const files =
		[join(cwd, ".dispatch", "tasks"), join(cwd, ".dispatch"), cwd].find((path) => existsSync(path)) ?? cwd;
	try {
		accessSync(files, constants.W_OK | constants.X_OK);
	} catch {
		throw refuse(`${files} is not writable`, "The agent and dispatch talk by files in .dispatch there.");
	}
	return cwd;
}

function shownPath(path: string): string {
	return /\p{Cc}/u.test(path) ? JSON.stringify(path) : path;
}

/**
 * @param cwd null: its whole path in any case
 * @returns the path as the agent will write it
 */
function contextFile(path: string, cwd: string | null): string {
	try {
		accessSync(path, constants.R_OK);
	} catch {
		throw new DispatchError("DISPATCH_BAD_FILE", `Cannot read ${path}, which the agent shall read.`, {
			hint: "Name a file that exists and that you may read.",
		});
	}
	if (cwd === null) return path;
	const inside = relative(cwd, path);
	return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? path : inside;
}

function realHome(): string | null {
	const home = findUserHome();
	try {
		return home === null ? null : realpathSync(home);
	} catch {
		return home;
	}
}

/** The items as the plan's parser will find them again. */
function givenItems(title: string, { planText, items }: TaskRequest): string[] {
	if (planText !== null && items.length > 0)
		throw new DispatchError("DISPATCH_USAGE", "Expected a plan or items, got both.");
	if (planText === null && items.length === 0) return [];
	for (const item of items) checkItem(item);
	const text = planText ?? renderPlan(title, [...items]);
	const bytes = Buffer.byteLength(text);
	if (bytes > TEXT_LIMIT_BYTES) throw tooLong("The plan", bytes);
	const plan = parsePlan(text);
	if (hasMoreItems(plan))
		throw new DispatchError("DISPATCH_USAGE", `Expected a plan of at most ${MAX_ITEMS} items, got more.`, {
			hint: "Split the work into several tasks.",
		});
	const found = plan.items.map((item) => item.text);
	if (planText === null ? found.length === items.length : found.length > 0) return found;
	throw new DispatchError("DISPATCH_USAGE", "The plan has no items.", {
		hint: "An item of a plan is a line like `- [ ] Read the login code`.",
	});
}

/** `renderPlan` would join its lines. */
function checkItem(item: string): void {
	if (item.trim() !== "" && !/[\r\n]/.test(item)) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected each item to be one line of text, got ${JSON.stringify(cutText(item, ITEM_SHOWN))}.`,
		{ hint: "Give each item with an --item of its own, or the whole checklist with --plan." },
	);
}

/** The same content gives the same hash, whenever and by whomever it is asked. */
function keyOf(request: TaskRequest, cwd: string): { key: string; hash: string } | undefined {
	const { key, createdBy: _by, tags, after = [], ...said } = request;
	if (key === null) return undefined;
	// Left out where it says nothing: keys of an earlier version are of the same content.
	const content = after.length === 0 ? said : { ...said, after: [...new Set(after)].sort() };
	const sorted = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
	const text = JSON.stringify(
		{ ...content, cwd, tags: sorted },
		[...Object.keys(content), "cwd", "tags"].sort(),
	);
	return { key, hash: createHash("sha256").update(text).digest("hex") };
}
