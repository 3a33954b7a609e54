/** Answers that their agent does not get yet, since what hands them over fails: who answers is told so. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerTask } from "../../src/actions/answer.ts";
import { answerLine, sentLine } from "../../src/cli/show/answer-lines.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { question, runningTask } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "kept", role: "command" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

test.each([
	["answers", true],
	["look", true],
	["directory", true],
	["plan", false],
	["log", false],
])(
	"whoever answers while the host fails at %s is told that the answer waits for that: %s",
	async (step, waits) => {
		const id = `kept-${step}`;
		const epoch = await runningTask(store, id);
		await store.ask(id, epoch, [question("001", "Which?")]);
		await store.follow(id, epoch, { trouble: { epoch, step, why: "Cannot write: ENOSPC." } });
		const answered = await answerTask(store, id, { text: "This", by: "me@here", seq: null });
		expect(answerLine(answered).startsWith(`Answer kept. \`${id}\` gets it as soon as `)).toBe(waits);
		expect(answerLine(answered).includes("(Cannot write: ENOSPC). (Question 001: ")).toBe(waits);
		expect(answerLine(answered).includes("continuing")).toBe(!waits);
		expect(sentLine(answered)).toContain(waits ? "as soon as that can be done: " : `Answer sent to ${id}.`);
	},
);
