/** One identity, several places: a copy or a clone of a state directory does not run the same tasks twice. */
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { beat, claimHost, leave } from "../../../src/queue/records/hosts.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "hosts", role: "command" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

const state = { homeId: "id", home: "/first", pid: 1, running: 0, concurrency: 1 };
const place = (name: string) => ({ homeId: "id", place: name });

test("a second directory under the host's id is refused", async () => {
	await claimHost(store, "a", place("one"));
	await expect(claimHost(store, "a", { homeId: "other", place: "two" })).rejects.toMatchObject({
		code: "DISPATCH_ALREADY_RUNNING",
	});
});

test("a copy of the directory is refused while the first one beats", async () => {
	await claimHost(store, "b", place("one"));
	await beat(store, "b", state, "one");
	const beating = setInterval(() => void beat(store, "b", state, "one"), 100);
	onTestFinished(() => clearInterval(beating));
	await expect(claimHost(store, "b", place("two"))).rejects.toMatchObject({
		code: "DISPATCH_OTHER_WRITER",
		message: expect.stringContaining("/first"),
	});
	expect(await beat(store, "b", state, "two")).toBe(false);
	expect(await beat(store, "b", state, "one")).toBe(true);
});

test("the same place may claim again at once, and another one after an orderly end", async () => {
	await claimHost(store, "c", place("one"));
	await claimHost(store, "c", place("one"));
	await leave(store, "c", "one");
	await claimHost(store, "c", place("two"));
	// The first one comes back: it learns that it is displaced, and takes nothing away.
	expect(await beat(store, "c", state, "one")).toBe(false);
	await leave(store, "c", "one");
	expect(await store.client.hget(store.keys.host("c"), "beatAt")).not.toBe("0");
});

test("a place that beats no more is taken over after a while", async () => {
	await claimHost(store, "d", place("one"));
	await claimHost(store, "d", place("two"));
	expect(await beat(store, "d", state, "two")).toBe(true);
});
