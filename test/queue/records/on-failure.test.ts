/** What the failure of one task means for the others of its batch, in graphs and orders at random. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import { noteLasting } from "../../../src/queue/records/gates.ts";
import { skipIfStopped } from "../../../src/queue/records/stopped-batch.ts";
import { ON_FAILURE, type OnFailure } from "../../../src/task/batch.ts";
import type { TaskRecord } from "../../../src/task/record.ts";
import { isEnded } from "../../../src/task/states.ts";
import { TEST_LIMIT_MS } from "../../patience.ts";
import { expectSound, needsFaults } from "./needs-audit.ts";
import { needsStage, store } from "./needs-stage.ts";
import { HOST, putGraph } from "./store-support.ts";

const { retry } = needsStage();

const put = (graph: Record<string, string[]>, onFailure: OnFailure) => putGraph(store, graph, onFailure);

/** As a worker does whose turn it is. */
async function start(id: string): Promise<void> {
	const record = await store.get(id);
	if (record?.state !== "queued" || (await skipIfStopped(store, record))) return;
	await store.move({ id, from: ["queued"], to: "running", runNonce: "n" });
}

const end = async (id: string, to: "completed" | "failed") => {
	await start(id);
	await store.move({ id, from: ["running"], to });
};
const said = async (id: string) => {
	const { state, reason, outcome } = await store.need(id);
	return `${state} ${reason ?? ""}: ${outcome?.message ?? ""}`;
};

describe("after the failure of a", () => {
	const GRAPH = { a: [], b: [], c: ["a"], d: ["b"] };

	test("by default its dependents are skipped, and the others go on", async () => {
		await put(GRAPH, "skip_dependents");
		await end("a", "failed");
		await end("b", "completed");
		await end("d", "completed");
		expect(await said("c")).toMatch(/^cancelled skipped: Not started: it needs `a`, which failed/);
		expect(await store.stateOf("d")).toBe("completed");
	});

	test("with `continue` its dependents start as the others do; what was cancelled keeps its own from starting", async () => {
		await put(GRAPH, "continue");
		await end("a", "failed");
		await store.cancel("b", "me");
		await end("c", "completed");
		expect(await store.stateOf("c")).toBe("completed");
		expect(await said("d")).toMatch(/^cancelled skipped: Not started: it needs `b`, which was cancelled/);
	});

	test("with `stop` nothing starts that has not begun; started again, it takes them along", async () => {
		await put({ ...GRAPH, e: [], f: [] }, "stop");
		await start("e");
		await store.move({ id: "e", from: ["running"], to: "queued" });
		await end("a", "failed");
		for (const id of ["e", "f", "b"]) await start(id);
		expect(await store.stateOf("e")).toBe("running");
		expect(await said("f")).toBe(
			"cancelled skipped: Not started: its batch stops at a failure (on_failure), and `a` failed. To start both: dispatch retry a",
		);
		expect(await said("d")).toMatch(
			/^cancelled skipped: Not started: it needs `a`, by way of `b`, which failed/,
		);
		await expectSound(store);
		await retry("a");
		expect(await store.stateOf("f")).toBe("waiting");
		await end("a", "completed");
		for (const id of ["f", "b", "c", "d"]) await end(id, "completed");
		expect([...(await store.states())].filter(([, state]) => state !== "completed")).toEqual([
			["e", "running"],
		]);
		await expectSound(store);
	});

	test("with `stop` who is held by its backend, and has no turn, is skipped within one sweep", async () => {
		const queues = new RunQueues(store);
		try {
			await put({ a: [], b: [], c: [] }, "stop");
			await drainOutbox(store, queues);
			for (let failure = 0; failure < 2; failure++)
				await noteLasting(store, { host: HOST, backend: "fake", model: null }, "auth", "not logged in");
			expect(await sweepLostJobs(store, queues, HOST)).toEqual([]);
			await end("a", "failed");
			await store.client.del(`${store.keys.sweep}:${HOST}`);
			await sweepLostJobs(store, queues, HOST);
			for (const id of ["b", "c"]) expect(await said(id)).toMatch(/^cancelled skipped: .* and `a` failed/);
			await expectSound(store);
		} finally {
			await queues.stop();
		}
	});

	test("with `stop`, whose mark another program replaced or took away, its record is asked", async () => {
		await put(GRAPH, "stop");
		await end("a", "failed");
		const stops = store.keys.stops("nightly");
		await store.client.del(stops);
		await store.client.sadd(stops, "b", "nobody");
		await store.mend({ hosts: [], relist: true });
		await start("b");
		expect(await said("b")).toMatch(/^cancelled skipped: .* and `a` failed/);
		expect(await store.client.smembers(stops)).toContain("a");
		await store.client.set(stops, "x");
		await retry("a");
		await end("a", "failed");
		expect(await store.stateOf("a")).toBe("failed");
		expect(await store.client.smembers(stops)).toEqual(["a"]);
	});
});

const ACTS = ["complete", "fail", "cancel", "retry", "remove", "start", "requeue"] as const;

async function act(id: string, what: (typeof ACTS)[number]): Promise<void> {
	const state = await store.stateOf(id);
	if (state === null) return;
	if (what === "start") await start(id);
	if (what === "requeue") await store.move({ id, from: ["running"], to: "queued" });
	if (what === "complete") await store.move({ id, from: ["running"], to: "completed" });
	if (what === "fail") await store.move({ id, from: ["running"], to: "failed" });
	if (what === "cancel") await store.cancel(id, "me");
	if (what === "retry" && isEnded(state)) await retry(id);
	if (what === "remove" && isEnded(state)) await store.remove(id);
}

/** What began although it must not. */
function isWrong(onFailure: OnFailure, before: readonly TaskRecord[], now: TaskRecord): boolean {
	const was = before.find(({ spec }) => spec.id === now.spec.id);
	const hasBegun = was?.startedAt === null && now.startedAt !== null;
	if (onFailure === "stop") return hasBegun && before.some(({ state }) => state === "failed");
	if (onFailure === "continue")
		return now.reason === "skipped" && / failed\. To start /.test(now.outcome?.message ?? "");
	return false;
}

test.each(ON_FAILURE)(
	"%s: whatever happens in whatever order, nothing waits for ever, and nothing begins that must not",
	async (onFailure) => {
		const NODES = 5;
		const acts = fc.array(fc.tuple(fc.nat(NODES - 1), fc.constantFrom(...ACTS)), {
			minLength: 5,
			maxLength: 25,
			size: "max",
		});
		const edges = fc.array(fc.tuple(fc.nat(NODES - 1), fc.nat(NODES - 1)), { maxLength: 6 });
		await fc.assert(
			fc.asyncProperty(edges, acts, async (pairs, all) => {
				await store.client.flushall();
				const needsOf = (n: number) =>
					new Set(pairs.filter(([from, to]) => to === n && from < n).map(([from]) => `t-${from}`));
				const nodes = Array.from({ length: NODES }, (_, n) => [`t-${n}`, [...needsOf(n)]]);
				await put(Object.fromEntries(nodes), onFailure);
				for (const [n, what] of all) {
					const before = await store.list(-1);
					await act(`t-${n}`, what);
					expect((await store.list(-1)).filter((now) => isWrong(onFailure, before, now))).toEqual([]);
					expect(await needsFaults(store)).toEqual([]);
				}
				// In the end nobody fails any more, and all that ended otherwise is started again.
				for (let round = 0; round <= 2 * NODES; round++)
					for (const [id, state] of [...(await store.states())].reverse()) {
						if (state === "failed" || state === "cancelled") await retry(id);
						await end(id, "completed");
					}
				expect([...(await store.states()).values()].filter((state) => state !== "completed")).toEqual([]);
			}),
			{ numRuns: 25 },
		);
	},
	4 * TEST_LIMIT_MS,
);
