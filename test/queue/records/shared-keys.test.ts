/**
 * Keys that all tasks share are nobody's task's damage: whatever stands in the place of one of them, everybody goes
 * on, it is said, and nothing is lost that the records know.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { findBatch, listBatches } from "../../../src/actions/batches.ts";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import { eventsAfter, lastEventId, noteEvent } from "../../../src/queue/records/events.ts";
import { nextEvent, startOfFeed } from "../../../src/queue/records/feed.ts";
import { closedGates, holdUntil, openAfterSuccess } from "../../../src/queue/records/gates.ts";
import { listHosts } from "../../../src/queue/records/host-list.ts";
import { beat, claimHost } from "../../../src/queue/records/hosts.ts";
import { fencedAmong, lostHosts } from "../../../src/queue/records/lost-hosts.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import { followRemovals } from "../../../src/queue/records/removed.ts";
import { INBOX } from "../../../src/queue/records/scripts/inbox.ts";
import { noteUsage, spentToday } from "../../../src/queue/records/spend.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { HOST, putBatch, question, runningTask, specOf } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
let queues: RunQueues;

beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
	queues = new RunQueues(store);
});
afterAll(async () => {
	await queues?.stop();
	await store?.close();
	await redis?.stop();
});
beforeEach(async () => {
	await store.client.flushall();
	const epoch = await runningTask(store, "asks");
	await store.ask("asks", epoch, [question("001", "Which?")]);
	await store.create(specOf("waits"), { key: { key: "k", hash: "h" } });
	await beat(store, HOST, { homeId: "h", home: "/h", pid: 1, running: 0, concurrency: 1 });
});

const used = {
	session: "s",
	epoch: 1,
	ofSession: { inputTokens: 1, outputTokens: 1, costUsd: 1 },
	ofRun: null,
	budgetUsd: null,
};
const gated = { host: HOST, backend: "fake", model: null };
const today = () => store.keys.spend(new Date().toISOString().slice(0, 10));

const SHARED: Record<string, () => string> = {
	tasks: () => store.keys.tasks,
	outbox: () => store.keys.outbox,
	inbox: () => store.keys.inbox,
	batches: () => store.keys.batches,
	"the tasks of a batch": () => store.keys.members("nightly"),
	"the record of a batch": () => store.keys.batch("nightly"),
	events: () => store.keys.events,
	"the counter of run jobs": () => `${store.keys.prefix}:generation`,
	"keys of enqueue": () => `${store.keys.prefix}:keys`,
	live: () => store.keys.live(HOST),
	active: () => store.keys.active(HOST),
	hosts: () => store.keys.hosts,
	host: () => store.keys.host(HOST),
	fenced: () => store.keys.fenced(HOST),
	removed: () => store.keys.removed(HOST),
	gates: () => store.keys.gates(HOST),
	lanes: () => store.keys.lanes(HOST),
	turns: () => store.keys.turns(HOST),
	notified: () => store.keys.notified(HOST),
	sweep: () => `${store.keys.sweep}:${HOST}`,
	"the day's spending": today,
	"who spent it": () => today().replace(":spend:", ":spenders:"),
	"BullMQ's line": () => `${store.keys.bull}:run-${HOST}:prioritized`,
	"BullMQ's counter": () => `${store.keys.bull}:run-${HOST}:pc`,
	"BullMQ's settings": () => `${store.keys.bull}:run-${HOST}:meta`,
	"BullMQ's events": () => `${store.keys.bull}:run-${HOST}:events`,
};

/** All that goes on at a host, and what people do; each must work. @returns what did not */
async function everything(): Promise<string[]> {
	const failed: string[] = [];
	const steps: Record<string, () => Promise<unknown>> = {
		enqueue: () => store.create(specOf("new"), { key: { key: "k2", hash: "h" } }),
		"a batch": () => putBatch(store, "of-batch"),
		batches: () => listBatches(store, null),
		"one batch": () => findBatch(store, "batch of of-batch"),
		list: () => store.list(-1),
		questions: () => store.openQuestions(),
		drain: () => drainOutbox(store, queues),
		sweep: () => sweepLostJobs(store, queues, HOST),
		"a look at live tasks": () => store.liveBriefs(HOST),
		beat: () => beat(store, HOST, { homeId: "h", home: "/h", pid: 1, running: 0, concurrency: 1 }),
		claim: () => claimHost(store, HOST, { homeId: "h", place: "p", holder: "1" }),
		"lost hosts": async () => lostHosts(store, await store.list(-1)),
		"all hosts": () => listHosts(store),
		fenced: () => fencedAmong(store, HOST, ["x"]),
		removals: () => followRemovals(store, HOST, async () => new Set()),
		gates: () => closedGates(store, HOST),
		success: () => openAfterSuccess(store, gated, 0),
		limit: () => holdUntil(store, gated, { kind: "rate_limited", until: 1, message: "limit", limited: null }),
		usage: () => noteUsage(store, "asks", used),
		"the day": () => spentToday(store),
		note: () => noteEvent(store, { task: "asks", kind: "repaired" }),
		events: () => eventsAfter(store, "0"),
		"end of events": () => lastEventId(store),
		feed: async () => nextEvent(store, await startOfFeed(store), { ids: null, questions: true }),
		answer: () => store.answer("asks", { text: "a", by: "me", seq: "001" }),
		start: () => store.move({ id: "new", from: ["queued"], to: "running", runNonce: "n" }),
		end: () => store.move({ id: "new", from: ["running"], to: "completed" }),
		cancel: () => store.cancel("asks", "me"),
		remove: () => store.remove("new"),
		"end of a batch": () => store.cancel("of-batch", "me"),
		"removal of a batch": () => store.remove("of-batch"),
	};
	for (const [name, step] of Object.entries(steps))
		await step().catch((error: Error) => failed.push(`${name}: ${error.message} ${error.cause ?? ""}`));
	return failed;
}

const NOT_MINE = {
	list: (key: string) => store.client.lpush(key, "x"),
	text: (key: string) => store.client.set(key, "somebody's"),
};

test.each(
	Object.keys(SHARED).flatMap((name) => (["list", "text"] as const).map((held) => [name, held] as const)),
)("%s in whose place a %s stands stop nothing and nobody", async (name, held) => {
	const key = (SHARED[name] as () => string)();
	await store.client.del(key);
	await NOT_MINE[held](key);
	// What the host does every few seconds; commands put right what they need themselves.
	if (name.startsWith("BullMQ") || name === "notified") await store.mend({ hosts: [HOST] });
	expect(await everything()).toEqual([]);
});

test.each(["tasks", "outbox", "inbox", "live", "active"])(
	"%s is made anew from the records, what stood there is kept, and an event says so",
	async (name) => {
		const key = (SHARED[name] as () => string)();
		const before = await store.client.keys(`${store.keys.prefix}:aside:*`);
		await store.client.del(key);
		await store.client.set(key, "somebody's");
		await store.create(specOf("third"));
		const ids = await store.ids();
		expect([...ids].sort()).toEqual(["asks", "third", "waits"]);
		expect(await store.liveIds(HOST)).toEqual(["asks"]);
		expect([...(await store.activeIds(HOST))].sort()).toEqual(["asks", "third", "waits"]);
		expect((await store.openQuestions()).map(({ task }) => task)).toEqual(["asks"]);
		await drainOutbox(store, queues);
		const { generation } = await store.need("waits");
		expect(await queues.of(HOST).getJobState(`waits.${generation}`)).toBe("prioritized");
		const aside = await store.client.keys(`${store.keys.prefix}:aside:*`);
		expect(aside.length - before.length).toBe(1);
		expect(await store.client.get(aside[0] ?? "")).toBe("somebody's");
		const said = (await eventsAfter(store, "0")).filter(({ kind }) => kind === "repaired");
		expect(said).toMatchObject([{ task: "", why: expect.stringContaining("put aside") }]);
	},
);

test.each(Object.entries(NOT_MINE))(
	"a page of the inbox holds every question, though a %s was put in the inbox's place since the page before",
	async (_, put) => {
		await store.client.del(store.keys.inbox);
		await put(store.keys.inbox);
		const { names } = await store.run<{ names: string[] }>(INBOX, { from: 0 });
		expect(names).toEqual(["asks 1.001"]);
	},
);

test("a stream of events that has no id left begins anew", async () => {
	const last = (2n ** 64n - 1n).toString();
	await store.client.xadd(store.keys.events, `${last}-${last}`, "e", "{}");
	expect(await everything()).toEqual([]);
	expect((await eventsAfter(store, "0")).map(({ kind }) => kind)).toContain("cancelling");
});

test("lists that lost something have it again after a look at the records", async () => {
	await store.client.del(store.keys.live(HOST), store.keys.active(HOST), store.keys.tasks, store.keys.inbox);
	await store.mend({ hosts: [HOST], relist: true });
	expect(await store.liveIds(HOST)).toEqual(["asks"]);
	expect([...(await store.activeIds(HOST))].sort()).toEqual(["asks", "waits"]);
	expect([...(await store.ids())].sort()).toEqual(["asks", "waits"]);
	expect((await store.openQuestions()).map(({ task }) => task)).toEqual(["asks"]);
});

test("a record of another type keeps nobody from being told what ended", async () => {
	const from = await startOfFeed(store);
	await store.create(specOf("broken"));
	await store.move({ id: "broken", from: ["queued"], to: "cancelled" });
	await store.move({ id: "waits", from: ["queued"], to: "cancelled" });
	await store.client.multi().del(store.keys.task("broken")).lpush(store.keys.task("broken"), "x").exec();
	const filter = { ids: null, questions: false };
	expect((await nextEvent(store, from, filter)).event).toMatchObject({ task: "waits" });
	// The stream was cut: the ends stand in the records.
	await store.client.xtrim(store.keys.events, "MAXLEN", 0);
	expect((await nextEvent(store, from, filter)).event).toMatchObject({ task: "waits" });
	expect(await store.stateOf("broken")).toBeNull();
});

test("one task whose job cannot be made holds up nobody's start, and gets its own when it can", async () => {
	const broken = `${store.keys.bull}:run-other:id`;
	await store.create(specOf("first", { host: "other" }));
	await store.client.zadd(store.keys.outbox, 1, `first ${(await store.need("first")).generation}`);
	await store.client.set(broken, "somebody's");
	const faults: string[] = [];
	// As a host looks: that other host mends its own keys.
	const drain = () => drainOutbox(store, queues, (task) => faults.push(task));
	const mend = store.mend.bind(store);
	store.mend = async () => [];
	try {
		expect(await drain()).toBe(1);
	} finally {
		store.mend = mend;
	}
	expect(faults).toEqual(["first"]);
	const { generation } = await store.need("waits");
	expect(await queues.of(HOST).getJobState(`waits.${generation}`)).toBe("prioritized");
	await store.client.del(broken);
	expect(await drain()).toBe(1);
});

test("a job that waits without a hold is hurried, also one that was queued by a clock that has been set back", async () => {
	const ahead = 86_400_000;
	const backoff = { kind: "backoff", until: Date.now() + ahead } as const;
	await store.create(specOf("late"));
	await store.create(specOf("wanted", { notBefore: Date.now() + ahead }));
	const { generation } = await store.need("late");
	await store.hold("late", generation, backoff);
	await drainOutbox(store, queues);
	expect(await queues.of(HOST).getJobState(`late.${generation}`)).toBe("delayed");
	await store.hold("late", generation, null);
	await store.client.hset(store.keys.task("late"), "queuedAt", Date.now() + ahead);
	await store.client.hset(store.keys.task("wanted"), "queuedAt", Date.now() - 60_000);
	await sweepLostJobs(store, queues, HOST);
	expect(await queues.of(HOST).getJobState(`late.${generation}`)).toBe("prioritized");
	// What a person asked for is waited for.
	const wanted = await store.need("wanted");
	expect(await queues.of(HOST).getJobState(`wanted.${wanted.generation}`)).toBe("delayed");
});
