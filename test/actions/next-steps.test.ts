/** What is refused says what has to happen first, or how it is asked for. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { reportOf } from "../../src/actions/report.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { question, runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "reports", role: "command" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

test("ids with commas are no task's: what takes one says so", async () => {
	for (const id of ["a", "b"]) await store.create(specOf(id));
	for (const given of ["a,b", "a,nobody", "x,y,z"])
		await expect(reportOf(store, given, "here")).rejects.toMatchObject({
			code: "DISPATCH_NO_SUCH_TASK",
			hint: "This takes one task: name each in a call of its own.",
		});
});

test.each([
	["running", "It may come: dispatch wait job"],
	["queued", "It may come: dispatch wait job"],
	["asking", 'It goes on once it is answered: dispatch answer job "…"'],
	["parked", 'It goes on once it is answered: dispatch answer job "…"'],
	["failed", "What became of it: dispatch status job"],
	["cancelled", "What became of it: dispatch status job"],
] as const)("of a task that is %s the next step is the one that helps", async (state, hint) => {
	await store.client.flushall();
	const epoch = await runningTask(store, "job");
	if (state === "asking" || state === "parked") await store.ask("job", epoch, [question("001", "Which?")]);
	if (state !== "running" && state !== "asking")
		await store.move({ id: "job", from: ["running", "asking"], to: state, set: {} });
	expect(await store.stateOf("job")).toBe(state);
	await expect(reportOf(store, "job", "here")).rejects.toMatchObject({ code: "DISPATCH_NO_REPORT", hint });
});
