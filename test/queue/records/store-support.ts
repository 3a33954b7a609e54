import type { Orders } from "../../../src/config/orders.ts";
import { publish, stageTasks } from "../../../src/queue/records/staging.ts";
import { newNonce, type Store } from "../../../src/queue/records/store.ts";
import type { OnFailure } from "../../../src/task/batch.ts";
import type { TaskSpec } from "../../../src/task/spec.ts";

export const HOST = "h1";

/** A spec with sane values; what a test cares for is given. */
export function specOf(id: string, changes: Partial<TaskSpec> = {}): TaskSpec {
	return {
		id,
		prompt: "Review it.",
		cwd: "/tmp",
		worktree: null,
		model: null,
		backend: "fake",
		promptAddition: null,
		permissions: null,
		modelReason: "default",
		givenItems: [],
		planText: null,
		priority: 100,
		tags: {},
		after: [],
		contextFiles: [],
		notBefore: null,
		deadlineMs: null,
		budgetUsd: null,
		verify: null,
		setup: null,
		attempts: 2,
		unattended: false,
		host: HOST,
		createdBy: "tester@here",
		nonce: newNonce(),
		inactivityMs: 60_000,
		questionWaitMs: 60_000,
		...changes,
	};
}

/** Creates a task and moves it to `running`; @returns its epoch */
export async function runningTask(
	store: Store,
	id: string,
	changes: Partial<TaskSpec> = {},
	orders: Orders | null = null,
): Promise<number> {
	const spec = specOf(id, changes);
	await store.create(spec, { signature: orders?.sign({ spec, host: spec.host, chosen: null }) ?? null });
	const moved = await store.move({ id, from: ["queued"], to: "running", runNonce: newNonce() });
	if (moved.result !== "moved") throw new Error(`${id} was not started: ${JSON.stringify(moved)}`);
	return moved.epoch;
}

/** Publishes one task as a batch. @param earlier tasks that are of it, too @returns what became of it */
export async function putBatch(
	store: Store,
	id: string,
	changes: Partial<TaskSpec> = {},
	earlier: string[] = [],
): Promise<string> {
	const tasks = [{ spec: specOf(id, changes), signature: null, key: { key: `key of ${id}`, hash: "h" } }];
	const about = {
		name: "Nightly",
		key: `batch of ${id}`,
		file: "/p/tasks.yaml",
		createdBy: "ann@here",
		maxParallel: 0,
		onFailure: "skip_dependents" as const,
		budgetUsd: null,
		host: HOST,
	};
	const submission = newNonce();
	await stageTasks(store, submission, tasks);
	const batch = { id: "nightly", nonce: newNonce(), ...about };
	return (await publish(store, submission, batch, tasks, earlier, newNonce())).result;
}

/**
 * Publishes a batch.
 * @param graph by id: what it needs
 */
export async function putGraph(
	store: Store,
	graph: Record<string, string[]>,
	onFailure: OnFailure,
): Promise<void> {
	const tasks = Object.entries(graph).map(([id, after]) => ({
		spec: specOf(id, { after }),
		signature: null,
		key: null,
	}));
	const submission = newNonce();
	await stageTasks(store, submission, tasks);
	const about = { name: null, key: null, file: "/p/tasks.yaml", createdBy: "ann@here", host: HOST };
	const batch = { id: "nightly", nonce: newNonce(), ...about, maxParallel: 0, onFailure, budgetUsd: null };
	await publish(store, submission, batch, tasks, [], newNonce());
}

export const question = (seq: string, text: string) => ({ seq, text, hash: `hash of ${text}` });
