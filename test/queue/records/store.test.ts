import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { appendLog, lastLines, linesAfter } from "../../../src/queue/records/log.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import { Store } from "../../../src/queue/records/store.ts";
import { MOVES, STATES } from "../../../src/task/states.ts";
import { startTestRedis } from "../../redis.ts";
import { HOST, question, runningTask, specOf } from "./store-support.ts";

let redis: Awaited<ReturnType<typeof startTestRedis>>;
let store: Store;

beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: { socketPath: redis.socketPath }, namespace: "test", role: "service" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});
beforeEach(() => store.client.flushall());

describe("create", () => {
	test("acknowledges a task once; the same nonce again is the same call", async () => {
		const spec = specOf("review");
		expect(await store.create(spec)).toEqual({ result: "created", id: "review" });
		expect(await store.create(spec)).toEqual({ result: "created", id: "review" });
		expect(await store.create(specOf("review"))).toEqual({ result: "exists", id: "review" });
		expect((await store.need("review")).spec).toEqual(spec);
		expect(await store.client.zcard(store.keys.outbox)).toBe(1);
	});

	test("a key of a task that is gone holds nobody up: its record was removed while it was damaged", async () => {
		const key = { key: "nightly", hash: "h" };
		await store.create(specOf("lost"), { key });
		await store.client.hdel(store.keys.task("lost"), "key");
		await store.client.hset(store.keys.task("lost"), "state", "garbage");
		expect(await store.remove("lost")).toMatchObject({ result: "removed" });
		expect(await store.create(specOf("anew"), { key })).toEqual({ result: "created", id: "anew" });
		expect(await store.create(specOf("anew-2"), { key })).toEqual({ result: "repeated", id: "anew" });
	});

	test("a key gives the same task again, and refuses other content", async () => {
		await store.create(specOf("a"), { key: { key: "ci-1", hash: "h" } });
		expect(await store.create(specOf("a-2"), { key: { key: "ci-1", hash: "h" } })).toEqual({
			result: "repeated",
			id: "a",
		});
		expect(await store.create(specOf("a-3"), { key: { key: "ci-1", hash: "other" } })).toEqual({
			result: "key_conflict",
			id: "a",
		});
		expect(await store.ids()).toEqual(["a"]);
	});
});

describe("moves", () => {
	test("only what the table allows happens, whatever is asked for", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.constantFrom(...STATES), { maxLength: 12 }), async (wanted) => {
				await store.client.flushall();
				await store.create(specOf("t"));
				let state = "queued" as (typeof STATES)[number];
				for (const to of wanted) {
					const moved = await store.move({ id: "t", from: [state], to, runNonce: "n" });
					if (MOVES[state].includes(to)) {
						// Without an open question nothing stays parked, and without a need nothing waits.
						state = to === "parked" || to === "waiting" ? "queued" : to;
						expect(moved).toMatchObject({ result: "moved", state });
					} else expect(moved).toMatchObject({ result: "stale", state });
					expect(await store.stateOf("t")).toBe(state);
				}
			}),
			{ numRuns: 60 },
		);
	});

	test("a start mints an epoch and counts an attempt only when charged", async () => {
		const epoch = await runningTask(store, "t");
		expect(epoch).toBe(1);
		await store.move({ id: "t", from: ["running"], epoch, to: "queued", set: { charge: false } });
		await store.move({ id: "t", from: ["queued"], to: "running", runNonce: "x" });
		expect(await store.need("t")).toMatchObject({ epoch: 2, attempt: 1, runNonce: "x" });
	});

	test("an older epoch can write nothing", async () => {
		const epoch = await runningTask(store, "t");
		await store.move({ id: "t", from: ["running"], epoch, to: "queued" });
		await store.move({ id: "t", from: ["queued"], to: "running", runNonce: "x" });
		expect(await store.move({ id: "t", from: ["running"], epoch, to: "completed" })).toMatchObject({
			result: "stale",
		});
		expect((await store.ask("t", epoch, [question("001", "Which?")])).result).toBe("stale");
		expect(await store.follow("t", epoch, { sessionId: "old" })).toBe(false);
		expect(await store.openQuestions()).toEqual([]);
	});

	test("of two starters of one generation one wins", async () => {
		await store.create(specOf("t"));
		const starts = await Promise.all(
			[1, 2, 3].map((n) =>
				store.move({ id: "t", from: ["queued"], to: "running", generation: 1, runNonce: `n${n}` }),
			),
		);
		expect(starts.filter(({ result }) => result === "moved")).toHaveLength(1);
	});

	test("a task that is being cancelled is not queued again", async () => {
		const epoch = await runningTask(store, "t");
		expect(await store.cancel("t", "me")).toEqual({ result: "cancelling", state: "running" });
		expect(await store.move({ id: "t", from: ["running"], epoch, to: "queued" })).toMatchObject({
			state: "cancelled",
		});
		expect(await store.cancel("t", "me")).toEqual({ result: "ended", state: "cancelled" });
	});

	test("what a start of a removed task writes never reaches the next task of that name", async () => {
		await runningTask(store, "t");
		await store.move({ id: "t", from: ["running"], to: "queued" });
		await store.move({ id: "t", from: ["queued"], to: "running", runNonce: "again" });
		const { epoch } = await store.need("t");
		await store.move({ id: "t", from: ["running"], epoch, to: "failed" });
		await store.remove("t");
		expect(await runningTask(store, "t")).toBeGreaterThan(epoch);
		const late = { id: "t", from: ["running" as const], epoch, to: "completed" as const };
		expect(await store.move(late)).toMatchObject({ result: "stale" });
		expect(await store.follow("t", epoch, { hasReport: true }, "late")).toBe(false);
		expect(await store.report("t")).toBeNull();
		await store.client.set(store.keys.epoch("u"), "1e99");
		await store.client.hset(store.keys.epoch("v"), "a", "b");
		for (const id of ["u", "v"]) expect(await runningTask(store, id)).toBe(1);
	});

	test("an epoch is not used again for a name, however many starts the removed task had", async () => {
		let epoch = await runningTask(store, "t");
		for (let start = 0; start < 4; start++) {
			await store.move({ id: "t", from: ["running"], epoch, to: "queued" });
			await store.move({ id: "t", from: ["queued"], to: "running", runNonce: `r${start}` });
			epoch = (await store.need("t")).epoch;
		}
		expect(epoch).toBe(5);
		await store.move({ id: "t", from: ["running"], epoch, to: "failed" });
		await store.remove("t");
		expect(await runningTask(store, "t")).toBeGreaterThan(5);
	});

	test("generations are never used twice, not even after the task was removed", async () => {
		await store.create(specOf("t"));
		const first = (await store.need("t")).generation;
		await store.cancel("t", "me");
		await store.remove("t");
		await store.create(specOf("t"));
		expect((await store.need("t")).generation).toBeGreaterThan(first);
	});

	test("the scripts come back after SCRIPT FLUSH", async () => {
		await store.create(specOf("t"));
		await store.client.script("FLUSH");
		expect(await store.move({ id: "t", from: ["queued"], to: "running", runNonce: "n" })).toMatchObject({
			result: "moved",
		});
	});
});

describe("questions", () => {
	test("are shown once, and the first answer wins", async () => {
		const epoch = await runningTask(store, "t");
		expect((await store.ask("t", epoch, [question("001", "Which?")])).asked).toEqual(["001"]);
		expect((await store.ask("t", epoch, [question("001", "Which?")])).asked).toEqual([]);
		expect(await store.stateOf("t")).toBe("asking");
		expect(await store.openQuestions()).toMatchObject([{ task: "t", seq: "001", text: "Which?" }]);
		const answers = await Promise.all(
			["a", "b", "c"].map((text) => store.answer("t", { text, by: `user-${text}`, seq: "001" })),
		);
		const won = answers.filter(({ result }) => result === "answered");
		expect(won).toHaveLength(1);
		expect(await store.stateOf("t")).toBe("running");
		const lost = answers.find(({ result }) => result === "already");
		const [kept] = await store.questions("t");
		expect(lost).toMatchObject({ by: kept?.answeredBy, answer: kept?.answer });
		expect(await store.openQuestions()).toEqual([]);
	});

	test("the same token again is the same answer", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "Which?")]);
		const answer = { text: "a", by: "me", token: "k" };
		expect(await store.answer("t", answer)).toMatchObject({ result: "answered", seq: "001" });
		expect(await store.answer("t", answer)).toMatchObject({ result: "answered", seq: "001" });
		await store.move({ id: "t", from: ["running"], epoch, to: "completed" });
		expect(await store.answer("t", answer)).toMatchObject({ result: "answered" });
		expect(await store.answer("t", { text: "b", by: "me" })).toMatchObject({ result: "ended" });
	});

	test("of two open ones the oldest is answered first, and one answer leaves the task asking", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "One?"), question("002", "Two?")]);
		expect(await store.answer("t", { text: "1", by: "me" })).toMatchObject({ seq: "001", state: "asking" });
		expect(await store.answer("t", { text: "2", by: "me" })).toMatchObject({ seq: "002", state: "running" });
		expect(await store.answer("t", { text: "3", by: "me" })).toEqual({ result: "no_question" });
	});

	test("an answered task never stays parked, in whatever order answer and parking come", async () => {
		for (const order of ["answer first", "park first"]) {
			await store.client.flushall();
			const epoch = await runningTask(store, "t");
			await store.ask("t", epoch, [question("001", "Which?")]);
			const park = () => store.move({ id: "t", from: ["running", "asking"], epoch, to: "parked" });
			const answer = () => store.answer("t", { text: "a", by: "me" });
			for (const act of order === "answer first" ? [answer, park] : [park, answer]) await act();
			expect(await store.need("t")).toMatchObject({ state: "queued", charge: false });
			expect(await store.client.zcard(store.keys.outbox)).toBe(2);
		}
	});

	test("an answer a day later resumes a parked task", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "Which?")]);
		await store.move({ id: "t", from: ["asking"], epoch, to: "parked" });
		const day = 86_400_000;
		const tomorrow = new Store({ ...store, client: store.client, clock: { now: () => Date.now() + day } });
		expect(await tomorrow.answer("t", { text: "a", by: "me" })).toMatchObject({
			result: "answered",
			state: "queued",
		});
		const record = await store.need("t");
		expect(record).toMatchObject({ state: "queued", charge: false, startMode: "resume", hold: null });
		expect(record.queuedAt).toBeGreaterThan(Date.now() + day / 2);
		expect((await store.questions("t"))[0]?.answeredAt).toBeGreaterThan(Date.now() + day / 2);
	});

	test("a number that was answered and is asked again under another text is a new question", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "One?")]);
		await store.answer("t", { text: "1", by: "me" });
		expect(await store.ask("t", epoch, [question("001", "Other?")])).toMatchObject({
			asked: ["001"],
			again: ["001"],
		});
		expect(await store.answer("t", { text: "2", by: "me" })).toMatchObject({
			result: "answered",
			question: "Other?",
		});
		expect((await store.questions("t")).map(({ answer }) => answer).sort()).toEqual(["1", "2"]);
	});

	test("what changes after it was read takes no answer that was meant for another text", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "One?")]);
		const [read] = await store.questions("t");
		await store.ask("t", epoch, [question("001", "Other?")]);
		const answer = { text: "1", by: "me", seq: "001" };
		expect(await store.answer("t", { ...answer, shown: read?.hash ?? "" })).toEqual({
			result: "other",
			seq: "001",
			anew: false,
		});
		expect(await store.undelivered("t")).toEqual([]);
		const [now] = await store.questions("t");
		expect(await store.answer("t", { ...answer, shown: now?.hash ?? "" })).toMatchObject({
			question: "Other?",
		});
	});

	test("a fresh session closes the open ones of the old", async () => {
		const epoch = await runningTask(store, "t");
		await store.ask("t", epoch, [question("001", "One?")]);
		await store.newIpc("t", epoch);
		expect(await store.openQuestions()).toEqual([]);
		expect((await store.need("t")).ipcGeneration).toBe(2);
	});

	test("bookkeeping holds under any order of asking and answering", async () => {
		const act = fc.record({ kind: fc.constantFrom("ask", "answer"), seq: fc.integer({ min: 1, max: 12 }) });
		await fc.assert(
			fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
				await store.client.flushall();
				const epoch = await runningTask(store, "t");
				const open = new Set<number>();
				const answered = new Set<number>();
				for (const { kind, seq } of acts) {
					const name = String(seq).padStart(3, "0");
					if (kind === "ask") {
						await store.ask("t", epoch, [question(name, `Q${seq}`)]);
						if (!answered.has(seq)) open.add(seq);
					} else {
						const { result } = await store.answer("t", { text: "a", by: "me", seq: name });
						expect(result).toBe(open.has(seq) ? "answered" : answered.has(seq) ? "already" : "no_question");
						if (open.delete(seq)) answered.add(seq);
					}
					expect(await store.stateOf("t")).toBe(open.size > 0 ? "asking" : "running");
				}
				expect((await store.openQuestions()).map(({ seq }) => Number(seq)).sort()).toEqual([...open].sort());
				expect(await store.undelivered("t")).toHaveLength(answered.size);
			}),
			{ numRuns: 40 },
		);
	});
});

test("a removed task leaves no key behind", async () => {
	const epoch = await runningTask(store, "t");
	await store.ask("t", epoch, [question("001", "Which?")]);
	await appendLog(store, "t", epoch, [{ position: 1, text: "hello" }]);
	await store.follow("t", epoch, {}, "report");
	expect(await store.remove("t")).toMatchObject({ result: "not_ended" });
	await store.move({ id: "t", from: ["asking"], epoch, to: "failed" });
	await store.remove("t");
	// Replies that may have been lost go by themselves, minutes later.
	const left = (await store.client.keys("*")).filter((key) => key.includes(":t"));
	expect(
		left.filter((key) => !/:(tasks|outbox|generation|events|removed:h1|epoch:t|call:[0-9a-f]+)$/.test(key)),
	).toEqual([]);
	expect(await store.liveIds(HOST)).toEqual([]);
});

test("a log line that is written twice is there once", async () => {
	const lines = [
		{ position: 1, text: "one" },
		{ position: 5, text: "two" },
	];
	await appendLog(store, "t", 1, lines);
	await appendLog(store, "t", 1, [...lines, { position: 9, text: "three" }]);
	await appendLog(store, "t", 2, [{ position: 1, text: "second start" }]);
	expect((await lastLines(store, "t", 10)).map(({ text }) => text)).toEqual([
		"one",
		"two",
		"three",
		"second start",
	]);
	expect((await linesAfter(store, "t", "1-5")).map(({ text }) => text)).toEqual(["three", "second start"]);
});

test("every move is an event, in order", async () => {
	const epoch = await runningTask(store, "t");
	await store.ask("t", epoch, [question("001", "Which?")]);
	await store.answer("t", { text: "a", by: "me" });
	await store.move({ id: "t", from: ["running"], epoch, to: "completed" });
	expect((await eventsAfter(store, "0")).map(({ kind }) => kind)).toEqual([
		"created",
		"started",
		"asked",
		"answered",
		"completed",
	]);
});
