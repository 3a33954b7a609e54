import { afterAll, beforeAll, expect, test } from "vitest";
import { beat } from "../../../src/queue/records/hosts.ts";
import { moveToHost } from "../../../src/queue/records/lost-hosts.ts";
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

/** Of a host's word what these tests do not look at. */
const SAID = {
	homeId: "home",
	pid: 1,
	draining: false,
	version: "1.2.3",
	running: 0,
	concurrency: 3,
	maxAgents: 50,
	backends: [],
	clockOffset: 0,
};

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

test.each([[["a"]], [["a", "b"]], [["a", "b", "a"]], [["a", "b", "c"]]])(
	"every host that has had a task is told of its removal: %s",
	async (hosts) => {
		for (const host of ["a", "b", "c"]) {
			await beat(store, host, { ...SAID, home: `/${host}` }, { place: host, holder: "" });
			await store.client.del(store.keys.removed(host));
		}
		const spec = specOf("moves", { host: "a" });
		await store.create(spec);
		await store.move({ id: "moves", from: ["queued"], to: "cancelled" });
		for (const host of hosts.slice(1)) {
			const { revision } = await store.need("moves");
			const moved = await moveToHost(store, { id: "moves", host, by: "me", revision, set: {} });
			expect(moved.result).toBe("moved");
			await store.move({ id: "moves", from: ["queued"], to: "cancelled" });
		}
		expect(await store.remove("moves")).toMatchObject({ result: "removed" });
		const told = async (host: string) => (await store.client.llen(store.keys.removed(host))) > 0;
		for (const host of new Set(hosts)) expect(await told(host)).toBe(true);
		// One that stayed where it was is nobody else's affair.
		expect(await told("c")).toBe(hosts.length > 1);
	},
);
