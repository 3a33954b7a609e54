import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { appendLog, lastLines } from "../../../src/queue/records/log.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";

const MIB = 1024 * 1024;
/** Of what is printed here, two MiB and more each: several times what may stay. */
const BATCHES = 24;
let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "log", role: "service" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

const bytes = async (task: string) =>
	Number(await store.client.call("MEMORY", "USAGE", store.keys.log(task), "SAMPLES", "0"));

test.each([
	["long lines", (n: number) => "\u{1f600}".repeat(n > 0 ? 10_000 : 1)],
	["long and short ones in turn", (n: number) => (n % 2 === 0 ? "x" : "語".repeat(10_000))],
	["a batch of short ones between long ones", (n: number) => (n % 3 === 0 ? "" : "y".repeat(9_000))],
])("an agent that prints %s keeps a log of few MiB, with its last lines", async (name, textOf) => {
	const task = name.replaceAll(" ", "-");
	let position = 0;
	for (let batch = 0; batch < BATCHES; batch++) {
		const lines = Array.from({ length: 600 }, () => ({ position: ++position, text: textOf(batch) }));
		await appendLog(store, task, 1, lines);
	}
	expect(await bytes(task)).toBeLessThan(24 * MIB);
	const last = await lastLines(store, task, 400);
	expect(last).toHaveLength(400);
	expect(last.at(-1)?.id).toBe(`1-${position}`);
});

test("usual lines are kept by number", async () => {
	const lines = Array.from({ length: 7_000 }, (_, n) => ({ position: n + 1, text: `line ${n}` }));
	await appendLog(store, "usual", 1, lines);
	expect((await lastLines(store, "usual", 10_000)).length).toBeGreaterThanOrEqual(5_000);
});

test("others have their turn while long lines are looked at for secrets", async () => {
	let turns = 0;
	let next = setImmediate(function turn() {
		turns++;
		next = setImmediate(turn);
	});
	onTestFinished(() => clearImmediate(next));
	let before = 0;
	const last = {
		position: 401,
		get text() {
			before = turns;
			return "last";
		},
	};
	const long = "\\u0041".repeat(10_000);
	const lines = Array.from({ length: 400 }, (_, n) => ({ position: n + 1, text: long }));
	await appendLog(store, "turns", 1, [...lines, last]);
	expect(before).toBeGreaterThan(10);
});
