/** Where a task works, made before its agent starts and saved when it has ended: a worktree of its own, if it has one. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Orders } from "../config/orders.ts";
import type { Environment } from "../process/environment.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import type { Changes } from "../task/worktree.ts";
import { type Saved, saveWork } from "../workspace/commit.ts";
import { makeWorktree } from "../workspace/make.ts";
import { removeWorktree } from "../workspace/remove.ts";
import { type Worktree, worktreeOf } from "../workspace/worktree.ts";

/** What became of it: told once the start has its permit, with which every refusal is recorded. */
export interface Workspace {
	/** of the creation of the task that it was made for; null: nothing was to be made */
	nonce: string | null;
	/** what stood against it */
	fault: unknown;
}

/** Why git is ended, as the end of a sentence. */
const CANCELLED = "the task was cancelled";
const STOPPED = "the worker stops";

interface WorkspaceDeps {
	store: Store;
	host: string;
	orders: Orders;
	env: Environment;
}

interface PrepareDeps extends Pick<WorkspaceDeps, "host" | "env"> {
	store: Pick<Store, "get">;
	orders: Pick<Orders, "refusal" | "seal">;
	/** for the log */
	fault: (task: string, step: string, error: unknown) => void;
}

/** How often a start that makes a large worktree asks whether it is still wanted. */
const WANTED_LOOK_MS = 1_000;

/** @param stopping ends it, as a cancel does: then the record says what is to come. Throws what Redis throws. */
export async function prepareWorkspace(
	task: string,
	generation: number,
	{ store, host, orders, env, fault: tell }: PrepareDeps,
	stopping: AbortSignal,
): Promise<Workspace> {
	const isOurs = (record: TaskRecord | null): record is TaskRecord =>
		record?.state === "queued" && record.generation === generation && record.host === host;
	const record = await store.get(task);
	const unwanted = new AbortController();
	const isSound = isOurs(record) && orders.refusal(record) === null;
	const worktree = isSound ? worktreeOf(record.spec, env, { signal: unwanted.signal }) : null;
	if (record === null || worktree === null) return { nonce: null, fault: null };
	const stop = () => unwanted.abort(STOPPED);
	const look = () =>
		store.get(task).then(
			(now) => isOurs(now) || unwanted.abort(CANCELLED),
			() => {},
		);
	const timer = setInterval(look, WANTED_LOOK_MS);
	stopping.addEventListener("abort", stop);
	if (stopping.aborted) stop();
	try {
		const owner = { id: task, nonce: worktree.nonce, worktree: worktree.spec };
		await makeWorktree(worktree, (isWhole) => orders.seal(owner, isWhole));
		return { nonce: worktree.nonce, fault: null };
	} catch (fault) {
		return { nonce: worktree.nonce, fault };
	} finally {
		clearInterval(timer);
		stopping.removeEventListener("abort", stop);
		await takeBack(record, { orders, env, fault: tell });
	}
}

/** Who removed the task meanwhile may have looked before there was anything to remove, and looks no more. */
async function takeBack(
	record: TaskRecord,
	{ orders, env, fault }: Pick<PrepareDeps, "orders" | "env" | "fault">,
): Promise<void> {
	const worktree = worktreeOf(record.spec, env);
	try {
		if (worktree === null || orders.refusal(record) === null) return;
		await removeWorktree(worktree, { force: false });
	} catch (error) {
		fault(record.spec.id, "removal", error);
	}
}

/** @throws what stood against it */
export function requireWorkspace({ nonce, fault }: Workspace, { spec }: TaskRecord): void {
	if (spec.worktree === null) return;
	if (fault !== null) throw fault;
	// Removed and made anew in between: to be looked at once more.
	if (nonce !== spec.nonce) throw new Error("The task was made anew while its worktree was made.");
}

/** A large commit takes long, and a look waits for nobody: the next one asks again. */
const PATIENCE_MS = 2_000;

/** A person's git, or a shortage, holds it up for a moment. */
const AGAIN_AFTER_MS = [200, 1_000, 3_000];

/** @throws what stands against it, also a little later */
async function savedInTime(worktree: Worktree, what: string): Promise<Saved> {
	for (const pause of AGAIN_AFTER_MS) {
		try {
			return await saveWork(worktree, what);
		} catch (error) {
			// What was removed, is not to be run, or hangs, is so for good.
			if (error instanceof DispatchError && !error.retryable) throw error;
		}
		await sleep(pause);
	}
	return saveWork(worktree, what);
}

/** How the work of one start was saved. */
export type SavedWork =
	| { kind: "nothing" }
	| { kind: "saving" }
	| { kind: "saved"; changes: Changes; left: string | null }
	| { kind: "failed"; why: string };

/** Who is cancelled still has its work committed, unless that takes longer. */
const CANCELLED_LIMIT_MS = 4_000;

interface Saving {
	epoch: number;
	/** ms of the process's clock */
	since: number;
	done: Promise<SavedWork>;
	giveUp: AbortController;
	/** that of a cancelled task */
	limit: NodeJS.Timeout | undefined;
}

/** Saves what agents leave in their worktrees, each start's once. */
export class WorkSaver {
	readonly #saving = new Map<string, Saving>();
	readonly #deps: Omit<WorkspaceDeps, "host">;
	#isStopped = false;

	constructor(deps: Omit<WorkspaceDeps, "host">) {
		this.#deps = deps;
	}

	/** What is kept in memory, for a test that looks for leaks. */
	get size(): number {
		return this.#saving.size;
	}

	/** Ends what is under way, and decides nothing any more: the next worker saves it. */
	release(): void {
		this.#isStopped = true;
		for (const { giveUp } of this.#saving.values()) giveUp.abort(STOPPED);
	}

	/**
	 * After `saving` it is to be called again. Of a cancelled task it comes to an end soon.
	 * @param afterCheck what its check (`--verify`) has written is there, too
	 * @throws what it cannot tell at this moment (a file of ours that may not be opened): the next call begins anew
	 */
	async save(record: TaskRecord, { afterCheck = false } = {}): Promise<SavedWork> {
		const { id } = record.spec;
		const known = this.#saving.get(id);
		const saving = known?.epoch === record.epoch ? known : this.#begin(record, afterCheck);
		this.#saving.set(id, saving);
		if (record.stopRequested) saving.limit ??= this.#endLater(saving);
		let timer: NodeJS.Timeout | undefined;
		const later = new Promise<SavedWork>((resolve) => {
			timer = setTimeout(() => resolve({ kind: "saving" }), PATIENCE_MS);
		});
		try {
			const saved = await Promise.race([saving.done, later]);
			if (this.#isStopped || saved.kind === "saving") return { kind: "saving" };
			this.#saving.delete(id);
			return saved;
		} catch (error) {
			this.#saving.delete(id);
			throw error;
		} finally {
			clearTimeout(timer);
		}
	}

	#begin(record: TaskRecord, afterCheck: boolean): Saving {
		const giveUp = new AbortController();
		if (this.#isStopped) giveUp.abort(STOPPED);
		const what = `start ${record.epoch}${afterCheck ? " after its check" : ""}`;
		const done = this.#saved(record, what, giveUp.signal).finally(() => clearTimeout(saving.limit));
		const saving: Saving = { epoch: record.epoch, since: performance.now(), done, giveUp, limit: undefined };
		return saving;
	}

	#endLater({ since, giveUp }: Saving): NodeJS.Timeout {
		const leftMs = since + CANCELLED_LIMIT_MS - performance.now();
		return setTimeout(() => giveUp.abort(CANCELLED), Math.max(0, leftMs));
	}

	async #saved(record: TaskRecord, what: string, signal: AbortSignal): Promise<SavedWork> {
		const { orders, env, store } = this.#deps;
		// What nobody vouches for never started here.
		const isIts = record.spec.worktree !== null && orders.whyNotSigned(record) === null;
		const worktree = isIts ? worktreeOf(record.spec, env, { signal }) : null;
		if (worktree === null || !worktree.isUsed) return { kind: "nothing" };
		try {
			return { kind: "saved", ...(await savedInTime(worktree, what)) };
		} catch (error) {
			const why = whyNot(error, worktree);
			if (!this.#isStopped)
				await noteEvent(store, { task: record.spec.id, kind: "fault", text: "commit", why }).catch(() => {});
			return { kind: "failed", why };
		}
	}
}

function whyNot(error: unknown, { path }: Worktree): string {
	if (!(error instanceof Error)) return String(error);
	const isThere = error instanceof DispatchError && error.code === "DISPATCH_GIT_ENDED";
	return isThere ? `${error.inFull} It stays in ${path}.` : error.message;
}
