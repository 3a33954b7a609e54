import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../../src/queue/records/open.ts";
import { followRemovals } from "../../../src/queue/records/removed.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { HOST, specOf } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "removed", role: "service" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

const notice = (id: string, nonce: string) => JSON.stringify({ id, nonce, cwd: null });

test("notices that somebody heaped up, and goes on adding, hold a start up for 10,000 of them at most; the newest count", async () => {
	const key = store.keys.removed(HOST);
	for (let at = 0; at < 30_000; at += 5_000)
		await store.client.rpush(key, ...Array.from({ length: 5_000 }, (_, n) => notice(`t-${at + n}`, "n")));
	const cleared: string[] = [];
	await followRemovals(store, HOST, async (tasks) => {
		cleared.push(...tasks.map(({ id }) => id));
		// While it is at it, as many come again.
		await store.client.rpush(key, ...tasks.map(({ id }) => notice(`more-${id}`, "n")));
		return new Set();
	});
	expect(cleared.length).toBeLessThanOrEqual(10_200);
	expect(cleared).toEqual(expect.arrayContaining(["t-20000", "t-29999"]));
	expect(cleared).not.toContain("t-19999");
});

test("a notice says whether its very task is there, what cannot be cleared stays, and damaged ones go", async () => {
	const key = store.keys.removed(HOST);
	await store.client.del(key);
	await store.create(specOf("there"));
	const nonce = (await store.need("there")).spec.nonce;
	const given = [
		notice("there", nonce),
		"{",
		notice("there", "earlier"),
		notice("stays", "n"),
		notice("goes", "n"),
	];
	await store.client.rpush(key, ...given);
	await followRemovals(store, HOST, async (tasks) => {
		expect(tasks.map(({ id, isThere }) => [id, isThere])).toEqual([
			["there", true],
			["there", false],
			["stays", false],
			["goes", false],
		]);
		return new Set(tasks.filter(({ id }) => id === "stays"));
	});
	expect(await store.client.lrange(key, 0, -1)).toEqual([notice("stays", "n")]);
});
