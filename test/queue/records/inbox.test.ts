/**
 * The inbox and a task's lists of questions are anybody's who writes to Redis: any number of names takes the open
 * questions from nobody, and a name that is nobody's question is shown to nobody.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { answerTask } from "../../../src/actions/answer.ts";
import { nextEvent, startOfFeed } from "../../../src/queue/records/feed.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { OPEN_QUESTIONS_LIMIT } from "../../../src/task/question.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { question, runningTask, specOf } from "./store-support.ts";

/** More than a call takes as arguments. */
const FLOOD = 200_000;

let redis: TestRedis;
let store: Store;
let epoch: number;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});
beforeEach(async () => {
	await store.client.flushall();
	epoch = await runningTask(store, "asks");
	await store.ask("asks", epoch, [question("001", "Open?")]);
});

const openOf = (id: string) => `${store.keys.prefix}:open:${id}`;
const shown = async () => (await store.openQuestions()).map(({ task, seq }) => `${task} ${seq}`);

/** @param name of each, `%` for its number; the oldest of all */
const flood = (key: string, name: string) =>
	store.client.eval(
		`for n = 1, ${FLOOD} do
			local name = string.gsub(ARGV[1], '%%', 1000 + n)
			if ARGV[2] == 'set' then redis.call('SADD', KEYS[1], name) else redis.call('ZADD', KEYS[1], 1, name) end
		end`,
		1,
		key,
		name,
		key === store.keys.undelivered("asks") ? "set" : "zset",
	);

test("any number of names of no task hides no question, and is gone after the look", async () => {
	await flood(store.keys.inbox, "ghost 1.%");
	// A look is bounded; the next one goes on.
	await expect.poll(shown).toEqual(["asks 001"]);
	expect(await store.client.zcard(store.keys.inbox)).toBe(1);
});

test("any number of names of a task hides no question: as many are damaged as it may ask at once", async () => {
	await store.ask("other", await runningTask(store, "other"), [question("001", "Open?")]);
	await flood(store.keys.inbox, "asks 1.%");
	await flood(openOf("asks"), "1.%");
	const one = await store.questions("asks");
	expect(one).toHaveLength(OPEN_QUESTIONS_LIMIT + 1);
	expect(one.filter(({ hash }) => hash !== "")).toMatchObject([{ seq: "001", open: true }]);
	await expect.poll(shown).toContain("asks 001");
	await expect.poll(shown).toContain("other 001");
	// The rest goes look by look.
	const left = async () => (await shown()) && store.client.zcard(store.keys.inbox);
	await expect.poll(left).toBe(OPEN_QUESTIONS_LIMIT + 2);
});

test("any number of answered questions whose names stand there once more hides no open one", async () => {
	for (let n = 2; n <= 2 * OPEN_QUESTIONS_LIMIT; n++) {
		const seq = String(n).padStart(3, "0");
		await store.ask("asks", epoch, [question(seq, "Answered?")]);
		await store.answer("asks", { text: "yes", by: "a@b", seq });
		// Older than the open one.
		await store.client.zadd(store.keys.inbox, 1, `asks 1.${seq}`);
	}
	for (let looks = 0; looks < 2; looks++) expect(await shown()).toContain("asks 001");
	expect(await store.client.zscore(store.keys.inbox, "asks 1.001")).not.toBeNull();
});

test("any number of answers that are none keeps nobody's answer from the agent", async () => {
	await store.answer("asks", { text: "yes", by: "a@b" });
	await flood(store.keys.undelivered("asks"), "1.%");
	expect((await store.undelivered("asks")).map(({ question: { answer } }) => answer)).toEqual(["yes"]);
});

const NOBODYS: Record<string, () => Promise<unknown>> = {
	"of no task": () => store.client.zadd(store.keys.inbox, 1, "ghost 1.001"),
	"that is none": () => store.client.zadd(store.keys.inbox, 1, "", 1, "ghost", 1, " ", 1, "asks", 1, "asks "),
	"of a task that knows no such question": () => store.client.zadd(store.keys.inbox, 1, "asks 1.007~x"),
	"of another session": () => store.client.zadd(store.keys.inbox, 1, "asks 7.001"),
	"of a removed task": async () => {
		await store.create(specOf("gone"));
		await store.client.zadd(store.keys.inbox, 1, "gone 1.007~x");
		await store.move({ id: "gone", from: ["queued"], to: "cancelled" });
		await store.run("remove", { id: "gone" });
	},
	"of a removed task, and there is a new one of this id": async () => {
		await NOBODYS["of a removed task"]?.();
		await store.create(specOf("gone"));
	},
};

test.each(Object.entries(NOBODYS))(
	"a name %s is no question: not listed, not told, and dropped",
	async (_, put) => {
		const from = await startOfFeed(store);
		await put();
		expect(await shown()).toEqual(["asks 001"]);
		const filter = { ids: null, questions: true };
		const first = await nextEvent(store, from, filter);
		expect(first.event).toMatchObject({ kind: "asked", task: "asks", seq: "001" });
		const { event } = await nextEvent(store, first.position, filter);
		expect([undefined, "ended"]).toContain(event?.kind);
		expect(await store.client.zrange(store.keys.inbox, "0", "-1")).toEqual(["asks 1.001"]);
	},
);

const STILL_ASKED: Record<string, () => Promise<unknown>> = {
	"its text is lost": () => store.client.hdel(store.keys.questions("asks"), "1.001"),
	"its text is damaged": () => store.client.hset(store.keys.questions("asks"), "1.001", "{x"),
	"all texts are something else": () => store.client.set(store.keys.questions("asks"), "x"),
	"the list of what is open is lost": () => store.client.del(openOf("asks")),
	"the list of what is open is something else": () => store.client.set(openOf("asks"), "x"),
	"the record is damaged": () => store.client.hset(store.keys.task("asks"), "spec", "{x"),
	"the record is something else": () => store.client.set(store.keys.task("asks"), "x"),
};

test.each(Object.entries(STILL_ASKED))("a question stays in the inbox where %s", async (_, damage) => {
	await damage();
	expect(await shown()).toEqual(["asks 001"]);
});

test.each([
	["lost", () => store.client.hdel(store.keys.questions("asks"), "1.001")],
	["garbage", () => store.client.hset(store.keys.questions("asks"), "1.001", "{x")],
] as const)(
	"an answer to a question whose text is %s says what to do, not where it came from",
	async (_, damage) => {
		await damage();
		for (const seq of [null, 1]) {
			const refused = answerTask(store, "asks", { text: "yes", by: "a@b", seq });
			await expect(refused).rejects.toMatchObject({
				code: "DISPATCH_DAMAGED",
				hint: "End and remove it: dispatch cancel asks, then dispatch rm asks",
			});
		}
	},
);

test("a lost text is taken from the agent's file again, as soon as that is read anew", async () => {
	await store.client.hdel(store.keys.questions("asks"), "1.001");
	await store.ask("asks", epoch, [question("001", "Open?")]);
	expect(await store.openQuestions()).toMatchObject([{ task: "asks", text: "Open?" }]);
	expect(await answerTask(store, "asks", { text: "yes", by: "a@b", seq: null })).toMatchObject({
		seq: "001",
	});
});
