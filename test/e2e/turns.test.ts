/** Interactive tasks and batches start in turn, with real agents. */
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

const MET = "«while [ ! -e go ]; do sleep 0.05; done»";

/** A batch whose tasks end once there is a file `go`. */
async function batch(name: string, size: number): Promise<void> {
	const tasks = Array.from({ length: size }, (_, n) => ({ id: `${name}-${n}`, prompt: MET }));
	user.write(`${name}.json`, JSON.stringify({ name, tasks }));
	await user.ok(["batch", `${name}.json`]);
}

/** Its job is in the line of its host. */
async function isInLine(host: string, id: string): Promise<void> {
	const { generation } = await store.need(id);
	await expect.poll(() => queues.of(host).getJobState(jobIdOf(id, generation)), LIMIT).toBe("prioritized");
}

async function inOrderOfStart(ids: readonly string[]): Promise<string[]> {
	const records = await store.getMany(ids);
	const started = records.flatMap(({ spec, startedAt }) =>
		startedAt === null ? [] : [{ id: spec.id, startedAt }],
	);
	return started.sort((a, b) => a.startedAt - b.startedAt).map(({ id }) => id);
}

test.each([
	["", async () => {}],
	[
		"over a kill of the worker, ",
		async () => {
			for (const { pid, run } of user.processes()) if (run === null) process.kill(pid, "SIGKILL");
			await user.ok(["up"]);
		},
	],
])(
	"%sbeside a batch of 1,000 and another one a task starts after one start of each at most",
	async (way, strike) => {
		const host = `h-${way.length}`;
		user = new User({
			agent: "does-as-told.sh",
			redis: redis.url,
			env: { DISPATCH_HOST_ID: host },
			config: "worker: { concurrency: 1 }",
		});
		const [big, small, mine] = ["big", "small", "mine"].map((name) => `${name}${way.length}`) as [
			string,
			string,
			string,
		];
		await batch(big, 1_000);
		await user.waitForState(`${big}-0`, "running");
		await batch(small, 20);
		await user.ok(["enqueue", "--id", mine, "«true»"]);
		await isInLine(host, `${small}-19`);
		await isInLine(host, mine);
		await strike();
		user.write("go", "");
		await user.waitForState(mine, "completed");
		await user.waitForState(`${small}-2`, "completed");
		const named = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);
		const order = await inOrderOfStart([mine, ...named(big, 20), ...named(small, 20)]);
		expect(order[0]).toBe(`${big}-0`);
		expect(order.indexOf(mine)).toBeLessThanOrEqual(2);
		expect(order.filter((id) => id.startsWith(small)).slice(0, 3)).toEqual(
			[0, 1, 2].map((n) => `${small}-${n}`),
		);
		expect(order.indexOf(`${small}-2`)).toBeLessThanOrEqual(8);
	},
);
