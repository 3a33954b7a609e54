/** A Redis of the file's own with a store, emptied before each test; and the queues on it. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { RunQueues } from "../../src/queue/jobs/run-queue.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

/** @param use gets the store before the first test */
export function withStore(role: "command" | "service", use: (store: Store, redis: TestRedis) => void): void {
	let redis: TestRedis;
	let store: Store;
	beforeAll(async () => {
		redis = await startTestRedis();
		store = await openStore({ target: redis.target, namespace: "test", role });
		use(store, redis);
	});
	afterAll(async () => {
		await store?.close();
		await redis?.stop();
	});
	beforeEach(() => store.client.flushall());
}

/**
 * @param use gets store and queues before each test: the queues are new ones
 * @returns what is to be ended after a test, before its queues
 */
export function withQueues(
	use: (made: { store: Store; queues: RunQueues; redis: TestRedis }) => void,
): (() => Promise<unknown>)[] {
	let made: { store: Store; redis: TestRedis };
	let queues: RunQueues;
	const cleanups: (() => Promise<unknown>)[] = [];
	withStore("service", (store, redis) => {
		made = { store, redis };
	});
	beforeEach(() => {
		queues = new RunQueues(made.store);
		use({ ...made, queues });
	});
	afterEach(async () => {
		for (const cleanup of cleanups.splice(0)) await cleanup();
		await queues.stop();
	});
	return cleanups;
}
