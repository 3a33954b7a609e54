/**
 * Puts a task in. The acknowledgement is the script that makes the record; the run job follows from the
 * outbox. A reply that was lost is asked for again under the same nonce.
 */
import type { Config } from "../config/load.ts";
import type { Orders } from "../config/orders.ts";
import type { TaskEnv } from "../config/task-env.ts";
import { createTaskDir, inspectTaskDir, taskDirOf } from "../ipc/task-dir.ts";
import { isUnreachable, onceMore } from "../queue/records/open.ts";
import type { CreateResult, Store } from "../queue/records/store.ts";
import { cutText } from "../task/cut-text.ts";
import { damagedError } from "../task/damaged.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { nearest } from "../task/similar.ts";
import type { TaskSpec } from "../task/spec.ts";
import { branchNameOf } from "../task/worktree.ts";
import { type ResolvedTask, resolveTask, type TaskRequest } from "./resolve.ts";

const ID_LIMIT = 64;
export const SAME_NAME_LIMIT = 10_000;

export interface Enqueued {
	record: TaskRecord;
	/** the key was used before: nothing was made */
	repeated: boolean;
}

/** Checks the request and submits it. @throws as `resolveTask` and `submit` */
export async function enqueue(
	store: Store,
	host: string,
	config: Config,
	request: TaskRequest,
	orders: Orders,
): Promise<Enqueued> {
	return submit(store, ofThisHost(await resolveTask(host, config, request), orders.newNonce()), orders);
}

/** @param nonce one that this host knows again when the record is gone: given once, before it is submitted */
export function ofThisHost(task: ResolvedTask, nonce: string): ResolvedTask {
	return { ...task, spec: { ...task.spec, nonce } };
}

/**
 * Acknowledges a task under its own id, or under the first free one like it.
 * @throws DISPATCH_ID_EXISTS, DISPATCH_KEY_CONFLICT, DISPATCH_REDIS_UNREACHABLE
 */
export async function submit(
	store: Store,
	task: ResolvedTask,
	orders: Orders,
	taskEnv: TaskEnv | null = null,
): Promise<Enqueued> {
	const submitAs = (id: string) => create(store, { ...task, spec: { ...task.spec, id } }, orders, taskEnv);
	if (task.explicitId) {
		await refuseForeignPlace(store, task);
		const done = await submitAs(task.spec.id);
		if (done !== null) return done;
	}
	for await (const number of freeNumbers(store, task)) {
		const done = await submitAs(idLike(task.spec.id, number));
		if (done !== null) return done;
	}
	throw new DispatchError("DISPATCH_ID_EXISTS", `Every id like "${task.spec.id}" is taken.`, {
		hint: "Give one with --id.",
	});
}

/** 1 is for the id alone; the lowest that are free. The first is asked for alone, then more and more at once. */
async function* freeNumbers(store: Store, { spec, branches }: ResolvedTask): AsyncGenerator<number> {
	const isAbsent = (id: string) =>
		branches === undefined
			? inspectTaskDir(spec.cwd, id, ownerOf(store, spec)) === "absent"
			: !branches.taken.has(id);
	for (let from = 1; from <= SAME_NAME_LIMIT; from *= 2) {
		const numbers = Array.from({ length: Math.min(from, SAME_NAME_LIMIT + 1 - from) }, (_, i) => from + i);
		const taken = await store.existing(numbers.map((n) => idLike(spec.id, n)));
		for (const number of numbers) {
			const id = idLike(spec.id, number);
			if (!taken.has(id) && isAbsent(id)) yield number;
		}
	}
}

export function idLike(id: string, n: number): string {
	if (n === 1) return id;
	const end = `-${n}`;
	return cutText(id, ID_LIMIT - end.length, "").replace(/-+$/, "") + end;
}

/** A record of that id is the script's affair: it may be this very task, by its key. */
export async function refuseForeignPlace(store: Store, { spec, branches }: ResolvedTask): Promise<void> {
	if (branches !== undefined) {
		if (!branches.taken.has(spec.id) || (await store.exists(spec.id))) return;
		const name = branchNameOf(spec.id);
		throw new DispatchError("DISPATCH_ID_EXISTS", `The branch ${name} is there already.`, {
			hint: `Choose another --id, leave it out, or delete the branch if nobody needs it: git branch -D ${name}`,
		});
	}
	if (inspectTaskDir(spec.cwd, spec.id, ownerOf(store, spec)) !== "foreign") return;
	if (await store.exists(spec.id)) return;
	throw new DispatchError("DISPATCH_ID_EXISTS", `${taskDirOf(spec.cwd, spec.id)} belongs to another task.`, {
		hint: "Choose another --id, leave it out, or remove the directory if you no longer need it.",
	});
}

/** @returns null when the id was taken in between and another one may be tried */
async function create(
	store: Store,
	task: ResolvedTask,
	orders: Orders,
	taskEnv: TaskEnv | null,
): Promise<Enqueued | null> {
	const { spec } = task;
	// Before the record: its agent may start at once.
	taskEnv?.keep(spec);
	const reply = await createOnce(store, task, orders);
	if (reply.result !== "created") taskEnv?.drop(spec);
	if (reply.result === "exists") {
		if (task.explicitId) throw idExists(spec.id);
		return null;
	}
	if (reply.result === "no_need") throw await noSuchNeed(store, reply.need);
	if (reply.result === "key_conflict") throw keyConflict(task.key?.key ?? "", reply.id);
	// The start makes a worktree, and the files in it.
	if (reply.result === "created" && spec.worktree === null) await makeFiles(store, spec);
	return { record: reply.record, repeated: reply.result === "repeated" };
}

export function keyConflict(key: string, id: string): DispatchError {
	return new DispatchError(
		"DISPATCH_KEY_CONFLICT",
		`The key "${key}" made the task "${id}" from another request.`,
		{ hint: "Use another --key for other content." },
	);
}

/** The refusal of one that waits for what is not there, or is damaged; with a likely one if there is one. */
export async function noSuchNeed(store: Store, need: string): Promise<DispatchError> {
	const { damaged } = await store.read([need]);
	if (damaged[0] !== undefined) return damagedError(damaged[0]);
	const near = nearest(need, await store.ids());
	const hint = near === null ? "`dispatch ls --all` lists the tasks." : `Did you mean "${near}"?`;
	return new DispatchError("DISPATCH_NO_SUCH_TASK", `There is no task "${need}" to wait for.`, {
		hint: `Nothing was enqueued. ${hint}`,
	});
}

type Created =
	| (Exclude<CreateResult, { result: "no_need" }> & { record: TaskRecord })
	| Extract<CreateResult, { result: "no_need" }>;

async function createOnce(store: Store, task: ResolvedTask, orders: Orders): Promise<Created> {
	try {
		return await onceMore(store, (each) => createOn(each, task, orders));
	} catch (error) {
		if (!isUnreachable(error) || task.key !== undefined) throw error;
		throw new DispatchError(
			"DISPATCH_REDIS_UNREACHABLE",
			`${error.message} It is unknown whether "${task.spec.id}" was accepted.`,
			{
				hint: "Look with `dispatch ls` when Redis is back; with --key a repeat is always safe.",
				cause: error,
			},
		);
	}
}

async function createOn(store: Store, { spec, key }: ResolvedTask, orders: Orders): Promise<Created> {
	const signature = orders.sign({ spec, host: spec.host, chosen: null });
	// Asked for at once: on one connection the second sees what the first has done.
	const [reply, made] = await Promise.all([
		store.create(spec, { key, signature }),
		store.get(spec.id).catch(() => null),
	]);
	if (reply.result === "no_need") return reply;
	return { ...reply, record: made?.spec.id === reply.id ? made : await store.need(reply.id) };
}

/** For the user to look at; the start makes what is missing, and says why if it cannot. */
async function makeFiles(store: Store, spec: TaskSpec): Promise<void> {
	const { id, planText, givenItems } = spec;
	try {
		await createTaskDir(spec.cwd, { ...ownerOf(store, spec), id, planText, title: id, givenItems });
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
	}
}

export function ownerOf(store: Store, spec: TaskSpec) {
	return { namespace: store.namespace, host: spec.host, nonce: spec.nonce };
}

export function idExists(id: string): DispatchError {
	return new DispatchError("DISPATCH_ID_EXISTS", `There is a task "${id}" already.`, {
		hint: `Choose another --id, leave it out, or remove the old one: dispatch rm ${id}`,
	});
}
