/**
 * A reply that is lost is not a call that was not made: the connection makes it again, and it is the same call. After
 * a failover the address leads to another server.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { addNote, pendingNotes } from "../../../src/queue/records/notes.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { CuttingProxy } from "../../cutting-proxy.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { runningTask, specOf } from "../records/store-support.ts";

let redis: TestRedis;
let proxy: CuttingProxy;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	proxy = new CuttingProxy(redis.socketPath);
	store = await openStore({ target: { url: await proxy.start() }, namespace: "test", role: "service" });
});
afterAll(async () => {
	await store?.close();
	await proxy?.stop();
	await redis?.stop();
});
beforeEach(async () => {
	await store.client.flushall();
	proxy.cuts = 0;
});

const calls: Record<string, [() => Promise<{ result: string }>, string]> = {
	"an end": [() => store.move({ id: "t", from: ["running"], to: "completed" }), "moved"],
	"a cancel": [() => store.cancel("t", "me"), "cancelling"],
	"a note": [() => addNote(store, "t", { text: "n", by: "me" }), "noted"],
};

test.each(Object.keys(calls))("%s whose reply is lost was made once, and its caller knows", async (name) => {
	const [call, result] = calls[name] as (typeof calls)[string];
	await runningTask(store, "t");
	const before = (await eventsAfter(store, "0")).length;
	proxy.loseNextReply();
	expect(await call()).toMatchObject({ result });
	expect(proxy.cuts).toBe(1);
	expect((await eventsAfter(store, "0")).length).toBe(before + 1);
	expect((await pendingNotes(store, "t")).length).toBe(name === "a note" ? 1 : 0);
	// The same again is another call.
	expect(await call()).toMatchObject({ result: name === "an end" ? "stale" : result });
});

test("a removal whose reply is lost is known to its caller, with what it left to clear", async () => {
	await runningTask(store, "t");
	await store.move({ id: "t", from: ["running"], to: "failed" });
	const { nonce } = (await store.need("t")).spec;
	proxy.loseNextReply();
	expect(await store.remove("t")).toMatchObject({ result: "removed", left: { nonce } });
	expect(proxy.cuts).toBe(1);
	expect(await store.remove("t")).toEqual({ result: "none" });
});

test("an end whose reply is lost lets the next one go once", async () => {
	await runningTask(store, "t");
	proxy.loseNextReply();
	expect(await store.create(specOf("next", { after: ["t"] }))).toMatchObject({ result: "created" });
	proxy.loseNextReply();
	expect(await store.move({ id: "t", from: ["running"], to: "completed" })).toMatchObject({
		result: "moved",
	});
	expect(proxy.cuts).toBe(2);
	expect(await store.need("next")).toMatchObject({ state: "queued", generation: 2, revision: 2 });
	const kinds = (await eventsAfter(store, "0")).filter(({ task }) => task === "next");
	expect(kinds.map(({ kind }) => kind)).toEqual(["created", "queued"]);
});

test("of commands that were sent together half is answered: Redis is away, which a wait gets over", async () => {
	await runningTask(store, "t");
	proxy.isTearing = true;
	const look = store.read(Array.from({ length: 50 }, () => "t"));
	await expect(look).rejects.toMatchObject({ code: "DISPATCH_REDIS_UNREACHABLE" });
	expect(proxy.cuts).toBe(1);
	expect((await store.read(["t"])).records).toHaveLength(1);
});

test("a server that became a replica is left for the one that the address leads to now", async () => {
	const next = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	try {
		await store.client.replicaof("127.0.0.1", 1);
		proxy.target = next.socketPath;
		// The first call meets the old server.
		const tries = async () => (await store.cancel("t", "me").catch(({ code }) => ({ result: code }))).result;
		expect(await tries()).toBe("DISPATCH_REDIS_UNREACHABLE");
		await expect.poll(tries).toBe("none");
	} finally {
		proxy.target = redis.socketPath;
		await next.stop();
	}
});
