/** Questions and answers that somebody, or a Redis that lost its last seconds, has changed between two looks. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answerTask } from "../../src/actions/answer.ts";
import { eventsAfter } from "../../src/queue/records/events.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const WAITS = "exec sleep 1000";

/** What editors, shells and terminals put into a text. */
const TEXTS = {
	"a mark of the byte order": "\uFEFFyes",
	"two of them": "\uFEFF\uFEFFyes",
	"one within": "ye\uFEFFs",
	"half a character": "yes \ud800",
	"a NUL": "ye\0s",
	"lines of Windows": "a\r\nb\r\n",
	"a form that is not normal": "e\u0301",
	"none of it": "yes",
};

test.each(Object.entries(TEXTS))(
	"a person's answer stays a person's, with %s: by the command, and by who writes the record",
	async (_, text) => {
		const { store } = stage();
		for (const id of ["told", "stored"]) {
			const { taskDir } = await stage().agent(id, WAITS);
			const monitor = stage().reconciler();
			writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
			await monitor.reconcile(id);
			if (id === "told") await answerTask(store, id, { text, by: "ann@here", seq: null });
			else await store.answer(id, { text: text.toWellFormed(), by: "ann@here", token: "k" });
			for (let looks = 0; looks < 3; looks++) await monitor.reconcile(id);
			expect(readdirSync(join(taskDir, "ipc")).filter((name) => name.endsWith(".old"))).toEqual([]);
			const said = readFileSync(join(taskDir, "ipc/001.answer"), "utf8");
			expect(said).toBe(id === "told" ? text.toWellFormed().replace(/^\uFEFF/, "") : text.toWellFormed());
			writeFileSync(join(taskDir, "ipc/001.done"), "");
			await monitor.reconcile(id);
			expect(await store.undelivered(id)).toEqual([]);
			await monitor.stop();
		}
		const kinds = (await eventsAfter(store, "0")).map(({ kind }) => kind);
		expect(kinds).not.toContain("self_answered");
	},
);

test("a question that Redis has lost again is asked again, one that was answered is not", async () => {
	const { store } = stage();
	const { taskDir } = await stage().agent("t", WAITS);
	const monitor = stage().reconciler();
	writeFileSync(join(taskDir, "ipc/001.question"), "Which first?");
	await monitor.reconcile("t");
	await store.answer("t", { text: "This", by: "ann@here", seq: "001", token: "k" });
	await monitor.reconcile("t");
	expect(existsSync(join(taskDir, "ipc/001.answer"))).toBe(true);
	const keys = await store.client.keys("*");
	const saved = await Promise.all(keys.map((key) => store.client.dumpBuffer(key)));
	writeFileSync(join(taskDir, "ipc/002.question"), "Which then?");
	await monitor.reconcile("t");
	expect(await store.openQuestions()).toMatchObject([{ task: "t", seq: "002" }]);
	// As a server is that was killed before it wrote that down.
	await store.client.flushdb();
	for (const [n, key] of keys.entries()) await store.client.restore(key, 0, saved[n] as Buffer);
	expect(await store.openQuestions()).toEqual([]);
	stage().now += 31_000;
	await monitor.reconcile("t");
	expect(await store.openQuestions()).toMatchObject([{ task: "t", seq: "002" }]);
	expect(await store.stateOf("t")).toBe("asking");
	await store.answer("t", { text: "That", by: "ann@here", seq: "002", token: "k2" });
	await monitor.reconcile("t");
	expect(readFileSync(join(taskDir, "ipc/002.answer"), "utf8")).toBe("That");
	await monitor.stop();
});

/** The whole of Redis goes back to what it was. @returns what does so */
async function snapshot(): Promise<() => Promise<void>> {
	const { client } = stage().store;
	const keys = await client.keys("*");
	const saved = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
	return async () => {
		await client.flushdb();
		for (const [n, key] of keys.entries()) await client.restore(key, 0, saved[n] as Buffer);
	};
}

test.each([
	["by the same worker", false, false],
	["by the next one", true, false],
	["once its agent has read and removed it", false, true],
] as const)(
	"an answer that Redis has lost again is a person's, as it was handed over: %s",
	async (_, isNext, isRead) => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const first = stage().reconciler();
		writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
		await first.reconcile("t");
		const goBack = await snapshot();
		await store.answer("t", { text: "This", by: "ann@here", seq: "001", token: "k" });
		await first.reconcile("t");
		writeFileSync(join(taskDir, "ipc/001.done"), "");
		if (isRead) rmSync(join(taskDir, "ipc/001.answer"));
		await first.reconcile("t");
		await goBack();
		expect(await store.openQuestions()).toHaveLength(1);
		stage().now += 31_000;
		const then = isNext ? stage().reconciler() : first;
		for (const _ of [1, 2]) await then.reconcile("t");
		const [question] = await store.questions("t");
		expect(question).toMatchObject({
			answer: "This",
			answeredBy: "ann@here",
			open: false,
			deliveredAt: expect.any(Number),
		});
		expect(await store.stateOf("t")).toBe("running");
		expect((await eventsAfter(store, "0")).map(({ kind }) => kind)).not.toContain("self_answered");
		for (const monitor of [first, then]) await monitor.stop();
	},
);

test("an answer that stands in its question alone is handed over, and its question is open no more", async () => {
	const { store } = stage();
	const { taskDir } = await stage().agent("t", WAITS);
	const monitor = stage().reconciler();
	writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
	await monitor.reconcile("t");
	const key = store.keys.questions("t");
	const question = JSON.parse((await store.client.hget(key, "1.001")) ?? "");
	const answered = { answer: "This", answeredAt: 1, answeredBy: "ann@here" };
	await store.client.hset(key, "1.001", JSON.stringify({ ...question, ...answered }));
	stage().now += 31_000;
	await monitor.reconcile("t");
	expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("This");
	writeFileSync(join(taskDir, "ipc/001.done"), "");
	await monitor.reconcile("t");
	stage().now += 31_000;
	await monitor.reconcile("t");
	expect(await store.undelivered("t")).toEqual([]);
	expect(await store.openQuestions()).toEqual([]);
	expect(await store.stateOf("t")).toBe("running");
	await monitor.stop();
});
