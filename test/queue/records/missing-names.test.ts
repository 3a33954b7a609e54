/** Who writes to Redis can take names out of any list: what the records know is in it again, at a small price. */
import { expect, test } from "vitest";
import { checkLists } from "../../../src/cli/doctor/check-tasks.ts";
import { sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import type { RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import { beat, claimHost } from "../../../src/queue/records/hosts.ts";
import { putBackNames } from "../../../src/queue/records/missing-names.ts";
import { NAMES_AT_ONCE } from "../../../src/queue/records/scripts/drop-names.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { OPEN_QUESTIONS_LIMIT } from "../../../src/task/question.ts";
import { withQueues } from "../stage.ts";
import { HOST, putBatch, question, runningTask, specOf } from "./store-support.ts";

let store: Store;
let queues: RunQueues;
withQueues((made) => {
	({ store, queues } = made);
});

/** A task in each kind of list. */
async function everyKind(): Promise<void> {
	for (const host of [HOST, "away"]) {
		await claimHost(store, host, { homeId: "h", place: host, holder: "1" });
		await beat(store, host, { homeId: "h", home: "/h", pid: 1, running: 0, concurrency: 1 });
	}
	const epoch = await runningTask(store, "asks");
	await store.ask("asks", epoch, [question("001", "Which?"), question("002", "Where?")]);
	await runningTask(store, "works");
	await runningTask(store, "over");
	await store.move({ id: "over", from: ["running"], to: "completed" });
	await store.create(specOf("elsewhere", { host: "away" }));
	await store.move({ id: "elsewhere", from: ["queued"], to: "cancelled" });
	await store.create(specOf("first"));
	for (const id of ["needs", "needs-too"]) await store.create(specOf(id, { after: ["first"] }));
	await putBatch(store, "of-batch");
	await putBatch(store, "of-batch-too", {}, ["of-batch"]);
	const old = { queuedAt: Date.now() - 60_000 };
	for (const id of ["first", "of-batch"]) await store.client.hset(store.keys.task(id), old);
}

const LISTS: Record<string, () => string> = {
	tasks: () => store.keys.tasks,
	"what is open on a host": () => store.keys.active(HOST),
	"what lives on a host": () => store.keys.live(HOST),
	inbox: () => store.keys.inbox,
	batches: () => store.keys.batches,
	"tasks of a batch": () => store.keys.members("nightly"),
	hosts: () => store.keys.hosts,
	"who waits for a task": () => store.keys.dependents("first"),
};

const isSet = async (key: string) => (await store.client.type(key)) === "set";
const namesIn = async (key: string) =>
	(await isSet(key)) ? store.client.smembers(key) : store.client.zrange(key, "0", "-1");

const WAYS: Record<string, (key: string) => Promise<unknown>> = {
	"is gone but for a foreign name": async (key) => {
		const foreign = (await isSet(key)) ? ["sadd", key, "a"] : ["zadd", key, "1", "a"];
		await store.client.del(key);
		await store.client.call(foreign[0] as string, ...foreign.slice(1));
	},
	"has lost one name": async (key) => {
		const [name = ""] = await namesIn(key);
		await store.client.call((await isSet(key)) ? "srem" : "zrem", key, name);
	},
};

test.each(Object.keys(LISTS).flatMap((list) => Object.keys(WAYS).map((way) => [list, way] as const)))(
	"the list of %s that %s is whole after a pass, and an event says so",
	async (list, way) => {
		await everyKind();
		const key = (LISTS[list] as () => string)();
		const before = await namesIn(key);
		expect(before.length).toBeGreaterThan(0);
		await WAYS[way]?.(key);
		expect(await namesIn(key)).not.toEqual(expect.arrayContaining(before));
		const missing = await putBackNames(store);
		expect(Object.keys(missing)).toHaveLength(1);
		expect(await namesIn(key)).toEqual(expect.arrayContaining(before));
		const events = await store.client.xrange(store.keys.events, "-", "+");
		const told = events.map(([, [, text = ""]]) => text).filter((text) => text.includes("were put back"));
		expect(told).toHaveLength(1);
		expect(await putBackNames(store, true)).toEqual({});
	},
);

test("doctor tells what was missing, and puts it back", async () => {
	await everyKind();
	await store.client.zrem(store.keys.tasks, "works", "over");
	expect(await checkLists(store)).toMatchObject([
		{ level: "warn", text: expect.stringContaining("tasks (2)") },
	]);
	expect(await store.ids()).toContain("over");
	expect(await checkLists(store)).toEqual([]);
});

test.each(Object.keys(WAYS))("an outbox that %s loses no start", async (way) => {
	await everyKind();
	await WAYS[way]?.(store.keys.outbox);
	await putBackNames(store);
	await sweepLostJobs(store, queues, HOST);
	for (const id of ["first", "of-batch"]) {
		const { generation } = await store.need(id);
		expect(await queues.of(HOST).getJobState(`${id}.${generation}`)).toBe("prioritized");
	}
});

test("nothing is missing, and nothing is put where it does not belong, while all lists are whole", async () => {
	await everyKind();
	await store.cancel("asks", "me");
	await store.cancel("first", "me");
	await store.remove("over");
	await store.remove("first");
	const state = async () =>
		Promise.all(
			(await store.client.keys("*")).sort().map(async (key) => [key, await store.client.dump(key)]),
		);
	const before = new Map((await state()) as [string, string][]);
	expect(await putBackNames(store, true)).toEqual({});
	const after = new Map((await state()) as [string, string][]);
	const changed = [...after.keys()].filter((key) => before.get(key) !== after.get(key));
	expect(changed).toEqual([`${store.keys.prefix}:pass`]);
});

test("any number of names in what a task asks: as many are put into the inbox as it may ask at once", async () => {
	await everyKind();
	const open = `${store.keys.prefix}:open:asks`;
	const flood = "for i = 1, 50000 do redis.call('ZADD', KEYS[1], i, 'x.' .. i) end";
	await store.client.eval(flood, 1, open);
	await store.client.config("RESETSTAT");
	await putBackNames(store, true);
	expect((await commandsRun()).all).toBeLessThan(5_000);
	expect(await store.client.zcard(store.keys.inbox)).toBeLessThanOrEqual(2 + OPEN_QUESTIONS_LIMIT);
	expect((await store.openQuestions()).map(({ seq }) => seq)).toEqual(["001", "002"]);
});

/** How many commands Redis has run since the count began, those of scripts too. */
async function commandsRun(): Promise<{ all: number; scripts: number }> {
	const text = await store.client.info("commandstats");
	const counts = [...text.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(
		([, name = "", calls]) => [name, Number(calls)] as const,
	);
	const scripts = counts.filter(([name]) => name.startsWith("eval")).reduce((sum, [, n]) => sum + n, 0);
	return { all: counts.reduce((sum, [, n]) => sum + n, 0), scripts };
}

test("10,000 tasks: few commands for each, page by page, by one of all hosts, and not at each look", async () => {
	await store.create(specOf("task-0"));
	await store.move({ id: "task-0", from: ["queued"], to: "cancelled" });
	const { client, keys } = store;
	const copies = `for i = 1, 9999 do
		redis.call('COPY', ARGV[1] .. ':task:task-0', ARGV[1] .. ':task:task-' .. i)
		redis.call('ZADD', ARGV[1] .. ':tasks', i, 'task-' .. i)
	end`;
	await client.eval(copies, 0, keys.prefix);
	await client.config("RESETSTAT");
	expect(await putBackNames(store)).toEqual({});
	const pass = await commandsRun();
	expect(pass.all).toBeLessThan(4 * 10_000);
	expect(pass.all / pass.scripts).toBeLessThan(4 * NAMES_AT_ONCE);
	await client.config("RESETSTAT");
	await putBackNames(store);
	expect((await commandsRun()).all).toBeLessThan(20);
});

test.each([
	["at", "99999999999999999999"],
	["at", "nonsense"],
	["from", "99999999999999999999999"],
	["from", "x"],
])("who writes %s = %s where the passes are noted keeps nobody from one", async (field, value) => {
	await everyKind();
	await store.client.hset(`${store.keys.prefix}:pass`, field, value);
	await store.client.zrem(store.keys.tasks, "works");
	await putBackNames(store);
	expect(await store.ids()).toContain("works");
});
