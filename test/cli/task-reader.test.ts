/** Of more tasks than `watch` lists: those that live, need somebody or failed are in the list, however old they are. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { TaskReader } from "../../src/cli/screen/task-reader.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { STATES } from "../../src/task/states.ts";
import { question, runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

const LISTED = 500;

let redis: TestRedis;
let store: Store;
beforeEach(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "test", role: "command" });
});
afterEach(async () => {
	await store?.close();
	await redis?.stop();
});

async function newer(count: number): Promise<void> {
	const ids = Array.from({ length: count }, (_, n) => `newer-${n}`);
	await Promise.all(ids.map((id) => store.create(specOf(id))));
}

async function became(id: string, to: (typeof STATES)[number]): Promise<void> {
	const epoch = await runningTask(store, id);
	if (to === "asking") await store.ask(id, epoch, [question("001", "Which?")]);
	else await store.move({ id, from: ["running"], to });
}

const OLDER: Record<string, (id: string) => Promise<unknown>> = {
	...Object.fromEntries(
		(["running", "asking", "failed", "completed"] as const).map((state) => [
			state,
			(id: string) => (state === "running" ? runningTask(store, id) : became(id, state)),
		]),
	),
	parked: async (id) => {
		await became(id, "asking");
		await store.move({ id, from: ["asking"], to: "parked" });
	},
	cancelled: async (id) => {
		await store.create(specOf(id));
		await store.cancel(id, "me");
	},
	queued: (id) => store.create(specOf(id)),
	waiting: async (id) => store.create(specOf(id, { after: ["running"] })),
	held: async (id) => {
		await store.create(specOf(id));
		const { generation } = await store.need(id);
		await store.hold(id, generation, { kind: "rate_limited", until: null });
	},
	damaged: async (id) => {
		await store.create(specOf(id));
		await store.client.hset(store.keys.task(id), "state", "no state");
	},
};

test("what lives, needs somebody, failed or is held is listed, however many are newer; the rest is counted", async () => {
	for (const [id, make] of Object.entries(OLDER)) await make(id);
	expect(STATES.filter((state) => OLDER[state] === undefined)).toEqual([]);
	await newer(LISTED);
	const reader = new TaskReader(store);
	const listed = (await reader.read()).map(({ id }) => id).filter((id) => id in OLDER);
	expect(listed.sort()).toEqual(["asking", "failed", "held", "parked", "running"]);
	expect(reader.damaged.map(({ id }) => id)).toEqual(["damaged"]);
	expect(reader.unread).toEqual({ waiting: 1, queued: 1, completed: 1, cancelled: 1 });
});

test("whose life was seen is listed with its end, too, however many are newer", async () => {
	const epoch = await runningTask(store, "old");
	await newer(LISTED);
	const reader = new TaskReader(store);
	expect((await reader.read()).find(({ id }) => id === "old")?.state).toBe("running");
	await store.move({ id: "old", from: ["running"], to: "completed", epoch });
	expect((await reader.read()).find(({ id }) => id === "old")?.state).toBe("completed");
	expect(reader.unread).toEqual({});
});

test("of thousands that failed those that live and the newest stay in the list", async () => {
	await runningTask(store, "lives");
	const failed = Array.from({ length: 2 * LISTED }, (_, n) => `failed-${n}`);
	await Promise.all(failed.map((id) => became(id, "failed")));
	await newer(LISTED);
	const reader = new TaskReader(store);
	const states = (await reader.read()).map(({ state }) => state);
	const count = (wanted: string) => states.filter((state) => state === wanted).length;
	expect({ running: count("running"), failed: count("failed"), queued: count("queued") }).toEqual({
		running: 1,
		failed: LISTED,
		queued: LISTED,
	});
	expect(reader.unread).toEqual({ failed: LISTED });
});
