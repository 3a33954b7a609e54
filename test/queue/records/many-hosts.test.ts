/** The list of hosts is anybody's to write: names for nothing make no command slow, and go. */
import { expect, test } from "vitest";
import { beat } from "../../../src/queue/records/hosts.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { withStore } from "../stage.ts";
import { HOST, runningTask } from "./store-support.ts";

let store: Store;
withStore("command", (made) => {
	store = made;
});

const MANY = 10_000;

async function forge(): Promise<void> {
	const names = Array.from({ length: MANY }, (_, n) => `forged-${n}`);
	await store.client.sadd(store.keys.hosts, names);
}

/** Commands that Redis has run, those within scripts, too. */
async function ran(act: () => Promise<unknown>): Promise<number> {
	await store.client.config("RESETSTAT");
	await act();
	const all = (await store.client.info("commandstats")).matchAll(/calls=(\d+)/g);
	return [...all].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

async function ended(id: string): Promise<void> {
	await runningTask(store, id);
	await store.move({ id, from: ["running"], to: "completed" });
}

const ACTS: Record<string, { make: () => Promise<unknown>; act: () => Promise<unknown> }> = {
	"a removal": { make: () => ended("t"), act: () => store.remove("t") },
	"the removal of a damaged one": {
		make: async () => {
			await ended("t");
			await store.client.hset(store.keys.task("t"), "epoch", "x");
		},
		act: () => store.remove("t"),
	},
	"a cancel of a damaged one": {
		make: async () => {
			await runningTask(store, "t");
			await store.client.hset(store.keys.task("t"), "epoch", "x");
		},
		act: () => store.cancel("t", "me@here"),
	},
	"a start": { make: async () => {}, act: () => runningTask(store, "t") },
	"a look at the shared lists": { make: async () => {}, act: () => store.mend({ hosts: [HOST] }) },
};

test.each(Object.entries(ACTS))(
	"%s looks at some names, however many there are",
	async (_, { make, act }) => {
		await make();
		await forge();
		expect(await ran(act)).toBeLessThan(MANY / 2);
		expect(await store.client.keys("*:removed:forged-*")).toEqual([]);
		expect(await store.client.keys("*:fenced:forged-*")).toEqual([]);
	},
);

test("names that are no host's go, those of hosts that have shown themselves or have tasks stay", async () => {
	await beat(store, "idle", { homeId: "id" } as never, { place: "/h", holder: "1 a b" });
	await runningTask(store, "t", { host: "works" });
	await store.client.sadd(store.keys.hosts, "works");
	await forge();
	for (let looks = 0; looks < 30; looks++) await store.mend({ hosts: [HOST] });
	const left = await store.client.smembers(store.keys.hosts);
	expect(left.sort()).toEqual(["idle", "works"]);
});

test("a task that has moved is told of as removed to each host that is one", async () => {
	await beat(store, "idle", { homeId: "id" } as never, { place: "/h", holder: "1 a b" });
	await ended("t");
	await store.client.hset(store.keys.task("t"), "moves", "1");
	await store.remove("t");
	const notices = await store.client.keys("*:removed:*");
	expect(notices.map((key) => key.replace(/^.*:/, "")).sort()).toEqual([HOST, "idle"].sort());
});
