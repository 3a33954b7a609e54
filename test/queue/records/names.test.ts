/** A worker goes through lists at each look: what names no task leaves them, however much it is, and nothing else does. */
import { expect, test } from "vitest";
import { dropNames } from "../../../src/queue/records/names.ts";
import { NAMES_AT_ONCE } from "../../../src/queue/records/scripts/drop-names.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { withStore } from "../stage.ts";
import { HOST, runningTask, specOf } from "./store-support.ts";

let store: Store;
withStore("command", (made) => {
	store = made;
});

const lists = async () => {
	const { client, keys } = store;
	return {
		live: await client.smembers(keys.live(HOST)),
		active: (await client.zrange(keys.active(HOST), "0", "-1")).sort(),
		outbox: await client.zrange(keys.outbox, "0", "-1"),
	};
};

test("names of no task go from all three lists, and leave the others", async () => {
	await runningTask(store, "works");
	await store.create(specOf("waits"));
	const before = await lists();
	expect(before).toMatchObject({ live: ["works"], active: ["waits", "works"] });
	const { client, keys } = store;
	const nobody = Array.from({ length: 50_000 }, (_, n) => `fake-${n}`);
	for (let at = 0; at < nobody.length; at += 5_000) {
		const some = nobody.slice(at, at + 5_000);
		await client.sadd(keys.live(HOST), some);
		await client.zadd(keys.active(HOST), ...some.flatMap((name) => ["1", name]));
		await client.zadd(keys.outbox, ...some.flatMap((name) => ["1", `${name} 1`]));
	}
	await client.zadd(keys.outbox, 1, "", 2, " ", 3, "\ud83d 1 now");
	expect([...(await store.liveBriefs(HOST)).keys()]).toEqual(["works"]);
	expect((await dropNames(store, HOST)).sort()).toEqual([`active:${HOST}`, `live:${HOST}`, "outbox"]);
	expect(await lists()).toEqual(before);
	expect(await dropNames(store, HOST)).toEqual([]);
});

test("names of tasks that have ended, or are another host's, go from the lists of what lives and is open", async () => {
	for (const id of ["works", "over", "waits"]) await runningTask(store, id);
	await runningTask(store, "elsewhere", { host: "other" });
	await store.move({ id: "over", from: ["running"], to: "completed" });
	await store.move({ id: "waits", from: ["running"], to: "queued" });
	const before = await lists();
	const { client, keys } = store;
	await client.sadd(keys.live(HOST), "over", "elsewhere", "waits");
	await client.zadd(keys.active(HOST), "1", "over", "2", "elsewhere");
	expect([...(await store.liveBriefs(HOST)).keys()]).not.toContain("elsewhere");
	expect(await store.liveCount(HOST)).toBe(1);
	expect((await dropNames(store, HOST)).sort()).toEqual([`active:${HOST}`, `live:${HOST}`]);
	expect(await lists()).toEqual(before);
});

test.each(["B AD", "", ".."])("a task whose host is damaged (%o) is its lister's alone", async (host) => {
	await runningTask(store, "works");
	await store.client.hset(store.keys.task("works"), { host });
	expect(await store.isServed(HOST, "works", host)).toBe(true);
	expect(await store.isServed("other", "works", host)).toBe(false);
	expect(await store.isServed("other", "works", HOST)).toBe(false);
});

test("what stands in the place of a list, or of a record, keeps nobody from the others", async () => {
	await runningTask(store, "works");
	const { client, keys } = store;
	await client.set(keys.task("other"), "no hash");
	await client.sadd(keys.live(HOST), "other", "nobody");
	await client.multi().del(keys.outbox).set(keys.outbox, "x").exec();
	expect(await dropNames(store, HOST)).toEqual([`live:${HOST}`]);
	expect((await client.smembers(keys.live(HOST))).sort()).toEqual(["other", "works"]);
});

/** How many keys one script has asked for, on average, since the count began. */
async function keysAScript(): Promise<number> {
	const text = await store.client.info("commandstats");
	const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(text)?.[1] ?? 0);
	return (calls("exists") + calls("hmget")) / (calls("eval") + calls("evalsha"));
}

test.each([
	["names of tasks are dropped", () => dropNames(store, HOST)],
	["lists are made again from the records", () => store.mend({ hosts: [HOST], relist: true })],
])(
	"%s page by page: Redis serves others between two of them, however many tasks there are",
	async (_, run) => {
		await store.create(specOf("task-0"));
		const { client, keys } = store;
		const copies = `for i = 1, 20000 do
		local id = 'task-' .. i
		redis.call('COPY', ARGV[1] .. ':task:task-0', ARGV[1] .. ':task:' .. id)
		redis.call('ZADD', ARGV[1] .. ':tasks', i, id)
		redis.call('ZADD', ARGV[1] .. ':active:${HOST}', i, id)
		redis.call('ZADD', ARGV[1] .. ':outbox', i, id .. ' 1')
	end`;
		await client.eval(copies, 0, keys.prefix);
		const before = await lists();
		expect(before.active).toHaveLength(20_001);
		await client.config("RESETSTAT");
		await run();
		expect(await keysAScript()).toBeLessThan(2 * NAMES_AT_ONCE + 100);
		expect(await lists()).toEqual(before);
	},
);

test("who puts names there while they go keeps nobody from the end of it, and what lies between them stays", async () => {
	const { client, keys } = store;
	const kept = Array.from({ length: 30 }, (_, n) => `kept-${n}`);
	for (const id of kept) await store.create(specOf(id));
	// Between them more names of nobody than a page has.
	for (const [n] of kept.entries()) {
		const some = Array.from({ length: 400 }, (_, k) => [`${n * 1_000}`, `none-${n}-${k}`]);
		await client.zadd(keys.active(HOST), ...some.flat());
		await client.zadd(keys.active(HOST), String(n * 1_000 + 500), `kept-${n}`);
	}
	expect(await dropNames(store, HOST)).toEqual([`active:${HOST}`]);
	expect((await lists()).active).toEqual(kept.sort());
	const events = await client.xrange(keys.events, "-", "+");
	const told = events.map(([, [, text = ""]]) => text).filter((text) => text.includes("belongs there"));
	expect(told).toEqual([expect.stringContaining("12000 of its names")]);
});
