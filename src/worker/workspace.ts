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
import { type Worktree, worktreeOf } from "../workspace/worktree.ts";

/** What became of it: told once the start has its permit, with which every refusal is recorded. */
export interface Workspace {
	/** of the creation of the task that it was made for; null: nothing was to be made */
	nonce: string | null;
	/** what stood against it */
	fault: unknown;
}

interface WorkspaceDeps {
	store: Store;
	host: string;
	orders: Orders;
	env: Environment;
}

/** Throws what Redis throws. */
export async function prepareWorkspace(
	task: string,
	generation: number,
	{ store, host, orders, env }: WorkspaceDeps,
): Promise<Workspace> {
	const record = await store.get(task);
	const isOurs = record?.state === "queued" && record.generation === generation && record.host === host;
	const worktree = isOurs && orders.refusal(record) === null ? worktreeOf(record.spec, env) : null;
	if (worktree === null) return { nonce: null, fault: null };
	try {
		await worktree.make();
		return { nonce: worktree.nonce, fault: null };
	} catch (fault) {
		return { nonce: worktree.nonce, fault };
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
			// What was removed, or is not to be run, is so for good.
			if (error instanceof DispatchError && error.code === "DISPATCH_BAD_CWD") throw error;
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

/** Saves what agents leave in their worktrees, each start's once. */
export class WorkSaver {
	readonly #saving = new Map<string, { epoch: number; done: Promise<SavedWork> }>();
	readonly #deps: Omit<WorkspaceDeps, "host">;

	constructor(deps: Omit<WorkspaceDeps, "host">) {
		this.#deps = deps;
	}

	/** What is kept in memory, for a test that looks for leaks. */
	get size(): number {
		return this.#saving.size;
	}

	/** Throws nothing; after `saving` it is to be called again. */
	async save(record: TaskRecord): Promise<SavedWork> {
		const { id } = record.spec;
		const { epoch } = record;
		const known = this.#saving.get(id);
		const done = known?.epoch === epoch ? known.done : this.#begin(record);
		this.#saving.set(id, { epoch, done });
		let timer: NodeJS.Timeout | undefined;
		const later = new Promise<SavedWork>((resolve) => {
			timer = setTimeout(() => resolve({ kind: "saving" }), PATIENCE_MS);
		});
		const saved = await Promise.race([done, later]).finally(() => clearTimeout(timer));
		if (saved.kind !== "saving") this.#saving.delete(id);
		return saved;
	}

	async #begin(record: TaskRecord): Promise<SavedWork> {
		const { orders, env, store } = this.#deps;
		// What nobody vouches for never started here.
		const worktree = orders.isSigned(record) ? worktreeOf(record.spec, env) : null;
		if (worktree === null || !worktree.facts()?.isWhole) return { kind: "nothing" };
		try {
			return { kind: "saved", ...(await savedInTime(worktree, `start ${record.epoch}`)) };
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			await noteEvent(store, { task: record.spec.id, kind: "fault", text: "commit", why }).catch(() => {});
			return { kind: "failed", why };
		}
	}
}
