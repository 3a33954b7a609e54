/** No more agents live than worker.max_agents, whatever becomes of the jobs of those that live. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { jobIdOf, RunQueues } from "../../src/queue/jobs/run-queue.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

let redis: TestRedis;
let store: Store;
let queues: RunQueues;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
	queues = new RunQueues(store);
});
afterEach(() => user.cleanup());
afterAll(async () => {
	await queues.stop();
	await store.close();
	await redis.stop();
});

/** By which its job is away from its agent that lives. */
const LOST: Record<string, { fault?: string; strike: () => Promise<unknown> }> = {
	"a restart of the worker": { strike: () => user.ok(["up", "--restart"]) },
	"a worker that was killed": {
		strike: async () => {
			for (const { pid, run } of user.processes()) if (run === null) process.kill(pid, "SIGKILL");
			await user.ok(["up"]);
		},
	},
	"a fault of its run job": { fault: "run-job.started:throw", strike: async () => {} },
};

const AGENTS = {
	works: {
		model: "busy",
		state: "running",
		end: async (id: string) => writeFileSync(join(user.project, ".dispatch/tasks", id, "enough"), ""),
	},
	asks: { model: "asks", state: "asking", end: (id: string) => user.ok(["answer", id, "blue"]) },
};

const CASES = Object.keys(LOST).flatMap((lost) =>
	(["works", "asks"] as const).map((does) => [lost, does] as const),
);

test.each(CASES)("after %s, whose agent %s", async (lost, does) => {
	const host = `host-${CASES.findIndex(([each, agent]) => each === lost && agent === does)}`;
	const [first, urgent] = [`${host}-first`, `${host}-urgent`];
	const { fault, strike } = LOST[lost] ?? expect.unreachable();
	user = new User({
		agent: "ten-line.sh",
		agents: { busy: "busy.sh", asks: "ten-line.sh" },
		redis: redis.url,
		env: { DISPATCH_HOST_ID: host, ...(fault && { DISPATCH_FAULT: `${fault}:${first}` }) },
		config: "worker: { concurrency: 4, max_agents: 1 }",
	});
	const { model, state, end } = AGENTS[does];
	await user.ok(["enqueue", "--id", first, "--priority", "500", "--model", model, "Paint the shed"]);
	await user.waitForState(first, state);
	await user.ok(["enqueue", "--id", urgent, "--priority", "1", "Paint the door"]);
	const jobState = async (id: string) =>
		queues.of(host).getJobState(jobIdOf(id, (await store.need(id)).generation));
	await expect.poll(() => jobState(urgent), LIMIT).toBe("prioritized");
	await strike();
	// The job of the one that lives comes back first, though the other one's stands in front of it.
	await expect.poll(() => jobState(first), LIMIT).toBe("active");
	expect(await jobState(urgent)).toBe("prioritized");
	await end(first);
	await user.waitForState(first, "completed");
	await user.waitForState(urgent, "asking");
	const { startedAt } = await store.need(urgent);
	expect(startedAt).toBeGreaterThanOrEqual((await store.need(first)).endedAt ?? Number.POSITIVE_INFINITY);
});
