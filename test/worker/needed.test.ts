/** What the agent of a task is told of those that it had to wait for. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { neededBy } from "../../src/worker/needed.ts";
import { runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

let redis: TestRedis;
let store: Store;
const orders = new Orders(temporaryFolder("needed"), "test");

beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});
beforeEach(() => store.client.flushall());

const REPORT = "/tmp/.dispatch/tasks/a/output.md";

/** `a` has completed with a report; `b` needs it. */
async function prepare(from: Orders | null = orders, host?: string): Promise<void> {
	const epoch = await runningTask(store, "a", host === undefined ? {} : { host }, from);
	await store.follow("a", epoch, { hasReport: true }, "Found.");
	await store.move({ id: "a", from: ["running"], to: "completed" });
	await store.create(specOf("b", { after: ["a"] }));
}
const told = async () => (await neededBy(await store.need("b"), store, orders))[0];

test("how it ended, its report, and where that lies", async () => {
	await prepare();
	expect(await told()).toEqual({
		id: "a",
		became: "completed",
		message: null,
		report: "Found.",
		path: REPORT,
	});
});

test.each([
	["this host's user has not signed", null, undefined],
	["another host has", orders, "h2"],
] as const)("no path of one that %s", async (_, from, host) => {
	await prepare(from, host);
	expect(await told()).toMatchObject({ report: "Found.", path: null });
});

test("nothing of another task of its name, of one that is gone or damaged", async () => {
	await prepare();
	await store.remove("a");
	expect(await told()).toMatchObject({ became: "removed since", report: null, path: null });
	const epoch = await runningTask(store, "a", {}, orders);
	await store.follow("a", epoch, { hasReport: true }, "Another one's.");
	expect(await told()).toMatchObject({ became: "removed since", report: null });
	await store.client.hset(store.keys.task("a"), "spec", "{");
	expect(await told()).toMatchObject({ became: "damaged", report: null });
});
