/** The form of config.yaml, in zod. One table of all keys stands in docs/CONFIG.md. */
import * as z from "zod";
import { BACKEND_TYPES, PROMPT_WAYS } from "../backends/known.ts";
import { targetForm, variable } from "../notify/form.ts";
import { cutText } from "../task/cut-text.ts";
import { durationMs } from "../task/duration.ts";
import { PERMISSIONS } from "../task/spec.ts";

const text = z.string().regex(/^[^\0]*[^\s\0][^\0]*$/, { error: "Expected a text that is not empty" });
const name = z.string().min(1);
const count = z.int().min(1).max(1_000);

/** A duration such as `10m`, in ms. */
const duration = z.string({ error: ({ input }) => noDuration(input) }).transform((value, context) => {
	const ms = durationMs(value);
	if (ms !== null && ms > 0) return ms;
	context.addIssue({ code: "custom", message: noDuration(value) });
	return z.NEVER;
});

function noDuration(given: unknown): string {
	return `Expected a duration such as 30s, 10m or 2h, got ${cutText(JSON.stringify(given) ?? "nothing", 40)}`;
}

const noUsd = { error: "Expected an amount of USD above 0, such as 5 or 0.50" };
const usd = z.number(noUsd).positive(noUsd);

const backend = z.strictObject({
	command: text,
	type: z.enum(BACKEND_TYPES).nullish(),
	model_flag: z.boolean().nullish(),
	prompt_by: z.enum(PROMPT_WAYS).nullish(),
	permissions: z.enum(PERMISSIONS).optional(),
	concurrency: count.nullish(),
	starts_per_minute: count.nullish(),
});

const model = z.strictObject({ backend: name.nullish(), id: text.nullish() }).nullable();

const alias = z
	.strictObject({
		model: name.nullish(),
		prompt: z.string().nullish(),
		permissions: z.enum(PERMISSIONS).optional(),
	})
	.nullable();

const agent = z.strictObject({
	command: text,
	prompt: z.string().nullish(),
	type: z.enum(BACKEND_TYPES).nullish(),
});

// A config is parsed once: code made for the next time would cost more than it saves.
z.config({ jitless: true });

/** What is refused unless the config names it. */
export const ALLOWED = ["nested", "mcp_verify"] as const;

/**
 * A key without a value is the same as no key: all its entries may be comments. Not so `permissions`: who began to
 * write it wanted less than everything.
 */
export const configSchema = z.strictObject({
	default: name.nullish(),
	backends: z.record(name, backend).nullish(),
	models: z.record(name, model).nullish(),
	aliases: z.record(name, alias).nullish(),
	/** the older form */
	agents: z.record(name, agent).nullish(),
	redis: z.strictObject({ url: text.nullish() }).nullish(),
	namespace: z
		.string()
		.regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, { error: "Expected lower-case letters, digits and dashes" })
		.nullish(),
	worker: z.strictObject({ concurrency: count.nullish(), max_agents: count.nullish() }).nullish(),
	limits: z
		.strictObject({
			inactivity: duration.nullish(),
			question_wait: duration.nullish(),
			deadline: duration.nullish(),
		})
		.nullish(),
	attempts: count.nullish(),
	fallback: z.array(name).nullish(),
	fallback_after: duration.nullish(),
	budget: z.strictObject({ task: usd.nullish(), daily: usd.nullish() }).nullish(),
	notifications: z.array(targetForm).nullish(),
	allow: z.array(z.enum(ALLOWED)).nullish(),
	env: z.array(variable).nullish(),
	prices: z.record(name, z.strictObject({ input: usd, output: usd })).nullish(),
});

export type ConfigFile = z.infer<typeof configSchema>;

/** Keys that may stand beside an unknown one, for a suggestion; `path` leads to their parent. */
export function keysAt(path: readonly PropertyKey[]): string[] {
	let at: unknown = configSchema;
	for (const key of path) {
		at = inner(at);
		if (at instanceof z.ZodObject) at = at.shape[String(key)];
		else if (at instanceof z.ZodRecord) at = at.valueType;
		else if (at instanceof z.ZodArray) at = at.element;
	}
	at = inner(at);
	const objects = at instanceof z.ZodDiscriminatedUnion ? at.options : [at];
	const keys = objects.flatMap((object) => (object instanceof z.ZodObject ? Object.keys(object.shape) : []));
	return [...new Set(keys)];
}

function inner(schema: unknown): unknown {
	let at = schema;
	while (at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
	return at;
}

/** Where a key may stand, of all the config: `worker.max_agents`, `backends.NAME.concurrency`. */
export function pathsTo(key: string, at: unknown = configSchema): string[] {
	const schema = inner(at);
	if (schema instanceof z.ZodRecord) return pathsTo(key, schema.valueType).map((path) => `NAME.${path}`);
	const objects = schema instanceof z.ZodDiscriminatedUnion ? schema.options : [schema];
	const paths = objects.flatMap((object) =>
		object instanceof z.ZodObject
			? Object.entries(object.shape).flatMap(([name, value]) => [
					...(name === key ? [name] : []),
					...pathsTo(key, value).map((path) => `${name}.${path}`),
				])
			: [],
	);
	return [...new Set(paths)];
}
