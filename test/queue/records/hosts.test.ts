/** One identity, several places: a copy or a clone of a state directory does not run the same tasks twice. */
import { spawn } from "node:child_process";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Identity, processIdentity } from "../../../src/process/identity.ts";
import { beat, claimHost, leave } from "../../../src/queue/records/hosts.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { specOf } from "./store-support.ts";

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
const at = (name: string) => ({ place: name, holder: "" });
const place = (name: string) => ({ homeId: "id", ...at(name) });

test("a second directory under the host's id is refused", async () => {
	await claimHost(store, "a", place("one"));
	await expect(claimHost(store, "a", { ...place("two"), homeId: "other" })).rejects.toMatchObject({
		code: "DISPATCH_ALREADY_RUNNING",
	});
});

test("a copy of the directory is refused while the first one beats", async () => {
	await claimHost(store, "b", place("one"));
	await beat(store, "b", state, at("one"));
	const beating = setInterval(() => void beat(store, "b", state, at("one")), 100);
	onTestFinished(() => clearInterval(beating));
	await expect(claimHost(store, "b", place("two"))).rejects.toMatchObject({
		code: "DISPATCH_OTHER_WRITER",
		message: expect.stringContaining("/first"),
	});
	expect(await beat(store, "b", state, at("two"))).toBe(false);
	expect(await beat(store, "b", state, at("one"))).toBe(true);
});

test("the same place may claim again at once, and another one after an orderly end", async () => {
	await claimHost(store, "c", place("one"));
	await claimHost(store, "c", place("one"));
	await leave(store, "c", at("one"));
	await claimHost(store, "c", place("two"));
	// The first one comes back: it learns that it is displaced, and takes nothing away.
	expect(await beat(store, "c", state, at("one"))).toBe(false);
	await leave(store, "c", at("one"));
	expect(await store.client.hget(store.keys.host("c"), "beatAt")).not.toBe("0");
});

test("a place that beats no more is taken over after a while", async () => {
	await claimHost(store, "d", place("one"));
	await claimHost(store, "d", place("two"));
	expect(await beat(store, "d", state, at("two"))).toBe(true);
});

test("of two processes of one place the one that claimed last holds it: the other is told, and starts nothing", async () => {
	const first = { ...place("one"), holder: "999999998 gone 1" };
	const second = { ...place("one"), holder: "999999999 gone 1" };
	await claimHost(store, "e", first);
	await beat(store, "e", state, first);
	// The first one cannot be seen from here, as where it lives in another container.
	await claimHost(store, "e", second);
	expect(await beat(store, "e", state, first)).toBe(false);
	await leave(store, "e", first);
	expect(await beat(store, "e", state, second)).toBe(true);
	await store.create(specOf("once", { host: "e" }));
	const start = ({ holder }: typeof first) =>
		store.move({ id: "once", from: ["queued"], to: "running", holder, runNonce: "n" });
	expect(await start(first)).toMatchObject({ result: "stale", state: "queued" });
	expect(await start(second)).toMatchObject({ result: "moved", state: "running" });
});

test("a process that lives keeps the place, whatever its directory says of it; one that leaves gives it up", async () => {
	const other = spawn("sleep", ["1000"]);
	onTestFinished(() => void other.kill());
	const { pid, bootId, startTime } = processIdentity(other.pid ?? 0) as Identity;
	const alive = { ...place("one"), holder: `${pid} ${bootId} ${startTime}` };
	await claimHost(store, "f", alive);
	await expect(claimHost(store, "f", { ...alive, holder: "me" })).rejects.toMatchObject({
		code: "DISPATCH_ALREADY_RUNNING",
		message: expect.stringContaining(`process ${pid}`),
	});
	await leave(store, "f", alive);
	await claimHost(store, "f", { ...alive, holder: "me" });
	expect(await beat(store, "f", state, alive)).toBe(false);
});
