import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { appendLog } from "../../../src/queue/records/log.ts";
import { addNote, pendingNotes } from "../../../src/queue/records/notes.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import type { TaskRecord } from "../../../src/task/record.ts";
import { isEnded, isLive } from "../../../src/task/states.ts";
import { isOpen } from "../../../src/task/view.ts";
import { TEST_LIMIT_MS } from "../../patience.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { HOST, question, runningTask, specOf } from "./store-support.ts";

/** 15 looks at Redis for each of some 10 acts: seconds on a free machine, minutes on a busy one. */
const RUNS = 60;
const PROPERTY_LIMIT_MS = 4 * TEST_LIMIT_MS;

let redis: TestRedis;
let store: Store;

beforeAll(async () => {
	// Nothing of this is about durability.
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});
beforeEach(() => store.client.flushall());

const move = (record: TaskRecord, to: TaskRecord["state"]) =>
	store.move({ id: "t", from: [record.state], epoch: record.epoch, to, runNonce: "n" });

/** What may happen to a task; each is one script, so that a random order is a random interleaving. */
const ACTS: Record<string, (record: TaskRecord, n: number) => Promise<unknown>> = {
	start: () => store.move({ id: "t", from: ["queued"], to: "running", runNonce: "n" }),
	park: (record) => move(record, "parked"),
	requeue: (record) => move(record, "queued"),
	complete: (record) => move(record, "completed"),
	fail: (record) => move(record, "failed"),
	ask: ({ epoch }, n) => store.ask("t", epoch, [question(`00${n}`, `Q${n}`)]),
	askOther: ({ epoch }, n) => store.ask("t", epoch, [question(`00${n}`, `Other ${n}`)]),
	answer: (_, n) => store.answer("t", { text: "a", by: "me", seq: String(n) }),
	answerOldest: () => store.answer("t", { text: "a", by: "me" }),
	cancel: () => store.cancel("t", "ann"),
	newSession: async ({ epoch, state }) => (isLive(state) ? store.newIpc("t", epoch) : undefined),
	note: () => addNote(store, "t", { text: "n", by: "me" }),
	deliver: async () =>
		store.delivered(
			"t",
			(await store.undelivered("t")).map(({ field }) => field),
		),
	retry: async (record) => (isEnded(record.state) ? move(record, "queued") : undefined),
};

interface Seen {
	record: TaskRecord;
	/** an acknowledged cancel that no retry followed */
	cancelled: boolean;
}

async function check({ record, cancelled }: Seen, before: TaskRecord): Promise<void> {
	const { state } = record;
	expect(record.revision).toBeGreaterThanOrEqual(before.revision);
	expect(record.generation).toBeGreaterThanOrEqual(before.generation);
	if (cancelled) expect(["running", "asking", "completed", "failed", "cancelled"]).toContain(state);
	if (cancelled && state === "cancelled")
		expect(record.outcome).toMatchObject({ kind: "cancelled", message: "Cancelled by ann." });
	const questions = await store.questions("t");
	const open = await store.openCount("t");
	const inbox = (await store.openQuestions()).map(({ seq }) => seq);
	expect(
		questions
			.filter((each) => isOpen(each, record))
			.map(({ seq }) => seq)
			.sort(),
	).toEqual(inbox.sort());
	if (!record.stopRequested) expect(inbox).toHaveLength(open);
	if (state === "asking" || state === "parked") expect(open).toBeGreaterThan(0);
	// A restart keeps what is open: the next session goes on waiting for it.
	if (isEnded(state)) expect(open).toBe(0);
	expect(await store.liveIds(HOST)).toEqual(isLive(state) ? ["t"] : []);
	expect(await store.activeIds(HOST)).toEqual(isEnded(state) ? [] : ["t"]);
	expect(record.workingSince !== null).toBe(state === "running");
	expect(record.endedAt !== null).toBe(isEnded(state));
	const undelivered = await store.undelivered("t");
	const due = questions.filter(({ answer, deliveredAt }) => answer !== null && deliveredAt === null);
	expect(due.length).toBeGreaterThanOrEqual(undelivered.length);
}

test(
	"whatever happens in whatever order: a cancel holds, questions, lists and clocks fit the state",
	async () => {
		const act = fc.tuple(fc.constantFrom(...Object.keys(ACTS)), fc.integer({ min: 1, max: 3 }));
		const scenario = fc.array(act, { minLength: 3, maxLength: 24, size: "max" });
		await fc.assert(
			fc.asyncProperty(scenario, async (acts) => {
				await store.client.flushall();
				await store.create(specOf("t"));
				let seen: Seen = { record: await store.need("t"), cancelled: false };
				for (const [name, n] of acts) {
					const before = seen.record;
					const reply = (await ACTS[name]?.(before, n)) as { result?: string } | undefined;
					const record = await store.need("t");
					const acknowledged = reply?.result === "cancelling" || reply?.result === "cancelled";
					const retried = isEnded(before.state) && record.state === "queued";
					seen = { record, cancelled: acknowledged || (seen.cancelled && !retried) };
					await check(seen, before);
				}
			}),
			{ numRuns: RUNS },
		);
	},
	PROPERTY_LIMIT_MS,
);

describe("cancel against parking", () => {
	const asking = async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "Which?")]);
		return epoch;
	};
	const park = (epoch: number) => store.move({ id: "t", from: ["running", "asking"], epoch, to: "parked" });

	test("cancelled, then parked: cancelled", async () => {
		const epoch = await asking();
		expect(await store.cancel("t", "ann")).toMatchObject({ result: "cancelling" });
		expect(await store.openQuestions()).toEqual([]);
		expect(await park(epoch)).toMatchObject({ result: "moved", state: "cancelled" });
		expect((await store.need("t")).outcome?.message).toBe("Cancelled by ann.");
	});

	test("answered, cancelled, then parked: cancelled, and not queued again", async () => {
		const epoch = await asking();
		await store.answer("t", { text: "a", by: "me" });
		await store.cancel("t", "ann");
		expect(await park(epoch)).toMatchObject({ result: "moved", state: "cancelled" });
	});

	test("an answer that comes after the cancel is refused, and by its number too", async () => {
		await asking();
		await store.cancel("t", "ann");
		for (const seq of [{}, { seq: "001" }])
			expect(await store.answer("t", { text: "a", by: "me", ...seq })).toMatchObject({ result: "ended" });
		expect(await store.questions("t")).toMatchObject([{ answer: null }]);
	});

	test("a question that comes after the cancel is nobody's", async () => {
		const epoch = await runningTask(store, "t");
		await store.cancel("t", "ann");
		expect((await store.ask("t", epoch, [question("001", "Which?")])).result).toBe("stale");
		expect(await store.openQuestions()).toEqual([]);
	});
});

describe("a task that goes on after its end", () => {
	const startAgain = async () => {
		const { state } = await store.need("t");
		await store.move({ id: "t", from: [state], to: "queued", set: { startMode: "resume" } });
		const moved = await store.move({ id: "t", from: ["queued"], to: "running", runNonce: "n2" });
		return moved.result === "moved" ? moved.epoch : -1;
	};

	test("in the same session: a question that nobody answered is asked again", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "Which?")]);
		await store.cancel("t", "me");
		await store.move({ id: "t", from: ["asking"], epoch, to: "cancelled" });
		const again = await startAgain();
		expect((await store.ask("t", again, [question("001", "Which?")])).asked).toEqual(["001"]);
		expect((await store.ask("t", again, [question("001", "Which?")])).asked).toEqual([]);
		expect(await store.openQuestions()).toMatchObject([{ task: "t", seq: "001" }]);
		expect(await store.answer("t", { text: "a", by: "me" })).toMatchObject({ result: "answered" });
	});

	test("in a new session: the old question is no longer open, the new one is", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "Old?")]);
		await store.move({ id: "t", from: ["asking"], epoch, to: "failed" });
		const again = await startAgain();
		await store.newIpc("t", again);
		await store.ask("t", again, [question("001", "New?")]);
		const record = await store.need("t");
		const open = (await store.questions("t")).filter((each) => isOpen(each, record));
		expect(open.map(({ text }) => text)).toEqual(["New?"]);
		expect(await store.answer("t", { text: "a", by: "me" })).toMatchObject({ question: "New?" });
	});
});

test("a number is answered however it is spelled", async () => {
	const epoch = await runningTask(store, "t");
	await store.ask("t", epoch, [question("0001", "Which?"), question("00012", "Which else?")]);
	expect(await store.answer("t", { text: "a", by: "me", seq: "001" })).toMatchObject({ seq: "0001" });
	expect(await store.answer("t", { text: "a", by: "me", seq: "12" })).toMatchObject({ seq: "00012" });
	expect(await store.answer("t", { text: "b", by: "me", seq: "1" })).toMatchObject({ result: "already" });
	expect(await store.answer("t", { text: "b", by: "me", seq: "112" })).toMatchObject({
		result: "no_question",
	});
});

test("answers are handed out in the order of asking", async () => {
	const epoch = await runningTask(store, "t");
	const seqs = Array.from({ length: 12 }, (_, n) => String(n + 1).padStart(3, "0"));
	await store.ask(
		"t",
		epoch,
		seqs.map((seq) => question(seq, `Q${seq}`)),
	);
	for (const seq of seqs.toReversed()) await store.answer("t", { text: seq, by: "me", seq });
	expect((await store.undelivered("t")).map(({ question: { seq } }) => seq)).toEqual(seqs);
});

test("a lost counter of generations does not bring an old job's name back", async () => {
	await store.create(specOf("other"));
	const epoch = await runningTask(store, "t");
	const { generation } = await store.need("t");
	await store.client.del(`${store.keys.prefix}:generation`);
	await store.move({ id: "t", from: ["running"], epoch, to: "queued" });
	expect((await store.need("t")).generation).toBeGreaterThan(generation);
});

test(
	"any text goes through every script and back, halves of characters as U+FFFD",
	async () => {
		const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
		const any = fc.string({ unit, minLength: 1 });
		await fc.assert(
			fc.asyncProperty(any, any, async (text, other) => {
				await store.client.flushall();
				const tags = { ["__proto__"]: text, [other]: text };
				const epoch = await runningTask(store, "t", { prompt: text, tags });
				const record = await store.need("t");
				expect(record.spec.prompt).toBe(text.toWellFormed());
				expect(Object.hasOwn(record.spec.tags, "__proto__")).toBe(true);
				await store.ask("t", epoch, [{ seq: "001", text, hash: other }]);
				expect(await store.answer("t", { text: other, by: text, token: text })).toMatchObject({
					result: "answered",
				});
				expect(await store.answer("t", { text, by: other, token: text })).toMatchObject({
					result: "answered",
				});
				const [kept] = await store.questions("t");
				expect([kept?.text, kept?.answer, kept?.answeredBy]).toEqual(
					[text, other, text].map((each) => each.toWellFormed()),
				);
				await addNote(store, "t", { text, by: other });
				expect((await pendingNotes(store, "t"))[0]?.text).toBe(text.toWellFormed());
				await appendLog(store, "t", epoch, [{ position: 1, text }]);
				await store.follow("t", epoch, { progress: { ...record.progress, activity: text } }, text);
				expect((await store.need("t")).progress.activity).toBe(text.toWellFormed());
				expect(await store.report("t")).toBe(text.toWellFormed());
				await store.cancel("t", text);
				await store.move({ id: "t", from: ["running"], epoch, to: "parked", why: text });
				expect((await store.need("t")).outcome?.message).toBe(`Cancelled by ${text}.`.toWellFormed());
				expect((await eventsAfter(store, "0")).map(({ kind }) => kind)).not.toContain("damaged");
			}),
			{
				numRuns: 60,
				examples: [
					["\ud83d", "\udc00"],
					["\0", "__proto__"],
				],
			},
		);
	},
	PROPERTY_LIMIT_MS,
);
