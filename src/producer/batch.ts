/** A batch file: many tasks in YAML or JSON. Every fault is reported with its line; nothing is half accepted. */
import { dirname, resolve } from "node:path";
import { type Document, isMap, isNode, LineCounter, parseDocument } from "yaml";
import * as z from "zod";
import type { FilledTemplate } from "../config/templates.ts";
import { keepSpelling } from "../config/yaml-text.ts";
import { parseDuration } from "../task/duration.ts";
import { DispatchError } from "../task/errors.ts";
import { checkId } from "../task/id.ts";
import { PRIORITY, type TaskRequest } from "./resolve.ts";

const texts = z.record(z.string(), z.string());
const NUMBERS: ReadonlySet<string> = new Set(["priority", "attempts", "budget"]);

const taskSchema = z.strictObject({
	prompt: z
		.string()
		.refine((text) => text.trim() !== "", "must not be empty")
		.optional(),
	id: z.string().optional(),
	model: z.string().min(1).optional(),
	plan: z.string().min(1).optional(),
	template: z.string().min(1).optional(),
	vars: texts.optional(),
	context: z.array(z.string().min(1)).optional(),
	delay: z.string().optional(),
	items: z.array(z.string().min(1)).min(1).optional(),
	cwd: z.string().min(1).optional(),
	priority: z.int().min(PRIORITY.first).max(PRIORITY.last).optional(),
	tags: texts.optional(),
	deadline: z.string().optional(),
	attempts: z.int().min(1).max(1_000).optional(),
	budget: z.number().positive().optional(),
	verify: z.string().min(1).optional(),
});

/** What a task of a batch file may have; docs/BATCHES.md lists the same. */
export const BATCH_KEYS: readonly string[] = Object.keys(taskSchema.shape);

const tasksSchema = z.array(taskSchema).min(1, "there are no tasks");
const fileSchema = z.strictObject({ tasks: tasksSchema });

export interface BatchOptions {
	/** absolute path of the file: relative paths in it begin at its directory */
	file: string;
	/** each task's key is `<key>/<its id or place>` */
	key: string | null;
	unattended: boolean;
	createdBy: string;
	readPlan(path: string): string;
	/** @throws DispatchError */
	fillTemplate(name: string, project: string, values: Record<string, string>): FilledTemplate;
}

export interface BatchEntry {
	request: TaskRequest;
	/** file and line, for what is found wrong later */
	at: string;
}

/** @throws DISPATCH_USAGE naming file, line and key */
export function parseBatch(text: string, options: BatchOptions): BatchEntry[] {
	const place = readTasks(text, options.file);
	checkIds(place);
	return place.tasks.map((task, index) => ({
		request: requestOf(task, index, place, options),
		at: `${options.file}:${place.lineOf([index])}`,
	}));
}

type BatchTask = z.infer<typeof taskSchema>;

interface Place {
	tasks: BatchTask[];
	lineOf(path: readonly PropertyKey[]): number;
	refuse(path: readonly PropertyKey[], why: string): DispatchError;
}

function readTasks(text: string, file: string): Place {
	const lines = new LineCounter();
	const refuse = (offset: number | undefined, path: readonly PropertyKey[], why: string) => {
		const { line, col } = lines.linePos(offset ?? 0);
		const name = path.length === 0 ? "" : ` ${shownPath(path)}:`;
		return new DispatchError("DISPATCH_USAGE", `${file}:${line}:${col}:${name} ${why}.`, {
			hint: "Nothing was enqueued.",
		});
	};
	const { document, value } = readYaml(text, lines, (offset, why) => refuse(offset, [], why));
	const bare = Array.isArray(value);
	if (value === null) throw refuse(0, [], "the file is empty, expected a list of tasks");
	const checked = bare ? tasksSchema.safeParse(value) : fileSchema.safeParse(value);
	if (!checked.success) {
		const [issue] = checked.error.issues;
		const path =
			issue?.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : (issue?.path ?? []);
		const why =
			issue?.code === "unrecognized_keys"
				? "is not a key that dispatch knows"
				: (issue?.message ?? "is wrong");
		throw refuse(offsetOf(document, path), path, lowerFirst(why));
	}
	const tasks = Array.isArray(checked.data) ? checked.data : checked.data.tasks;
	const whole = (path: readonly PropertyKey[]) => (bare ? path : ["tasks", ...path]);
	return {
		tasks,
		lineOf: (path) => lines.linePos(offsetOf(document, whole(path)) ?? 0).line,
		refuse: (path, why) => refuse(offsetOf(document, whole(path)), whole(path), why),
	};
}

/** Bounded: aliases that multiply, and nesting that no stack holds, are refused as any other fault. */
function readYaml(
	text: string,
	lineCounter: LineCounter,
	refuse: (offset: number | undefined, why: string) => DispatchError,
): { document: Document; value: unknown } {
	try {
		const document = parseDocument(text, { lineCounter, prettyErrors: false });
		const [fault] = document.errors;
		if (fault !== undefined) throw refuse(fault.pos[0], fault.message.replace(/\.$/, ""));
		keepSpelling(document, NUMBERS);
		return { document, value: document.toJS() };
	} catch (error) {
		if (error instanceof ReferenceError) throw refuse(undefined, "too many aliases (`*name`) to be expanded");
		if (error instanceof RangeError) throw refuse(undefined, "nested too deeply to be read");
		throw error;
	}
}

/** Where the value stands; for a missing one, where its nearest parent does. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
	for (let length = path.length; length >= 0; length--) {
		const steps = path.slice(0, length).map((step) => (typeof step === "symbol" ? String(step) : step));
		const parent: unknown = length === 0 ? undefined : document.getIn(steps.slice(0, -1), true);
		const pair = isMap(parent)
			? parent.items.find((item) => isNode(item.key) && String(item.key) === String(steps.at(-1)))
			: undefined;
		if (pair !== undefined && isNode(pair.key)) return pair.key.range?.[0];
		const node: unknown = length === 0 ? document.contents : document.getIn(steps, true);
		if (isNode(node)) return node.range?.[0];
	}
	return undefined;
}

function shownPath(path: readonly PropertyKey[]): string {
	return path
		.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i === 0 ? "" : "."}${String(step)}`))
		.join("");
}

function lowerFirst(text: string): string {
	return text.charAt(0).toLowerCase() + text.slice(1);
}

function checkIds({ tasks, refuse }: Place): void {
	const seen = new Set<string>();
	for (const [index, { id }] of tasks.entries()) {
		if (id === undefined) continue;
		if (seen.has(id)) throw refuse([index, "id"], `"${id}" is the id of an earlier task`);
		seen.add(id);
		placed(
			() => checkId(id),
			() => [index, "id"],
			refuse,
		);
	}
}

function requestOf(task: BatchTask, index: number, { refuse }: Place, options: BatchOptions): TaskRequest {
	const base = dirname(options.file);
	if (task.plan !== undefined && task.items !== undefined)
		throw refuse([index, "items"], "a task has a plan or items, not both");
	const cwd = resolve(base, task.cwd ?? ".");
	const at = <T>(key: string, work: () => T): T => placed(work, () => [index, key], refuse);
	const template = at("template", () =>
		task.template === undefined ? null : options.fillTemplate(task.template, cwd, task.vars ?? {}),
	);
	const prompt = task.prompt ?? template?.prompt ?? null;
	if (prompt === null) throw refuse([index, "prompt"], "a task needs one, or a template that has one");
	const durationOf = (key: "deadline" | "delay") => {
		const text = task[key];
		return text === undefined ? null : at(key, () => parseDuration(text, key));
	};
	const { plan } = task;
	return {
		prompt,
		promptAddition: template?.addition ?? null,
		contextFiles: (task.context ?? []).map((path) => resolve(base, path)),
		delayMs: durationOf("delay"),
		id: task.id ?? null,
		model: task.model ?? null,
		planText:
			plan === undefined
				? task.items === undefined
					? (template?.plan ?? null)
					: null
				: at("plan", () => planOf(plan, base, options)),
		items: task.items ?? [],
		cwd,
		priority: task.priority ?? PRIORITY.usual,
		tags: task.tags ?? {},
		deadlineMs: durationOf("deadline"),
		attempts: task.attempts ?? null,
		budgetUsd: task.budget ?? null,
		verify: task.verify ?? null,
		unattended: options.unattended,
		key: options.key === null ? null : `${options.key}/${task.id ?? index + 1}`,
		createdBy: options.createdBy,
	};
}

/** A plan of several lines is the plan itself, one line names its file. */
function planOf(plan: string, base: string, options: BatchOptions): string {
	return plan.includes("\n") ? plan : options.readPlan(resolve(base, plan));
}

/** A refusal of one value, with the place of that value. */
function placed<T>(work: () => T, path: () => PropertyKey[], refuse: Place["refuse"]): T {
	try {
		return work();
	} catch (error) {
		if (error instanceof DispatchError) throw refuse(path(), error.message.replace(/\.$/, ""));
		throw error;
	}
}
