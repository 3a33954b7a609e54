/** Whoever waits for a drained host asks it how it is, instead of waiting for its next beat. */
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import { drainHost, untilDrained } from "../../src/actions/hosts.ts";
import { beat } from "../../src/queue/records/hosts.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { WakeSubscription } from "../../src/queue/records/wakes.ts";
import { User } from "../e2e/harness.ts";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "default", role: "service" });
});
afterEach(() => store.client.flushall());
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

const FREE = {
	homeId: "id",
	home: "/h",
	pid: 7,
	running: 0,
	concurrency: 3,
	maxAgents: 12,
	draining: true,
	version: "1.2.3",
	backends: [],
	clockOffset: 0,
};
const PLACE = { place: "place", holder: "" };
const DRAIN = { on: true, by: "ann@here", own: "here" };

test.each([
	["an agent or a start had a place", { running: 1 }],
	["nobody had drained it", { draining: false }],
	["neither was known", { running: 2, draining: false }],
])(
	"a host that beat last when %s tells at once that it is free",
	async (_, before) => {
		await beat(store, "mini", { ...FREE, ...before }, PLACE);
		await drainHost(store, "mini", DRAIN);
		const wakes = new WakeSubscription(store, (wake) => {
			if (wake.kind === "host") void beat(store, wake.host, FREE, PLACE);
		});
		onTestFinished(() => wakes.stop());
		await wakes.start();
		const end = await untilDrained(store, "mini", {
			own: "here",
			timeoutMs: CONDITION_LIMIT_MS,
			signal: new AbortController().signal,
			told: () => {},
		});
		// Not since it was silent for so long that it counts as gone.
		expect(end).toMatchObject({ kind: "drained", view: { state: "draining", places: { used: 0 } } });
	},
	TEST_LIMIT_MS,
);

test.each([
	[{ running: 1 }, "No task is live on mini any more; by its last word 1 place is still taken."],
	[{ running: 2 }, "No task is live on mini any more; by its last word 2 places are still taken."],
	[{ draining: false }, "mini has not taken note yet (draining)."],
	[{ running: 1, draining: false }, "mini has not taken note yet (draining)."],
])("what a host without live tasks has yet to say is told as it is: %j", async (before, said) => {
	const user = new User({ redis: redis.url });
	onTestFinished(() => user.cleanup());
	await beat(store, "mini", { ...FREE, ...before }, PLACE);
	const ran = await user.run(["hosts", "drain", "mini", "--wait", "--timeout", "1ms"]);
	expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining(`Timed out waiting: ${said}`) });
});
