/** The zod schemas of what `dispatch … --json` prints: `import { JSON_SCHEMAS } from "@dispatch-agents/dispatch/schemas"`. */
import * as z from "zod";
import type { HostView } from "../../actions/hosts.ts";
import { TARGET_TYPES } from "../../notify/targets/index.ts";
import { ON_FAILURE } from "../../task/batch.ts";
import type { DamagedView } from "../../task/damaged.ts";
import { HOST_STATES } from "../../task/host.ts";
import { STATES } from "../../task/states.ts";
import { errorViewSchema, openQuestionSchema, taskViewSchema } from "../../task/view-schema.ts";

export { errorViewSchema, openQuestionSchema, taskViewSchema };

const text = z.string();
const time = z.iso.datetime();
const state = z.enum(STATES);
const changed = z.strictObject({ path: text, changed: z.boolean() });
/** Lists leave the prompt out. */
export const listedTaskSchema = taskViewSchema.omit({ prompt: true });
/** In a list: what is there and cannot be read. */
const damagedSchema = z.strictObject({
	schema: z.literal(1),
	namespace: text,
	id: text,
	state: z.literal("damaged"),
	damage: text,
}) satisfies z.ZodType<DamagedView>;
const tasks = z.array(taskViewSchema);

const logLine = z.strictObject({ epoch: z.int(), at: time.nullable(), text });
const event = z.looseObject({ id: text, task: text, kind: text, at: time });

const template = z.strictObject({
	name: text,
	source: text,
	description: text,
	prompt: text.nullable(),
	addition: text.nullable(),
	variables: z.record(text, text.nullable()),
	plan: text,
});

const finding = z.strictObject({
	area: z.enum(["redis", "config", "backend", "worker", "notifications", "hosts", "machine"]),
	level: z.enum(["ok", "warn", "broken"]),
	text,
	fix: text.nullable(),
	fixed: z.literal(true).optional(),
});

/** Workers of this user for other addresses. */
const otherWorkers = z.array(z.strictObject({ pid: z.int(), redis: text.nullable(), path: text }));

const summary = z.strictObject({
	namespace: text,
	host: text,
	worker: z.strictObject({ pid: z.int(), draining: z.boolean() }).nullable(),
	otherWorkers,
	counts: z.partialRecord(state, z.int()),
	/** how many of the cancelled ones were not started because of what they need */
	skipped: z.int(),
	questions: z.array(openQuestionSchema),
	open: z.array(listedTaskSchema),
	damaged: z.array(damagedSchema),
	leftAgents: z.array(z.strictObject({ task: text, start: z.int(), why: text })),
});

const host = z.strictObject({
	host: text,
	here: z.boolean(),
	state: z.enum(HOST_STATES),
	since: time.nullable(),
	drained: z.strictObject({ by: text, at: time }).nullable(),
	draining: z.boolean(),
	home: text.nullable(),
	pid: z.int().nullable(),
	places: z.strictObject({ used: z.int(), all: z.int() }).nullable(),
	maxAgents: z.int().nullable(),
	liveAgents: z.int(),
	backends: z
		.array(
			z.strictObject({ name: text, type: text, found: z.boolean().nullable(), version: text.nullable() }),
		)
		.nullable(),
	holds: z.array(
		z.strictObject({
			backend: text,
			model: text.nullable(),
			kind: text,
			until: time.nullable(),
			message: text,
		}),
	),
	clockOffsetMs: z.int().nullable(),
	version: text.nullable(),
	openTasks: z.int(),
	damage: z.array(text),
}) satisfies z.ZodType<HostView>;

const setting = z.strictObject({ value: z.union([text, z.number(), z.boolean()]).nullable(), from: text });

/** In the list of a command that acts on several tasks: one to which nothing was done, and why. */
const notDone = errorViewSchema.extend({ id: text });
const answered = z.strictObject({
	...{ task: text, seq: text, question: text, answer: text, state, was: state },
	/** why its agent does not get it yet; null: nothing is known to be in the way */
	kept: text.nullable(),
});
const noted = z.strictObject({ task: text, state, text });

/** Of a damaged one only what is known without its record. */
const batchSchema = z.strictObject({
	schema: z.literal(1),
	namespace: text,
	id: text,
	/** of the tasks that it still has */
	counts: z.partialRecord(state, z.int()),
	/** as in `status` */
	skipped: z.int(),
	damagedTasks: z.int(),
	damage: text.optional(),
	name: text.nullable().optional(),
	key: text.nullable().optional(),
	file: text.optional(),
	createdBy: text.optional(),
	createdAt: time.optional(),
	host: text.optional(),
	/** how many of its tasks may work at once; 0: no limit */
	maxParallel: z.int().optional(),
	/** what the failure of one means for the others */
	onFailure: z.enum(ON_FAILURE).optional(),
	/** USD that they may cost together; null: no limit */
	budgetUsd: z.number().nullable().optional(),
	/** USD that they have cost; null: nothing was told */
	spentUsd: z.number().nullable().optional(),
	/** how many were put in */
	size: z.int().optional(),
});

const planned = z.looseObject({
	dryRun: z.literal(true),
	/** null: Redis could not be reached */
	would: z.enum(["dispatch", "find", "restart"]).nullable(),
	id: text,
	prompt: text,
	givenItems: z.array(text),
});

/** By command; of those that print a line per event (`watch`, `logs -f`) each line is one. */
export const JSON_SCHEMAS = {
	enqueue: taskViewSchema,
	"enqueue --dry-run": planned,
	run: taskViewSchema,
	batch: tasks,
	"batch ls": z.array(batchSchema),
	"batch status": batchSchema.extend({ tasks: z.array(z.union([listedTaskSchema, damagedSchema])) }),
	"batch wait": tasks,
	"batch cancel": z.array(z.union([taskViewSchema, damagedSchema, notDone])),
	"batch retry": z.array(z.union([taskViewSchema, notDone])),
	"batch --dry-run": z.array(planned),
	"batch --schema": z.looseObject({ $schema: text }),
	ls: z.array(z.union([listedTaskSchema, damagedSchema])),
	status: z.union([taskViewSchema, summary]),
	templates: z.union([z.array(template), template]),
	"templates copy": z.strictObject({ name: text, path: text }),
	questions: z.array(openQuestionSchema),
	inbox: z.array(openQuestionSchema),
	watch: z.union([listedTaskSchema, damagedSchema]),
	logs: z.union([z.array(z.union([logLine, event])), logLine, event]),
	output: z.strictObject({ task: text, report: text }),
	apply: z.strictObject({
		task: text,
		branch: text.nullable(),
		as: z.enum(["merge", "squash", "patch"]),
		isNew: z.boolean(),
		commit: text.nullable(),
		changes: z.strictObject({ files: z.int(), insertions: z.int(), deletions: z.int(), commit: text }),
	}),
	diff: z.strictObject({
		task: text,
		branch: text.nullable(),
		base: text,
		files: z.array(
			z.strictObject({ path: text, insertions: z.int().nullable(), deletions: z.int().nullable() }),
		),
	}),
	wait: z.union([taskViewSchema, tasks]),
	answer: z.union([answered, z.array(z.union([answered, notDone]))]),
	note: z.union([noted, z.array(z.union([noted, notDone]))]),
	cancel: z.array(z.union([taskViewSchema, damagedSchema, notDone])),
	retry: z.union([taskViewSchema, z.array(z.union([taskViewSchema, notDone]))]),
	rm: z.array(z.union([text, notDone])),
	prune: z.strictObject({
		/** with `dryRun` those that would be */
		removed: z.array(text),
		dryRun: z.boolean(),
		/** as old, and left alone: what has not ended needs them */
		kept: z.array(z.strictObject({ id: text, neededBy: z.array(text) })).optional(),
		notRemoved: z.array(notDone).optional(),
		/** Redis went in the middle of it */
		error: errorViewSchema.shape.error.optional(),
		notKnown: z.array(text).optional(),
	}),
	up: z.strictObject({
		pid: z.int(),
		started: z.boolean(),
		redis: text,
		host: text,
		namespace: text,
		web: text.nullable(),
	}),
	down: z.strictObject({
		stopped: z.boolean(),
		redisStopped: z.boolean(),
		webStopped: z.boolean(),
		agents: z.int(),
		otherWorkers,
	}),
	hosts: z.array(host),
	"hosts drain": host,
	"hosts rm": z.strictObject({ host: text }),
	"hosts resume": host,
	"service install": z.union([z.strictObject({ unit: text }), z.strictObject({ path: text })]),
	web: z.strictObject({ url: text }),
	ask: z.strictObject({ answer: text }),
	doctor: z.strictObject({ ok: z.boolean(), findings: z.array(finding) }),
	notify: z.array(
		z.strictObject({
			target: text,
			type: z.enum(TARGET_TYPES),
			delivered: z.boolean(),
			why: text.nullable(),
		}),
	),
	"skill install": changed,
	"skill uninstall": z.strictObject({ path: text, removed: z.boolean() }),
	"skill show": z.strictObject({ skill: text }),
	"config init": z.strictObject({ path: text, written: z.boolean() }),
	"config path": z.strictObject({ path: text, exists: z.boolean() }),
	"config show": z.strictObject({
		path: text,
		exists: z.boolean(),
		older: z.boolean(),
		settings: z.record(text, setting),
	}),
	"config set-default": changed,
	"config add-model": changed,
	"config remove-model": changed,
	"config add-backend": changed,
	"config remove-backend": changed,
	"config add-alias": changed,
	"config remove-alias": changed,
	"config edit": changed,
	"config migrate": changed.extend({ kept: text.optional() }),
} as const satisfies Record<string, z.ZodType>;
