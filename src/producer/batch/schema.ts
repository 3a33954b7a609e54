/** The form of a batch file: what its keys may hold. The table in docs/BATCHES.md and the JSON Schema are made of it. */
import * as z from "zod";
import { expectation } from "../../config/expectation.ts";
import { ON_FAILURE } from "../../task/batch.ts";
import { similar } from "../../task/similar.ts";
import { MOST_USD } from "../../task/spec.ts";
import { PRIORITY } from "../resolve.ts";

const word = z.string().min(1);
const words = z.array(word).min(1);
const texts = z.record(z.string(), z.string());
const usd = z.number("Expected a number of USD").positive().max(MOST_USD);
const someWords = z.union([word, words]);

const foreachSchema = z
	.strictObject({
		list: z.array(word).optional().describe("a list of texts; `foreach: [a, b]` is the same"),
		glob: someWords
			.optional()
			.describe('files by a pattern or several; `foreach: "src/**/*.ts"` is the same'),
		changed: word.optional().describe("the files that are not as they were at this commit, branch or tag"),
		include: someWords.optional().describe("of these only what matches one of the patterns"),
		exclude: someWords.optional().describe("without what matches one of the patterns"),
		chunk: z.int().min(1).max(1_000).optional().describe("a task for each so many, instead of for each one"),
	})
	.superRefine((value, context) => {
		const refuse = (message: string, ...path: string[]) =>
			context.addIssue({ code: "custom", message, path });
		const ways = (["list", "glob", "changed"] as const).filter((key) => value[key] !== undefined);
		if (ways.length !== 1) refuse(`expected one of \`list\`, \`glob\` and \`changed\`, got ${ways.length}`);
		if (value.include !== undefined && value.changed === undefined) refuse("needs `changed`", "include");
		if (value.exclude !== undefined && value.list !== undefined) refuse("a list has no patterns", "exclude");
	});

const prompt = z.string().refine((text) => text.trim() !== "", "must not be empty");

/** The keys of a task, in the order of the table. */
const keys = {
	prompt: prompt.optional().describe("what shall be done"),
	prompt_file: word.optional().describe("a file that holds the prompt"),
	id: z.string().optional().describe("the task's name; unique in the file"),
	foreach: z
		.union([word, z.array(word), foreachSchema])
		.optional()
		.describe(
			"[a task for each](#a-task-for-each) of a list, of the files of a glob, or of those that changed",
		),
	needs: words
		.optional()
		.describe("ids of tasks that [must have completed before it starts](#one-after-the-other)"),
	model: word.optional().describe("a model, an alias or a backend"),
	items: words.optional().describe("a list: the items of the checklist"),
	plan: word.optional().describe("a file with the checklist; of several lines, the checklist itself"),
	template: word.optional().describe("a template: a checklist and words for the prompt"),
	vars: texts.optional().describe("the template's values, `{ path: src/auth }`"),
	context: z.array(word).optional().describe("a list of files that the agent reads first"),
	cwd: word.optional().describe("the directory to work in"),
	priority: z
		.int()
		.min(PRIORITY.first)
		.max(PRIORITY.last)
		.optional()
		.describe("1 first … 1000 last; 100 when not given"),
	tags: texts.optional().describe("labels, `{ team: platform }`"),
	delay: z.string().optional().describe("do not start it before, `2h`"),
	deadline: z.string().optional().describe("fail it after so much work, `20m`"),
	attempts: z.int().min(1).max(1_000).optional().describe("start it at most so often"),
	verify: word.optional().describe("a command that must succeed before it counts as done"),
	worktree: z
		.boolean()
		.optional()
		.describe("`true`: in a [git worktree](WORKTREES.md) of its own, on the branch `dispatch/<id>`"),
	setup: word
		.optional()
		.describe("with `worktree`: a command that runs in it before the first start, `npm ci`"),
	budget: usd.optional().describe("USD that it may cost"),
	unattended: z
		.boolean()
		.optional()
		.describe("`true`: nobody can answer, a question fails it; `false`: somebody can, also in CI"),
	key: word
		.optional()
		.describe("the same key gives the same task; instead of the one that `batch --key` makes"),
};

const taskSchema = z.strictObject(keys).meta({ id: "task" });
const tasksSchema = z.array(taskSchema).min(1, "there are no tasks");

/** Of one task alone. */
const OWN = { id: true, key: true, foreach: true, needs: true } as const;

const fileSchema = z.strictObject({
	name: word.optional().describe("the batch's name: each task gets the tag `batch` with it"),
	max_parallel: z
		.int()
		.min(1)
		.max(1_000)
		.optional()
		.describe("so many of its tasks [work at once](#beside-other-work), on all hosts together"),
	on_failure: z
		.enum(ON_FAILURE)
		.optional()
		.describe("what one failure means [for the others](#when-one-fails); `skip_dependents` when not given"),
	budget: usd.optional().describe("USD that [all of it together](#what-it-may-cost) may cost"),
	defaults: taskSchema
		.omit(OWN)
		.optional()
		.describe("keys for every task that does not have them; `tags` and `vars` are joined"),
	tasks: tasksSchema.describe("the tasks"),
});

export type BatchTask = z.infer<typeof taskSchema>;
export type BatchFile = z.infer<typeof fileSchema>;

/** What a task of a batch file may have. */
export const BATCH_KEYS: readonly string[] = Object.keys(keys);

/** Options of `enqueue` whose key has another name; those with a name alike are found by it. */
const KEY_OF_OPTION: ReadonlyMap<string, string> = new Map([["after", "needs"]]);

/** Of what is checked, in the words of the file: the first thing that is wrong, or the file. */
export type Checked =
	| { kind: "good"; file: BatchFile; isBare: boolean }
	| { kind: "wrong"; path: PropertyKey[]; why: string };

/** @param value what the file holds: a list of tasks, or a mapping with one */
export function checkBatch(value: unknown): Checked {
	const isBare = Array.isArray(value);
	const read = fileSchema.safeParse(isBare ? { tasks: value } : value, { error: expectation });
	if (read.success) return { kind: "good", file: read.data, isBare };
	// A key that is missing beside one that nobody knows is that one, misspelled.
	const first =
		read.error.issues.find((issue) => isMisspelled(issue, read.error.issues)) ?? read.error.issues[0];
	const issue = first && meant(first);
	const path = issue?.path.slice(isBare ? 1 : 0) ?? [];
	if (issue?.code === "unrecognized_keys") {
		const key = issue.keys[0] ?? "";
		const known = keysAt(issue.path);
		const option = KEY_OF_OPTION.get(key) ?? "";
		const near = known.includes(option) ? option : similar(key, known);
		const hint = near === null ? "" : `: did you mean \`${near}\`?`;
		return { kind: "wrong", path: [...path, key], why: `is not a key that dispatch knows${hint}` };
	}
	return { kind: "wrong", path, why: issue?.message ?? "is wrong" };
}

function isMisspelled({ code, path }: z.core.$ZodIssue, all: readonly z.core.$ZodIssue[]): boolean {
	return (
		code === "unrecognized_keys" &&
		all.some(
			(other) => other.path.length === path.length + 1 && path.every((step, n) => other.path[n] === step),
		)
	);
}

/** Those that may stand in a place of the file. */
function keysAt(path: readonly PropertyKey[]): string[] {
	if (path.length === 0) return Object.keys(fileSchema.shape);
	return path.at(-1) === "foreach" ? Object.keys(foreachSchema.shape) : [...BATCH_KEYS];
}

/** Of several forms that do not fit, what is wrong within the one that was meant. */
function meant(issue: z.core.$ZodIssue): z.core.$ZodIssue {
	if (issue.code !== "invalid_union") return issue;
	const inner = issue.errors.map(([first]) => first).find((first) => first && !isOtherForm(first));
	return inner === undefined
		? { ...issue, message: "expected a text, a list or a mapping" }
		: meant({ ...inner, path: [...issue.path, ...inner.path] });
}

function isOtherForm({ code, path }: z.core.$ZodIssue): boolean {
	return code === "invalid_type" && path.length === 0;
}

/** Keys of a task whose values are no texts. */
const PLAIN: ReadonlySet<string> = new Set(["priority", "attempts", "budget", "unattended", "worktree"]);

/** @param names the keys above a value, from the outermost to its own. @returns whether a number there is meant as one */
export function isPlainValue(names: readonly string[]): boolean {
	if (names.length === 1 && (names[0] === "max_parallel" || names[0] === "budget")) return true;
	const inTask = names[0] === "tasks" || names[0] === "defaults" ? names.slice(1) : names;
	return inTask.length === 1 ? PLAIN.has(inTask[0] ?? "") : inTask.join("/") === "foreach/chunk";
}

/** A JSON Schema of batch files, for editors. A text may be written as a number or a switch: it keeps its spelling. */
export function batchJsonSchema(): object {
	return {
		...z.toJSONSchema(z.union([fileSchema, tasksSchema]), {
			io: "input",
			override: ({ jsonSchema }) => {
				if (jsonSchema.type === "string" && jsonSchema.enum === undefined)
					Object.assign(jsonSchema, { type: ["string", "number", "boolean"] });
				// Names of keys are texts in any case.
				if (typeof jsonSchema.propertyNames === "object") delete jsonSchema.propertyNames;
			},
		}),
		title: "A batch file of dispatch",
	};
}

/** Each key and what it means, in the order of the table. */
export function describedKeys(of: "file" | "task" | "foreach"): [key: string, means: string][] {
	const { shape } = { file: fileSchema, task: taskSchema, foreach: foreachSchema }[of];
	return Object.entries(shape).map(([key, schema]) => [key, (schema as z.ZodType).description ?? ""]);
}
