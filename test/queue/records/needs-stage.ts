/** A Redis, and tasks in it that need others, moved by hand: for the tests of the scripts. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import type { State } from "../../../src/task/states.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { specOf } from "./store-support.ts";

/** Empty at the beginning of each test. */
export let store: Store;

/** Sets up the file's Redis. @returns acts on its tasks */
export function needsStage() {
	let redis: TestRedis;
	beforeAll(async () => {
		redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
		store = await openStore({ target: redis.target, namespace: "test", role: "service" });
	});
	afterAll(async () => {
		await store?.close();
		await redis?.stop();
	});
	beforeEach(() => store.client.flushall());
	const task = (id: string, ...after: string[]) => store.create(specOf(id, { after }));
	const start = (id: string) => store.move({ id, from: ["queued"], to: "running", runNonce: "n" });
	const retry = async (id: string) => {
		const { state } = await store.need(id);
		return store.move({ id, from: [state], to: "queued", set: { reason: null, outcome: null } });
	};
	const end = async (id: string, to: "completed" | "failed" | "cancelled") => {
		await start(id);
		return store.move({ id, from: ["running"], to });
	};
	const states = async (): Promise<Record<string, State | null>> =>
		Object.fromEntries([...(await store.states())].sort(([a], [b]) => (a < b ? -1 : 1)));
	return { task, start, retry, end, states };
}
