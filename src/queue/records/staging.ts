/**
 * A batch is put in at once or not at all. Its records are written under names that nothing looks for, in parts, and
 * expire; then one script gives all of them their names, with all that follows from it. Whoever is killed before leaves
 * what expires, and nothing that anybody sees or runs; after it, all is there.
 */
import type { OnFailure } from "../../task/batch.ts";
import { matching, object, soundOrNull, text } from "../../task/check.ts";
import type { Clock } from "../../task/clock.ts";
import { usdField } from "../../task/field.ts";
import { ID_FORM } from "../../task/id.ts";
import type { TaskSpec } from "../../task/spec.ts";
import { toJson } from "../../task/well-formed.ts";
import type { Connection } from "./connection.ts";
import { newFields } from "./record-fields.ts";
import type { Script } from "./scripts/index.ts";
import { PUBLISH } from "./scripts/publish.ts";

/** Longer than any submission takes. */
const STAGED_MS = 15 * 60_000;
/** Records of one pipeline. */
const PART = 500;
/** Pipelines under way: while Redis works at one, the next one is made. */
const UNDER_WAY = 3;

const SCRIPT: Script = { name: "publish", lua: PUBLISH, once: true, grows: true, said: true };

export interface StagedTask {
	spec: TaskSpec;
	signature: string | null;
	key: { key: string; hash: string } | null;
}

export interface NewBatch {
	/** what it is called, unless that is taken: then with a number */
	id: string;
	nonce: string;
	name: string | null;
	key: string | null;
	file: string;
	createdBy: string;
	host: string;
	/** 0: no limit */
	maxParallel: number;
	onFailure: OnFailure;
	/** USD; null: no limit */
	budgetUsd: number | null;
}

const checkKeyed = object<{ id: string; hash: string }>({ id: matching(ID_FORM, "a task's id"), hash: text });

export type PublishResult =
	/** `batch`: "" where all of its tasks were of another one before */
	| { result: "published"; batch: string }
	/** nothing was published; `place`: the first task that it is about, from 0 */
	| { result: "lost" | "taken" | "repeated"; place: number }
	| { result: "no_need"; place: number; need: string };

/** In one: whoever is killed in between, or Redis, leaves no record that stays. */
const STAGE = `redis.call('HSET', KEYS[1], unpack(ARGV, 2)); redis.call('PEXPIRE', KEYS[1], ARGV[1])`;

/**
 * Writes the records of some tasks, unseen. @param submission a nonce
 * @param places of the tasks in it, where not all of them are given
 */
export async function stageTasks(
	store: Connection,
	submission: string,
	tasks: readonly StagedTask[],
	places: readonly number[] = tasks.map((_, place) => place),
): Promise<void> {
	const underWay: Promise<unknown>[] = [];
	for (let from = 0; from < tasks.length; from += PART) {
		const pipeline = store.client.pipeline();
		for (const [n, task] of tasks.slice(from, from + PART).entries()) {
			const key = store.keys.staged(submission, (places[from + n] ?? 0) + 1);
			pipeline.eval(STAGE, 1, key, STAGED_MS, ...Object.entries(fieldsOf(task, store.clock)).flat());
		}
		const part = store.replies(pipeline);
		// Waited for below, where it throws.
		part.catch(() => {});
		underWay.push(part);
		if (underWay.length >= UNDER_WAY) await underWay.shift();
	}
	await Promise.all(underWay);
}

function fieldsOf({ spec, signature, key }: StagedTask, clock: Clock): Record<string, string> {
	const { fields } = newFields(spec, signature, clock);
	// Nothing is the same as an empty text: what is not sent need not be read either.
	const said = Object.entries(fields).filter(([, text]) => text !== "");
	return { ...Object.fromEntries(said), nonce: spec.nonce, ...(key === null ? {} : { key: key.key }) };
}

/**
 * Publishes what was staged: all of it or nothing.
 * @param earlier ids of tasks that the same keys made before; they are of the batch, too
 * @param call names the call: it may be made again
 */
export async function publish(
	store: Connection,
	submission: string,
	{ id, ...batch }: NewBatch,
	tasks: readonly Pick<StagedTask, "spec" | "key">[],
	earlier: readonly string[],
	call: string,
): Promise<PublishResult> {
	const [first] = tasks;
	const after = tasks.flatMap(({ spec }, n) =>
		spec.after.length === 0 ? [] : [[n + 1, spec.after] as const],
	);
	const reply = await store.run<PublishResult>(SCRIPT, {
		...{ id: "", evenDamaged: true, call, host: batch.host, name: id, staged: submission, earlier },
		batch: {
			...batch,
			name: batch.name ?? "",
			key: batch.key ?? "",
			budgetUsd: usdField.write(batch.budgetUsd),
		},
		names: tasks.map(({ spec }) => spec.id),
		nonces: tasks.map(({ spec }) => spec.nonce),
		keys: tasks.map(({ key }) => key?.key ?? ""),
		made: tasks.map(({ spec: { id: made, nonce }, key }) =>
			key === null ? "" : toJson({ id: made, hash: key.hash, nonce }),
		),
		after: Object.fromEntries(after),
		times: first === undefined ? [] : newFields(first.spec, null).times,
	});
	if ("place" in reply) return { ...reply, place: reply.place - 1 };
	// Of the same key before: what Redis holds is no id for that.
	return { ...reply, batch: ID_FORM.test(reply.batch) ? reply.batch : "" };
}

/** By key: the task that it made, and the hash of its request; null: it made none, or that is gone. */
export async function keyedTasks(
	store: Connection,
	keys: readonly string[],
): Promise<({ id: string; hash: string } | null)[]> {
	if (keys.length === 0) return [];
	const held = await store.guard((client) => client.hmget(`${store.keys.prefix}:keys`, ...keys));
	const made = held.map((text) => (text === null ? null : soundOrNull(checkKeyed, text)));
	const pipeline = store.client.pipeline();
	for (const each of made) if (each !== null) pipeline.exists(store.keys.task(each.id));
	const there = pipeline.length === 0 ? [] : await store.replies(pipeline);
	let n = 0;
	return made.map((each) => (each !== null && Number(there[n++]) > 0 ? each : null));
}

/** What a submission that came to nothing leaves, where it can still be said; else it expires. */
export async function dropStaged(store: Connection, submission: string, size: number): Promise<void> {
	const keys = Array.from({ length: size }, (_, n) => store.keys.staged(submission, n + 1));
	for (let from = 0; from < size; from += PART)
		await store.guard((client) => client.unlink(...keys.slice(from, from + PART)));
}
