/** Questions and answers that somebody, or a Redis that lost its last seconds, has changed between two looks. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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
