/** A task all of whose agents are held comes back when the first of them is free, whichever gates those are. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import { Orders } from "../../src/config/orders.ts";
import type { RunJob } from "../../src/queue/jobs/run-queue.ts";
import { closedGates, holdUntil, release } from "../../src/queue/records/gates.ts";
import { newNonce } from "../../src/queue/records/store.ts";
import { queueForFallback } from "../../src/worker/fallback.ts";
import { Places } from "../../src/worker/places.ts";
import { runJob } from "../../src/worker/run-job.ts";
import { settle } from "../../src/worker/settle.ts";
import { WorkSaver } from "../../src/worker/workspace.ts";
import { SEED } from "../chance.ts";
import { monitorStage } from "../monitor/stage.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";

const stage = monitorStage();

const MINUTE_MS = 60_000;
/** Whole minutes are told apart, however long a look takes, and though tasks that wait for one gate come back a bit apart. */
const NEAR_MINUTES = 0.5;

const config = emptyConfig();
for (const name of ["a", "b", "c"]) {
	config.backends[name] = { name, type: "command", command: "true", modelFlag: false, permissions: null };
	config.models[name] = { backend: name, id: null };
}
config.fallback = ["a", "b", "c"];

const gateOf = (backend: string, minutes: number) =>
	holdUntil(
		stage().store,
		{ host: HOST, backend, model: null },
		{ kind: "rate_limited", until: Date.now() + minutes * MINUTE_MS, message: "limit", limited: null },
	);

async function made(id: string): Promise<{ orders: Orders; generation: number }> {
	const { store, home, project } = stage();
	const orders = new Orders(home, store.namespace);
	const spec = specOf(id, { cwd: project, model: "a", backend: "a" });
	await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	return { orders, generation: (await store.need(id)).generation };
}

/** A worker's look at it. @returns when it comes back, in minutes from now; null: it stands in line for another agent */
async function look(id: string, orders: Orders, generation: number): Promise<number | null> {
	const { store, hub } = stage();
	const never = new AbortController().signal;
	const job: RunJob = {
		...{ task: id, generation, signal: never, draining: never },
		placed: () => {},
		progress: async () => {},
	};
	const end = await runJob(job, {
		...{ store, hub, host: HOST, places: new Places({ work: 1, live: 1 }), dailyUsd: null },
		reconcile: async () => {},
		fallback: (record, gate) => queueForFallback(record, gate, { config, store, orders }),
		start: async () => {
			throw new Error("held, it was started");
		},
		fault: () => {},
	});
	return end.kind === "later" ? (end.at - Date.now()) / MINUTE_MS : null;
}

const near = (minutes: number | null, expected: number | null) =>
	expect(
		minutes === null || expected === null ? Number(minutes !== expected) : Math.abs(minutes - expected),
		`${minutes} is not ${expected}, of seed ${SEED}`,
	).toBeLessThan(NEAR_MINUTES);

test("whatever gates are closed, it looks again when the first that it waits for opens, and says until when it waits", async () => {
	const { store } = stage();
	/** minutes; null: not held */
	const end = fc.option(fc.integer({ min: 1, max: 60 }));
	let count = 0;
	await fc.assert(
		fc.asyncProperty(fc.integer({ min: 1, max: 60 }), end, end, async (own, b, c) => {
			await store.client.del(store.keys.gates(HOST));
			const id = `t-${count++}`;
			const { orders, generation } = await made(id);
			await gateOf("a", own);
			if (b !== null) await gateOf("b", b);
			if (c !== null) await gateOf("c", c);
			const isWaited = own <= 15;
			const expected = isWaited ? own : b === null || c === null ? null : Math.min(own, b, c);
			near(await look(id, orders, generation), expected);
			const { hold } = await store.need(id);
			near(hold?.until ? (hold.until - Date.now()) / MINUTE_MS : null, expected);
		}),
		{ seed: SEED, numRuns: 25 },
	);
});

test("a run that meets a limit while its next agents are held is queued until the first of them is free", async () => {
	const { store, hub } = stage();
	const { orders } = await made("meets");
	await store.client.del(store.keys.gates(HOST));
	await gateOf("b", 40);
	await gateOf("c", 2);
	await store.move({ id: "meets", from: ["queued"], to: "running", runNonce: newNonce() });
	const seen = {
		...{ sessionId: null, result: null, earlyResult: null, waitsFor: null, limitedModel: null },
		...{ failure: "rate_limited" as const, failureMessage: "limit" },
		...{ rateLimitUntil: Date.now() + 60 * MINUTE_MS, unsure: false, sawOutput: true, worked: true },
	};
	const status = { kind: "exited", code: 1, signal: null } as const;
	const ended = {
		run: null,
		plan: null,
		finished: false,
		ending: null,
		takenDown: false,
		takenAway: false,
		status,
		seen,
	};
	const saver = new WorkSaver({ store, orders, env: {} });
	const deps = { store, config, orders, hub, checkEnv: () => ({}), maxBackoffMs: 60 * MINUTE_MS, saver };
	await settle({ ...ended, record: await store.need("meets") }, deps);
	const { state, hold } = await store.need("meets");
	expect([state, hold?.kind]).toEqual(["queued", "rate_limited"]);
	near(((hold?.until ?? 0) - Date.now()) / MINUTE_MS, 2);
	// Its own gate is closed for as long as it was told.
	const [own] = (await closedGates(store, HOST)).filter(({ backend }) => backend === "a");
	near(((own?.until ?? 0) - Date.now()) / MINUTE_MS, 60);
});

test("a gate of another agent that somebody opens wakes it; one whose own limit nobody else has seen waits on", async () => {
	const { store } = stage();
	await store.client.del(store.keys.gates(HOST));
	const { orders, generation } = await made("held");
	const { generation: alone } = await made("alone");
	await gateOf("a", 30);
	await gateOf("b", 30);
	const gate = await gateOf("c", 30);
	near(await look("held", orders, generation), 30);
	await store.hold("alone", alone, { kind: "rate_limited", until: Date.now() + 90 * MINUTE_MS });
	await store.client.del(store.keys.outbox);
	await release(store, HOST, gate);
	expect(await store.client.zrange(store.keys.outbox, "0", "-1")).toEqual([`held ${generation} now`]);
});
