import { RunQueues } from "../../src/queue/jobs/run-queue.ts";
import { beat } from "../../src/queue/records/hosts.ts";
import { newNonce, type Store } from "../../src/queue/records/store.ts";
import type { TaskSpec } from "../../src/task/spec.ts";

export const HOST = "mini1";
const HOSTILE = `<script>document.title = "taken"</script><img src=x onerror="document.title='taken'">`;

export function specOf(id: string, changes: Partial<TaskSpec> = {}): TaskSpec {
	return {
		id,
		prompt: "Review src/ for security problems",
		cwd: "/home/ann/shop",
		worktree: null,
		model: "opus",
		backend: "claude",
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
		createdBy: "ann@mini1",
		nonce: newNonce(),
		inactivityMs: 1_800_000,
		questionWaitMs: 600_000,
		...changes,
	};
}

/** A host with one task that asks, one that waits in the line, and one whose prompt is hostile. */
export async function seed(store: Store): Promise<void> {
	await beat(store, HOST, { homeId: "h", home: "/h", pid: 1, running: 1, concurrency: 4 });
	const queues = new RunQueues(store);
	for (const spec of [
		specOf("hostile", { prompt: HOSTILE }),
		specOf("fix-login"),
		specOf("security-review"),
	]) {
		await store.create(spec);
		await queues.add(await store.need(spec.id), store.clock.now());
	}
	await startAsking(store);
	await queues.stop();
}

async function startAsking(store: Store): Promise<void> {
	const moved = await store.move({
		id: "security-review",
		from: ["queued"],
		to: "running",
		runNonce: newNonce(),
	});
	if (moved.result !== "moved") throw new Error(`the task did not start: ${moved.result}`);
	const items = [
		{ marker: "x" as const, text: "Scan for hard-coded secrets", note: null },
		{ marker: "x" as const, text: "Review the input validation", note: "2 findings" },
		{ marker: " " as const, text: `Review auth ${HOSTILE}`, note: null },
	];
	const progress = {
		plan: { title: "Security review", items },
		activity: "Read: auth.ts",
		usage: null,
		lastSignAt: 1,
	};
	await store.follow("security-review", moved.epoch, { progress });
	const text = `Found 2 auth implementations: auth.ts and legacy-auth.ts. Which one? ${HOSTILE}`;
	await store.ask("security-review", moved.epoch, [{ seq: "001", text, hash: "a".repeat(64) }]);
}
