/**
 * Puts a batch in, at once or not at all: `queue/records/staging.ts` says how. What stands against one task keeps all of
 * them out. The files of a task are made by its start.
 */
import { basename, extname } from "node:path";
import type { Orders } from "../config/orders.ts";
import type { TaskEnv } from "../config/task-env.ts";
import { inspectTaskDir, namesOfTaskDirs } from "../ipc/task-dir.ts";
import { isUnreachable, onceMore } from "../queue/records/open.ts";
import {
	dropStaged,
	keyedTasks,
	type NewBatch,
	type PublishResult,
	publish,
	type StagedTask,
	stageTasks,
} from "../queue/records/staging.ts";
import { newNonce, type Store } from "../queue/records/store.ts";
import type { OnFailure } from "../task/batch.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { slugOf } from "./batch/ids.ts";
import {
	idExists,
	idLike,
	keyConflict,
	noSuchNeed,
	ofThisHost,
	ownerOf,
	refuseForeignPlace,
	SAME_NAME_LIMIT,
} from "./enqueue.ts";
import type { ResolvedTask } from "./resolve.ts";

/** Somebody else's tasks may take an id or a key at any moment: then it is begun anew. */
const TRIES = 5;
/** Leaves room for a number behind it. */
const BATCH_ID_CHARS = 48;

export interface BatchInfo {
	name: string | null;
	/** the same key is the same batch */
	key: string | null;
	/** absolute path */
	file: string;
	host: string;
	/** user@host */
	createdBy: string;
	/** how many of its tasks may work at once, on all hosts of this Redis; 0: no limit */
	maxParallel: number;
	/** what the failure of one means for the others */
	onFailure: OnFailure;
	/** USD that all of them together may cost; null: no limit */
	budgetUsd: number | null;
}

export interface Submitter {
	store: Store;
	orders: Orders;
	taskEnv: TaskEnv | null;
}

/** What of a task is known without reading it. */
type Brief = Pick<TaskRecord, "spec" | "state" | "chosen" | "outcome">;

export interface SubmittedBatch {
	/** null: its tasks are of other batches, or of none */
	id: string | null;
	/** in the order given */
	tasks: { record: Brief; isRepeated: boolean }[];
}

/** The refusal of one task, by its place: nothing of the batch was enqueued. */
export class RefusedTask extends Error {
	override readonly name = "RefusedTask";

	readonly place: number;
	readonly refusal: DispatchError;

	constructor(place: number, refusal: DispatchError) {
		super(refusal.message, { cause: refusal });
		this.place = place;
		this.refusal = refusal;
	}
}

/**
 * @returns when all of it is acknowledged
 * @throws RefusedTask; DISPATCH_REDIS_UNREACHABLE, DISPATCH_REDIS_FULL, DISPATCH_DISK
 */
export async function submitBatch(
	by: Submitter,
	info: BatchInfo,
	resolved: readonly ResolvedTask[],
): Promise<SubmittedBatch> {
	const nonces = by.orders.newNonces(resolved.length);
	const tasks = resolved.map((task, n) => ofThisHost(task, nonces[n] ?? ""));
	for (let attempt = 1; ; attempt++) {
		const plan = await planOf(by.store, tasks);
		const reply = await putIn(by, info, plan);
		if (reply.result === "published") return submittedOf(by.store, tasks, plan, reply.batch || null);
		const place = plan.fresh[reply.place]?.place ?? 0;
		if (reply.result === "no_need") throw new RefusedTask(place, await noSuchNeed(by.store, reply.need));
		if (attempt === TRIES) throw new RefusedTask(place, movedOn(reply.result));
	}
}

/** Which tasks are to be made, and which are there: the same keys made them before. */
interface Plan {
	fresh: (StagedTask & { place: number })[];
	/** the id of each of the tasks, in the order given */
	ids: string[];
	repeated: ReadonlySet<number>;
}

/** Looks, and writes nothing. @throws RefusedTask */
export async function planOf(store: Store, tasks: readonly ResolvedTask[]): Promise<Plan> {
	const known = await knownByKeys(store, tasks);
	const wanted = tasks.flatMap((task, place) => (known.has(place) ? [] : [{ task, place }]));
	const made = await idsOf(store, wanted);
	const twins = new Map<number, number>();
	const byKey = new Map<string, { hash: string; place: number }>();
	for (const { task, place } of wanted) {
		if (task.key === undefined) continue;
		const first = byKey.get(task.key.key);
		if (first === undefined) byKey.set(task.key.key, { hash: task.key.hash, place });
		else if (first.hash !== task.key.hash)
			throw new RefusedTask(place, keyConflict(task.key.key, made.get(first.place) ?? ""));
		else twins.set(place, first.place);
	}
	const ids = tasks.map((_, place) => known.get(place) ?? made.get(twins.get(place) ?? place) ?? "");
	const fresh = wanted
		.filter(({ place }) => !twins.has(place))
		.map(({ task, place }) => ({
			...{ place, key: task.key ?? null, signature: null },
			spec: { ...task.spec, id: ids[place] ?? "" },
		}));
	return { fresh, ids, repeated: new Set([...known.keys(), ...twins.keys()]) };
}

/** @returns by place: the id of the task that its key made. @throws RefusedTask where that was another request */
async function knownByKeys(store: Store, tasks: readonly ResolvedTask[]): Promise<Map<number, string>> {
	const keyed = tasks.flatMap(({ key }, place) => (key === undefined ? [] : [{ ...key, place }]));
	const made = await keyedTasks(
		store,
		keyed.map(({ key }) => key),
	);
	const known = new Map<number, string>();
	for (const [n, { key, hash, place }] of keyed.entries()) {
		const task = made[n];
		if (!task) continue;
		if (task.hash !== hash) throw new RefusedTask(place, keyConflict(key, task.id));
		known.set(place, task.id);
	}
	return known;
}

interface Wanted {
	task: ResolvedTask;
	place: number;
}

/** @returns the id of each, by place: the given one, or the first like it that is free. @throws RefusedTask */
async function idsOf(store: Store, wanted: readonly Wanted[]): Promise<Map<number, string>> {
	const ids = new Map<number, string>();
	const places = new Places(store);
	const given = wanted.filter(({ task }) => task.explicitId);
	const taken = await store.existing(given.map(({ task }) => task.spec.id));
	for (const { task, place } of given) {
		const { id } = task.spec;
		if (taken.has(id)) throw new RefusedTask(place, idExists(id));
		if (!places.isFree(task, id)) await refused(place, refuseForeignPlace(store, task));
		ids.set(place, id);
	}
	const used = new Set(ids.values());
	let open = wanted.filter(({ task }) => !task.explicitId);
	const tried = new Map<string, number>();
	while (open.length > 0) {
		const offered = await offeredFor(store, open, tried);
		const left: Wanted[] = [];
		for (const each of open) {
			const { task, place } = each;
			const list = offered.get(task.spec.id) ?? [];
			let id = list.shift();
			while (id !== undefined && (used.has(id) || !places.isFree(task, id))) id = list.shift();
			if (id === undefined) left.push(each);
			else ids.set(place, id);
			if (id !== undefined) used.add(id);
		}
		open = left;
	}
	return ids;
}

/** The next ids like those that are wanted, as many as there are tasks that want them, without those that are taken. */
async function offeredFor(
	store: Store,
	open: readonly Wanted[],
	tried: Map<string, number>,
): Promise<Map<string, string[]>> {
	const wants = new Map<string, number>();
	for (const { task } of open) wants.set(task.spec.id, (wants.get(task.spec.id) ?? 0) + 1);
	const lists = [...wants].map(([id, times]): [string, string[]] => {
		const from = tried.get(id) ?? 0;
		// Twice as many at each further look: they may be taken for a long way.
		const many = Math.min(Math.max(times, from), SAME_NAME_LIMIT - from);
		tried.set(id, from + many);
		return [id, Array.from({ length: many }, (_, n) => idLike(id, from + n + 1))];
	});
	const none = lists.find(([, list]) => list.length === 0)?.[0];
	if (none !== undefined) {
		const { place = 0 } = open.find(({ task }) => task.spec.id === none) ?? {};
		throw new RefusedTask(place, noneFree(none));
	}
	const taken = await store.existing(lists.flatMap(([, list]) => list));
	return new Map(lists.map(([id, list]) => [id, list.filter((each) => !taken.has(each))]));
}

/** What lies in the directories of the tasks, read once each. */
class Places {
	readonly #store: Store;
	readonly #names = new Map<string, ReadonlySet<string>>();

	constructor(store: Store) {
		this.#store = store;
	}

	isFree({ spec, branches }: ResolvedTask, id: string): boolean {
		if (branches !== undefined) return !branches.taken.has(id);
		const names = this.#names.get(spec.cwd) ?? namesOfTaskDirs(spec.cwd);
		this.#names.set(spec.cwd, names);
		return !names.has(id) || inspectTaskDir(spec.cwd, id, ownerOf(this.#store, spec)) === "absent";
	}
}

async function refused(place: number, work: Promise<void>): Promise<void> {
	try {
		await work;
	} catch (error) {
		if (!(error instanceof DispatchError) || isUnreachable(error)) throw error;
		throw new RefusedTask(place, error);
	}
}

/** Staged, then published; what is known not to be published is dropped. */
async function putIn(
	{ store, orders, taskEnv }: Submitter,
	info: BatchInfo,
	{ fresh, ids, repeated }: Plan,
): Promise<PublishResult> {
	const submission = newNonce();
	const call = newNonce();
	const signatures = orders.signNew(fresh.map(({ spec }) => spec));
	const staged = fresh.map((task, n) => ({ ...task, signature: signatures[n] ?? null }));
	const batch: NewBatch = { ...info, id: batchIdOf(info), nonce: newNonce() };
	const earlier = [...new Set([...repeated].map((place) => ids[place] ?? ""))];
	const travels = taskEnv?.isEmpty === false ? taskEnv : null;
	const drop = async () => {
		for (const { spec } of staged) travels?.drop(spec);
		await dropStaged(store, submission, staged.length).catch(() => {});
	};
	try {
		// Before the records: an agent may start at once.
		for (const { spec } of staged) travels?.keep(spec);
		await onceMore(store, (each) => stageTasks(each, submission, staged));
	} catch (error) {
		await drop();
		throw error;
	}
	const reply = await orUnknown(
		info,
		onceMore(store, (each) => publish(each, submission, batch, staged, earlier, call)),
	);
	if (reply.result !== "published") await drop();
	return reply;
}

async function orUnknown<T>({ key }: BatchInfo, work: Promise<T>): Promise<T> {
	try {
		return await work;
	} catch (error) {
		if (!isUnreachable(error) || key !== null) throw error;
		throw new DispatchError(
			"DISPATCH_REDIS_UNREACHABLE",
			`${error.message} It is unknown whether the batch was accepted: all of it, or nothing.`,
			{
				hint: "Look with `dispatch batch ls` when Redis is back; with --key a repeat is always safe.",
				cause: error,
			},
		);
	}
}

function batchIdOf({ key, name, file }: BatchInfo): string {
	const words = [key ?? "", name ?? "", basename(file, extname(file))].map(slugOf);
	const id = words.find((word) => word !== "") ?? "batch";
	return cutText(id, BATCH_ID_CHARS, "").replace(/-+$/, "");
}

/** What waits, or was there before, is as its record says; the others are queued. */
async function submittedOf(
	store: Store,
	tasks: readonly ResolvedTask[],
	{ fresh, ids, repeated }: Plan,
	id: string | null,
): Promise<SubmittedBatch> {
	const specs = new Map(fresh.map(({ place, spec }) => [place, spec]));
	const isPlain = (place: number) => !repeated.has(place) && specs.get(place)?.after.length === 0;
	const toRead = ids.filter((_, place) => !isPlain(place));
	const records = await onceMore(store, (each) => each.getMany(toRead)).catch((error: unknown) => {
		// It is accepted: that it cannot be looked at now changes nothing of it.
		if (isUnreachable(error)) return [];
		throw error;
	});
	const read = new Map(records.map((record) => [record.spec.id, record]));
	return {
		id: id ?? (records.length === ids.length ? batchOf(records) : null),
		tasks: tasks.map(({ spec: asked }, place) => {
			const spec = specs.get(place) ?? { ...asked, id: ids[place] ?? "" };
			const state = isPlain(place) ? "queued" : "waiting";
			const record = read.get(spec.id) ?? { spec, state, chosen: null, outcome: null };
			return { record, isRepeated: repeated.has(place) };
		}),
	};
}

/** Where all were dispatched before. @returns the batch that they all are of; null: of several, or of none */
function batchOf(records: readonly TaskRecord[]): string | null {
	const [batch = null, ...others] = new Set(records.map((record) => record.batch));
	return others.length === 0 ? batch : null;
}

function movedOn(what: "lost" | "taken" | "repeated"): DispatchError {
	const why = {
		lost: "what was written of it was lost",
		taken: "its id was taken",
		repeated: "its key was used",
	};
	return new DispatchError(
		"DISPATCH_STALE",
		`Meanwhile ${why[what]}, again and again. Nothing was enqueued.`,
	);
}

function noneFree(id: string): DispatchError {
	return new DispatchError("DISPATCH_ID_EXISTS", `Every id like "${id}" is taken.`, {
		hint: "Give one with --id.",
	});
}
