/** `dispatch watch` says why a task waits, as `ls` does, and goes on looking: a worker that goes makes no event. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { beat } from "../../src/queue/records/hosts.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { HOST_GONE_MS } from "../../src/task/host.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { question, runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { Screen } from "./tmux.ts";

let redis: TestRedis;
let store: Store;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	user = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "here" } });
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
});
afterAll(async () => {
	await store?.close();
	await user?.cleanup();
	await redis?.stop();
});

test("for a place, for an answer, for a worker: in a terminal, also when nothing but the worker changes", async () => {
	const state = { homeId: "h", home: "/h", pid: 1, running: 1 };
	await beat(store, "full", { ...state, concurrency: 1, maxAgents: 4 });
	await runningTask(store, "works", { host: "full" });
	await store.create(specOf("for-a-place", { host: "full" }));
	await beat(store, "due", { ...state, concurrency: 1, maxAgents: 1 });
	const epoch = await runningTask(store, "asks", { host: "due" });
	await store.ask("asks", epoch, [question("001", "Which colour?")]);
	await store.create(specOf("for-an-answer", { host: "due" }));
	const spec = specOf("for-a-worker", { host: "here" });
	const signature = new Orders(user.home, "default").sign({ spec, host: "here", chosen: null });
	await store.create(spec, { signature });
	await store.create(specOf("not-signed", { host: "here" }));
	// A place that no record tells of: what took it was removed, or its record is damaged.
	await beat(store, "lost", { ...state, concurrency: 1, maxAgents: 4 });
	await store.create(specOf("behind-a-lost-place", { host: "lost" }));
	// They beat on, however slow this machine is.
	const beating = new Set(["full", "due", "lost"]);
	const timer = setInterval(() => {
		for (const host of beating) void store.client.hset(store.keys.host(host), "beatAt", Date.now());
	}, HOST_GONE_MS / 10);
	const words = [process.execPath, PROGRAM, "watch"];
	const screen = new Screen(words, { columns: 100, rows: 30, cwd: user.project, env: user.env });
	try {
		await screen.waitFor(/for-a-place +queued .* 1 of 1 work$/m);
		await screen.waitFor(/for-an-answer +queued .* 1 answer is due$/m);
		await screen.waitFor(/for-a-worker +queued .* no worker$/m);
		await screen.waitFor(/not-signed +queued .* will not be started$/m);
		await screen.waitFor(/behind-a-lost-place +queued .* waits for a free place$/m);
		beating.delete("full");
		await store.client.hset(store.keys.host("full"), { beatAt: 0, leftAt: Date.now() });
		const seen = await screen.waitFor(/for-a-place +queued .* no worker$/m);
		expect(seen).toMatch(/for-an-answer +queued .* 1 answer is due$/m);
	} finally {
		clearInterval(timer);
		screen.close();
	}
});
