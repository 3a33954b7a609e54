/** The zod schemas of what `--json` prints. Kept apart: a command prints without loading zod. */
import * as z from "zod";
import { ERRORS, type ErrorCode } from "./errors.ts";
import { FAILURE_REASONS, STATES } from "./states.ts";
import type { TaskView } from "./view.ts";
import { WAIT_KINDS } from "./wait.ts";

const time = z.iso.datetime();
const text = z.string();
const lines = z.array(text);

const usage = z.strictObject({
	inputTokens: z.number(),
	outputTokens: z.number(),
	costUsd: z.number().nullable(),
	estimated: z.boolean(),
});

const planItem = z.strictObject({ marker: z.enum([" ", "x", "?", "!"]), text, note: text.nullable() });

const wait = z.strictObject({ kind: z.enum(WAIT_KINDS), why: text, text, until: time.nullable() });

const question = z.strictObject({
	seq: text,
	text,
	askedAt: time,
	answer: text.nullable(),
	answeredAt: time.nullable(),
	answeredBy: text.nullable(),
	deliveredAt: time.nullable(),
	open: z.boolean(),
	/** its session was given up since: `retry --fresh`, or a CLI that cannot resume one */
	earlierSession: z.boolean(),
});

/** A task, as `enqueue`, `status`, `ls` (there without its prompt) and `wait` print it. */
export const taskViewSchema = z.strictObject({
	schema: z.literal(1),
	namespace: text,
	id: text,
	state: z.enum(STATES),
	reason: z.enum(FAILURE_REASONS).nullable(),
	hold: z
		.strictObject({
			kind: z.enum([
				"backoff",
				"rate_limited",
				"unavailable",
				"auth",
				"billing",
				"budget",
				"cancelling",
				"answered",
				"delayed",
				"host_gone",
			]),
			until: time.nullable(),
		})
		.nullable(),
	model: text.nullable(),
	backend: text,
	host: text,
	pool: z.null(),
	cwd: text,
	prompt: text,
	tags: z.record(text, text),
	createdAt: time,
	startedAt: time.nullable(),
	endedAt: time.nullable(),
	attempt: z.int(),
	epoch: z.int(),
	sessionId: text.nullable(),
	after: lines,
	waitsFor: lines,
	createdBy: text,
	reportPath: text.nullable(),
	branch: text.nullable(),
	batch: text.nullable(),
	changes: z
		.strictObject({ files: z.int(), insertions: z.int(), deletions: z.int(), commit: text })
		.nullable(),
	plan: z.strictObject({ title: text.nullable(), done: z.int(), total: z.int(), items: z.array(planItem) }),
	questions: z.array(question),
	usage: usage.nullable(),
	activity: text.nullable(),
	trouble: z.strictObject({ step: text, why: text }).nullable(),
	waits: wait.nullable().optional(),
	outcome: z
		.strictObject({
			kind: z.enum(["completed", "failed", "cancelled", "parked", "queued"]),
			message: text,
			exitCode: z.int().nullable(),
			signal: text.nullable(),
			logTail: lines,
			warnings: lines,
		})
		.nullable(),
}) satisfies z.ZodType<TaskView>;

/** An entry of `questions --json`. */
export const openQuestionSchema = z.strictObject({
	task: text,
	seq: text,
	text,
	askedAt: time,
	/** of its task, as `questions` prints it; null: the task's record cannot be read */
	createdBy: text.nullable().optional(),
	host: text.nullable().optional(),
});

/** What `--json` prints for an error. */
export const errorViewSchema = z.strictObject({
	error: z.strictObject({
		code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
		message: text,
		hint: text.nullable().optional(),
	}),
});
