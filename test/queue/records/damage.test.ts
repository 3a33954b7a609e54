/**
 * Whoever can write to Redis may leave anything there. Every field of every key is damaged in every way;
 * the other tasks are listed, asked about, started and told as if nothing were. A seeded part runs always, all
 * of it with DISPATCH_TEST_WHOLE=1.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { findBatch, listBatches } from "../../../src/actions/batches.ts";
import { cancelTasks } from "../../../src/actions/cancel.ts";
import { viewHosts } from "../../../src/actions/hosts.ts";
import { noteTask } from "../../../src/actions/note.ts";
import { removableTasks, removeIfEnded, removeTask } from "../../../src/actions/remove.ts";
import { isDone } from "../../../src/actions/several.ts";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import { dropIfEmpty, newestBatches, tasksOfBatch } from "../../../src/queue/records/batches.ts";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { nextEvent } from "../../../src/queue/records/feed.ts";
import { closedGates, holdUntil } from "../../../src/queue/records/gates.ts";
import { beat } from "../../../src/queue/records/hosts.ts";
import { appendLog, lastLines } from "../../../src/queue/records/log.ts";
import { lostHosts } from "../../../src/queue/records/lost-hosts.ts";
import { addNote, pendingNotes } from "../../../src/queue/records/notes.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import { noteUsage, spentBy, spentToday } from "../../../src/queue/records/spend.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { agreedTo } from "../../../src/task/agreed.ts";
import { DispatchError } from "../../../src/task/errors.ts";
import { isEnded } from "../../../src/task/states.ts";
import { viewOf } from "../../../src/task/view.ts";
import { taskViewSchema } from "../../../src/task/view-schema.ts";
import { CHOSEN, part, WHOLE } from "../../chance.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { HOST, putBatch, question, runningTask, specOf } from "./store-support.ts";

const PART = 80;
const HOSTILE = "\u001b]0;owned\u0007../../../etc/$(id)`id` --dangerously";
const VICTIM = "victim";

let redis: TestRedis;
let store: Store;
let queues: RunQueues;
let whole: Map<string, Buffer>;
let victimNonce: string;

beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
	queues = new RunQueues(store);
	await prepare();
	whole = await snapshot();
});
afterAll(async () => {
	await queues?.stop();
	await store?.close();
	await redis?.stop();
});

const holdGate = () =>
	holdUntil(
		store,
		{ host: HOST, backend: "fake", model: null },
		{ kind: "rate_limited", until: Date.now() + 60_000, message: "limit", limited: null },
	);
const used = (costUsd: number) => ({
	session: "s",
	epoch: 1,
	ofSession: { inputTokens: 1, outputTokens: 1, costUsd },
	ofRun: null,
	budgetUsd: null,
});

/** One of everything: the victim, a queued task, one that asks, one that needs the victim. */
async function prepare(): Promise<void> {
	await runningTask(store, "done");
	await store.move({ id: "done", from: ["running"], to: "completed" });
	const epoch = await runningTask(store, VICTIM, { after: ["done"] });
	await store.create(specOf("follows", { after: [VICTIM] }));
	victimNonce = (await store.need(VICTIM)).spec.nonce;
	await store.ask(VICTIM, epoch, [question("001", "Answered?"), question("002", "Open?")]);
	await store.answer(VICTIM, { text: "yes", by: "me", seq: "001", token: "k" });
	await store.follow(VICTIM, epoch, { sessionId: "s-1" }, "a report");
	await addNote(store, VICTIM, { text: "note", by: "me" });
	await appendLog(store, VICTIM, epoch, [{ position: 1, text: "line" }]);
	await noteUsage(store, VICTIM, used(0.5));
	const other = await runningTask(store, "asks");
	await store.ask("asks", other, [question("001", "Mine?")]);
	await store.create(specOf("waits"), { key: { key: "k1", hash: "h" } });
	await putBatch(store, "of-batch", { after: ["done"] }, [VICTIM]);
	await putBatch(store, "of-other");
	await holdGate();
	const backends = [{ name: "claude", type: "claude", found: true, version: "2.1.0" }];
	const said = { version: "1.0.0", draining: false, maxAgents: 4, clockOffset: -1, backends };
	await beat(store, HOST, { homeId: "h", home: "/h", pid: 1, running: 0, concurrency: 1, ...said });
}

async function snapshot(): Promise<Map<string, Buffer>> {
	const kept = new Map<string, Buffer>();
	for (const key of await store.client.keys("*"))
		kept.set(key, (await store.client.dumpBuffer(key)) as Buffer);
	return kept;
}

async function restore(): Promise<void> {
	await store.client.flushall();
	const pipeline = store.client.pipeline();
	for (const [key, dump] of whole) pipeline.restore(key, 0, dump);
	await pipeline.exec();
}

/** In place of a value; undefined: it is gone. */
const VALUES: Record<string, string | undefined> = {
	missing: undefined,
	"not JSON": "{x",
	"another JSON type": "[1]",
	"half a character": '{"text":"\\ud83d","id":"\\ud83d"}',
	"a negative number": "-5",
	"a huge number": "9e300",
	hostile: HOSTILE,
	"30 MB": "x".repeat(30 * 1024 * 1024),
};

/** In place of a value within a document: what one reader of JSON takes and another does not. */
const INNER: Record<string, string> = {
	nan: "nan",
	"beyond numbers": "1e400",
	"another type": "[1]",
	"nested deeply": `${"[".repeat(990)}${"]".repeat(990)}`,
};

interface Damage {
	key: string;
	name: string;
	do: () => Promise<unknown>;
}

async function damages(): Promise<Damage[]> {
	const found: Damage[] = [];
	for (const key of whole.keys()) {
		const { client } = store;
		const add = (name: string, act: Damage["do"]) => found.push({ key, name: `${key}: ${name}`, do: act });
		const type = await client.type(key);
		add("wrong type", () => client.multi().del(key).lpush(key, "x").exec());
		for (const [how, value] of Object.entries(VALUES)) {
			if (type === "hash")
				for (const field of await client.hkeys(key))
					add(`${field} ${how}`, () =>
						value === undefined ? client.hdel(key, field) : client.hset(key, field, value),
					);
			else if (type === "string")
				add(how, () => (value === undefined ? client.del(key) : client.set(key, value)));
			else if (value === undefined) add(how, () => client.del(key));
			else if (type === "zset") add(how, () => client.zadd(key, 1, value));
			else if (type === "set") add(how, () => client.sadd(key, value));
			else if (type === "stream") add(how, () => client.xadd(key, "*", "e", value));
		}
		for (const field of type === "hash" ? await client.hkeys(key) : [])
			for (const [name, text] of innerDamages((await client.hget(key, field)) ?? ""))
				add(`${field}: ${name}`, () => client.hset(key, field, text));
		if (key !== store.keys.task(VICTIM)) continue;
		const spec = (await client.hget(key, "spec")) ?? "";
		add("spec half a character in its prompt", () =>
			client.hset(key, "spec", spec.replace("Review it.", "\\ud800")),
		);
	}
	return found;
}

/** Each value of a document in each way; of any other text none. @returns names, and the documents */
function innerDamages(text: string): [string, string][] {
	const document: unknown = text.startsWith("{") ? JSON.parse(text) : {};
	return Object.keys(document as object).flatMap((name) =>
		Object.entries(INNER).map(([how, value]): [string, string] => [
			`${name} ${how}`,
			JSON.stringify({ ...(document as object), [name]: "HERE" }).replace('"HERE"', () => value),
		]),
	);
}

/** An expected refusal is an answer; anything else is a fault of ours. */
async function coded<T>(work: Promise<T>): Promise<T | null> {
	try {
		return await work;
	} catch (error) {
		if (error instanceof DispatchError) return null;
		throw error;
	}
}

async function lookAtAll(): Promise<void> {
	// What is damaged of one takes the list from nobody.
	await listBatches(store, null);
	const { records } = (await coded(store.read([VICTIM, "asks", "waits"]))) ?? { records: [] };
	for (const record of records) {
		const { id } = record.spec;
		const questions = (await coded(store.questions(id))) ?? [];
		const view = viewOf(record, questions, "test");
		taskViewSchema.parse(JSON.parse(JSON.stringify(view)));
	}
	const position = { event: "0", asked: [], passed: [] };
	for (const look of [
		() => store.get(VICTIM),
		() => store.list(-1),
		() => store.newest(-1),
		() => store.states(),
		() => store.liveBriefs(HOST),
		() => store.activeIds(HOST),
		() => store.undelivered(VICTIM),
		() => store.openQuestions(),
		() => store.report(VICTIM),
		() => pendingNotes(store, VICTIM),
		() => closedGates(store, HOST),
		() => viewHosts(store, HOST),
		async () => lostHosts(store, await store.list(-1)),
		() => spentBy(store, VICTIM),
		() => spentToday(store),
		() => lastLines(store, VICTIM, 10),
		() => newestBatches(store),
		() => tasksOfBatch(store, "nightly"),
		() => findBatch(store, "nightly"),
		() => findBatch(store, "batch of of-batch"),
		() => eventsAfter(store, "0"),
		() => nextEvent(store, position, { ids: null, questions: true }),
		() => drainOutbox(store, queues),
		() => sweepLostJobs(store, queues, HOST),
		() => store.settleNeeds("follows"),
		() => store.answer(VICTIM, { text: "a", by: "me" }),
		() => store.delivered(VICTIM, ["1.001"]),
		() => addNote(store, VICTIM, { text: "n", by: "me" }),
		() => noteUsage(store, VICTIM, used(1)),
		() => store.follow(VICTIM, 1, { sessionId: "s-2" }),
		() => holdGate(),
	])
		await coded<unknown>(look());
}

/** Whatever became of its words: a question that nobody sees is never answered. */
async function victimIsSeenToAsk(): Promise<void> {
	expect((await store.openQuestions()).map(({ task }) => task)).toContain(VICTIM);
	expect((await store.questions(VICTIM)).map(({ seq, open }) => ({ seq, open }))).toContainEqual({
		...{ seq: "002", open: true },
	});
}

/** What was done to the victim's own keys is nobody else's affair. */
async function othersAreWell(): Promise<void> {
	const { records } = await store.read(await store.ids());
	expect(records.map(({ spec }) => spec.id)).toEqual(expect.arrayContaining(["asks", "waits", "of-batch"]));
	expect(await putBatch(store, "later")).toBe("published");
	expect((await store.openQuestions()).map(({ task }) => task)).toContain("asks");
	const waits = await store.need("waits");
	expect(await queues.of(HOST).getJobState(`waits.${waits.generation}`)).toBe("prioritized");
	expect(await store.answer("asks", { text: "a", by: "me" })).toMatchObject({ result: "answered" });
	await noteUsage(store, "asks", used(0.25));
}

const WAYS = ["by its id", "as it was listed"] as const;
type Way = (typeof WAYS)[number];
const PLACE = { path: "/nonexistent", hostId: "elsewhere" };

/** A damaged task can be cancelled, and then be removed for good: by its id; what a list still holds also by that. */
async function victimCanGo(way: Way): Promise<void> {
	const listed = async () => (way === "by its id" ? [] : await store.getMany([VICTIM]));
	for (const record of await listed())
		await coded(noteTask(store, record, { text: "n", by: "me", agreed: agreedTo(record) }));
	const shown = await listed();
	const cancelled =
		(await coded(cancelTasks(store, shown.length > 0 ? shown : [VICTIM], { by: "me" }))) ?? [];
	if (cancelled.filter(isDone).some(({ done }) => done.result === "cancelling")) {
		const brief = await store.liveBrief(VICTIM);
		await coded(
			store.move({ id: VICTIM, from: ["running", "asking"], epoch: brief?.epoch ?? -1, to: "cancelled" }),
		);
	}
	for (const record of (await listed()).filter(({ state }) => isEnded(state)))
		expect(await removeIfEnded(store, record, PLACE)).toMatchObject({ task: VICTIM });
	if (await store.exists(VICTIM))
		for (const one of await removableTasks(store, [VICTIM])) await removeTask(store, one, PLACE);
	expect(await store.exists(VICTIM)).toBe(false);
	expect(await store.liveIds(HOST)).not.toContain(VICTIM);
	expect(await store.activeIds(HOST)).not.toContain(VICTIM);
	expect((await store.openQuestions()).map(({ task }) => task)).not.toContain(VICTIM);
	// What the sweep does, where the list of those that wait for it was damaged.
	await store.settleNeeds("follows");
	expect(await store.need("follows")).toMatchObject({ state: "cancelled", reason: "skipped" });
}

/** Else a copy of its record would be a task of its own. */
async function itsHostIsTold(): Promise<void> {
	expect((await store.client.lrange(store.keys.removed(HOST), 0, -1)).join("\n")).toContain(victimNonce);
}

const isOfBatches = ({ key }: Damage) =>
	[store.keys.batches, store.keys.batch("nightly"), store.keys.members("nightly")].includes(key);

const batchIds = async () => (await listBatches(store, null)).listed.map(({ batch }) => batch.id);

/** A batch is shown, sound or damaged, has its tasks, and goes with them; the other one is as it was. */
async function batchesAreWell(): Promise<void> {
	// What a host does when it starts: where the list of all of them was lost.
	await store.mend({ hosts: [HOST], relist: true });
	expect(await batchIds()).toEqual(expect.arrayContaining(["nightly", "nightly-2"]));
	const { records } = await findBatch(store, "nightly");
	expect(records.map(({ spec }) => spec.id).sort()).toEqual(["of-batch", VICTIM]);
	expect((await findBatch(store, "batch of of-other")).records.map(({ spec }) => spec.id)).toEqual([
		"of-other",
	]);
	expect(await putBatch(store, "later")).toBe("published");
	await victimCanGo("by its id");
	await store.cancel("of-batch", "me");
	await store.remove("of-batch");
	await dropIfEmpty(store, "nightly");
	expect(await batchIds()).not.toContain("nightly");
	expect(await batchIds()).toContain("nightly-2");
}

function chosen(list: Damage[]): Damage[] {
	if (WHOLE) return list;
	const small = list.filter(({ name }) => !name.endsWith("30 MB"));
	return [...small.filter(isAlways), ...part(small, PART)];
}

/** What only scripts see, and what only they cannot read. */
function isAlways(damage: Damage): boolean {
	const { key, name } = damage;
	return (
		isOfBatches(damage) ||
		((key.endsWith(`:${VICTIM}`) || key === store.keys.task("done")) &&
			/: (wrong type|spec half a character in its prompt|endEvent .*|.*: .* nan)$/.test(name))
	);
}

test(
	`damage of any field of any key stays where it is (${CHOSEN})`,
	async () => {
		const all = await damages();
		expect(all.length).toBeGreaterThan(300);
		for (const damage of chosen(all)) {
			const isVictims = damage.key.endsWith(`:${VICTIM}`);
			for (const way of isVictims ? WAYS : WAYS.slice(0, 1)) {
				await restore();
				await damage.do();
				try {
					if (damage.key === store.keys.questions(VICTIM)) await victimIsSeenToAsk();
					await lookAtAll();
					if (isVictims) await othersAreWell();
					if (isVictims) await victimCanGo(way);
					if (isOfBatches(damage)) await batchesAreWell();
					if (isVictims && damage.name.includes(": spec: ")) await itsHostIsTold();
				} catch (error) {
					throw new Error(`after ${damage.name}, ${way}`, { cause: error });
				}
			}
		}
	},
	WHOLE ? 3_600_000 : 300_000,
);
