/** A batch file: many tasks in YAML or JSON. Every fault is reported with its line; nothing is half accepted. */
import { dirname, resolve } from "node:path";
import type { FilledTemplate } from "../config/templates.ts";
import type { OnFailure } from "../task/batch.ts";
import { parseDuration } from "../task/duration.ts";
import { checkId } from "../task/id.ts";
import { fillTask, hasPlace } from "./batch/fill.ts";
import { hashOf, idsFor } from "./batch/ids.ts";
import { groupsOf } from "./batch/items.ts";
import { leftPlaces } from "./batch/left-places.ts";
import { inOrderOfNeeds, likeNeed, type Needing } from "./batch/needs.ts";
import { EITHER, Placed, withDefaults } from "./batch/placed.ts";
import { readBatch } from "./batch/read.ts";
import { PRIORITY, type TaskRequest } from "./resolve.ts";

/** The tag that a batch's name becomes. */
const NAME_TAG = "batch";
const KEY_HASH_CHARS = 32;

export interface BatchOptions {
	/** absolute path of the file: relative paths in it begin at its directory */
	file: string;
	/** each task's key is `<key>/<its id or place>` */
	key: string | null;
	/** where a task does not say it itself */
	unattended: boolean;
	createdBy: string;
	readText(path: string): string;
	/** @throws DispatchError */
	fillTemplate(name: string, project: string, values: Record<string, string>): FilledTemplate;
}

export interface BatchEntry {
	request: TaskRequest;
	/** what it waits for beside the tasks of the file: ids, and where each stands */
	outside: ReadonlyMap<string, string>;
	/** file, line, column and key, for what is found wrong later. @param key null: of the task as a whole */
	at(key: string | null): string;
}

export interface Batch {
	name: string | null;
	/** 0: no limit */
	maxParallel: number;
	/** what the failure of one means for the others */
	onFailure: OnFailure;
	/** USD that all of them together may cost; null: no limit */
	budgetUsd: number | null;
	entries: BatchEntry[];
	/** a line for each `foreach` that found nothing */
	nothing: string[];
	/** a line for each place of the file where something else was likely meant */
	doubts: string[];
	/** Of an id that is neither in the file nor known: what was likely meant, as a hint; null: nobody knows. */
	meant(id: string): string | null;
}

/** Nobody means more: it costs a start each. */
const MAX_TASKS = 10_000;
/** Characters, of all texts together. */
const MAX_TEXT = 128 * 1024 * 1024;

/** @throws DISPATCH_USAGE naming file, line, column and key */
export async function parseBatch(text: string, options: BatchOptions): Promise<Batch> {
	const batch = readBatch(text, options.file);
	const tasks: Placed[] = [];
	const nothing: string[] = [];
	const doubts = new Set<string>();
	let size = 0;
	for (const [n, task] of batch.tasks.entries()) {
		const placed = new Placed(batch, n, withDefaults(batch, task));
		for (const doubt of leftPlaces(placed)) doubts.add(doubt);
		for (const each of await eachOf(placed, dirname(options.file), nothing)) {
			tasks.push(each);
			size += sizeOf(Object.values({ ...each.task, foreach: null }));
			if (tasks.length > MAX_TASKS) throw placed.refuse("foreach", `makes more than ${MAX_TASKS} tasks`);
			if (size > MAX_TEXT)
				throw placed.refuse("prompt", `all texts together have more than ${MAX_TEXT} characters`);
		}
	}
	checkIds(tasks);
	const keys = new Map<string, number>();
	const keyed = new Map(tasks.map((placed) => [placed, keyOf(placed, options.key, keys)]));
	const entries = inOrderOfNeeds(tasks).map((needing) => {
		const { placed } = needing;
		const key = keyed.get(placed) ?? null;
		return {
			request: { ...requestOf(placed, key, batch.name ?? null, options), after: afterOf(needing) },
			outside: new Map([...needing.outside].map(([id, n]) => [id, placed.placeOf("needs", [n])])),
			at: (name: string | null) => placed.placeOf(name),
		};
	});
	const meant = (id: string) => likeNeed(id, tasks);
	const { name = null, max_parallel: maxParallel = 0, on_failure: onFailure = "skip_dependents" } = batch;
	return {
		name,
		maxParallel,
		onFailure,
		budgetUsd: batch.budget ?? null,
		entries,
		nothing,
		doubts: [...doubts],
		meant,
	};
}

/** Characters of all texts in it. */
function sizeOf(values: readonly unknown[]): number {
	const sizes = values.map((value) => {
		if (typeof value === "string") return value.length;
		return typeof value === "object" && value !== null ? sizeOf(Object.values(value)) : 0;
	});
	return sizes.reduce((sum, size) => sum + size, 0);
}

/** The task itself, or one for each group of its `foreach`. */
async function eachOf(placed: Placed, base: string, nothing: string[]): Promise<Placed[]> {
	const { foreach, ...task } = placed.task;
	if (foreach === undefined) return [placed];
	const directory = resolve(base, hasPlace(task.cwd) ? "." : (task.cwd ?? "."));
	const { groups, none } = await groupsOf(foreach, directory, (why, below) =>
		placed.refuse("foreach", why, below),
	);
	if (groups.length === 0) nothing.push(`${placed.placeOf("foreach")}: ${none}.`);
	for (const key of ["id", "key"] as const)
		if (groups.length > 1 && task[key] !== undefined && !hasPlace(task[key]))
			throw placed.refuse(
				key,
				`would be "${task[key]}" for all ${groups.length}: put {{item}} or {{index}} into it`,
			);
	const ids = task.id === undefined ? [] : idsFor(task.id, groups, (why) => placed.refuse("id", why));
	return groups.map((group, n) => {
		const named = placed.filledFor(group, placed.task);
		const filled = fillTask(task, group, base, (key, why) => named.refuse(key, why));
		const id = ids[n];
		return placed.filledFor(group, { ...filled, foreach, ...(id === undefined ? {} : { id }) });
	});
}

function checkIds(tasks: readonly Placed[]): void {
	const seen = new Map<string, Placed>();
	for (const placed of tasks) {
		const { id } = placed.task;
		if (id === undefined) continue;
		const earlier = seen.get(id);
		if (earlier !== undefined)
			throw placed.refuseOrigin(`"${id}" is the id of the task in line ${earlier.line}, too`);
		seen.set(id, placed);
		placed.at("id", () => checkId(id, "an id"));
	}
}

/** The same for the same task of the same file, whatever else a `foreach` finds. */
function keyOf({ task, n, group }: Placed, key: string | null, used: Map<string, number>): string | null {
	if (task.key !== undefined || key === null) return task.key ?? null;
	if (task.id !== undefined || group === null) return `${key}/${task.id ?? n + 1}`;
	const made = `${key}/${n + 1}/${hashOf(group, KEY_HASH_CHARS)}`;
	const times = (used.get(made) ?? 0) + 1;
	used.set(made, times);
	return times === 1 ? made : `${made}/${times}`;
}

function requestOf(
	placed: Placed,
	key: string | null,
	name: string | null,
	options: BatchOptions,
): TaskRequest {
	const base = dirname(options.file);
	const { task } = placed;
	for (const [one, other] of EITHER)
		if (one in task && other in task)
			throw placed.refuse(other, `a task has \`${one}\` or \`${other}\`, not both`);
	const cwd = resolve(base, task.cwd ?? ".");
	const template = placed.at("template", () =>
		task.template === undefined ? null : options.fillTemplate(task.template, cwd, task.vars ?? {}),
	);
	if (placed.owns("vars") && template === null) throw placed.refuse("vars", "needs `template`");
	const prompt = promptOf(placed, base, options) ?? template?.prompt ?? null;
	if (prompt === null) throw placed.refuse("prompt", "a task needs one, or a template that has one");
	const durationOf = (key: "deadline" | "delay") => {
		const text = task[key];
		return text === undefined ? null : placed.at(key, () => parseDuration(text, key));
	};
	return {
		prompt,
		promptAddition: template?.addition ?? null,
		contextFiles: (task.context ?? []).map((path) => resolve(base, path)),
		delayMs: durationOf("delay"),
		id: task.id ?? null,
		model: task.model ?? null,
		planText: planOf(placed, base, options) ?? (task.items === undefined ? (template?.plan ?? null) : null),
		items: task.items ?? [],
		cwd,
		priority: task.priority ?? PRIORITY.usual,
		tags: { ...(name === null ? {} : { [NAME_TAG]: name }), ...task.tags },
		deadlineMs: durationOf("deadline"),
		attempts: task.attempts ?? null,
		budgetUsd: task.budget ?? null,
		verify: task.verify ?? null,
		worktree: task.worktree || undefined,
		setup: task.setup,
		unattended: task.unattended ?? options.unattended,
		key,
		createdBy: options.createdBy,
	};
}

function afterOf({ placed, after, outside }: Needing): string[] {
	for (const id of outside.keys()) placed.at("needs", () => checkId(id, "an id"));
	return after;
}

function promptOf(placed: Placed, base: string, { readText }: BatchOptions): string | null {
	const { prompt, prompt_file: file } = placed.task;
	return file === undefined
		? (prompt ?? null)
		: placed.at("prompt_file", () => readText(resolve(base, file)));
}

/** A plan of several lines is the plan itself, one line names its file. */
function planOf(placed: Placed, base: string, { readText }: BatchOptions): string | null {
	const { plan } = placed.task;
	if (plan === undefined || plan.includes("\n")) return plan ?? null;
	return placed.at("plan", () => readText(resolve(base, plan)));
}
