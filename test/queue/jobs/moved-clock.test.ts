/**
 * The machine's clock is moved by a day while something holds a task back: nothing waits longer than it was to wait, and
 * nothing ends early by it. Every kind of hold, whichever way the clock goes, with the clock of Redis or without it.
 */
import { afterEach, expect, test, vi } from "vitest";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { MOVED_MS } from "../../../src/queue/jobs/moved-clock.ts";
import { jobIdOf, type RunQueues, RunWorker } from "../../../src/queue/jobs/run-queue.ts";
import { takeTurn } from "../../../src/queue/jobs/turns.ts";
import { closedGates, holdUntil, openAfterSuccess } from "../../../src/queue/records/gates.ts";
import { limitsHolding } from "../../../src/queue/records/limited.ts";
import { Store } from "../../../src/queue/records/store.ts";
import type { Hold } from "../../../src/task/spec.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { HOST, putBatch, runningTask, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

const DAY_MS = 86_400_000;
/** How long each of them is to wait: longer than a test takes. */
const LENGTH_MS = 600_000;

let store: Store;
let queues: RunQueues;
const cleanups = withQueues((made) => {
	({ store, queues } = made);
});

const realNow = Date.now.bind(Date);
let movedMs = 0;
const move = (ms: number) => {
	movedMs += ms;
};
/** A store whose scripts go by this machine's clock, too, as where Redis is on it. */
const withClockOfRedis = () =>
	new Store({ ...store, client: store.client, clock: { now: () => Date.now() } });

afterEach(() => {
	vi.restoreAllMocks();
	movedMs = 0;
});

const gated = { host: HOST, backend: "fake", model: null };
const heldBy = (kind: Hold["kind"]) => async (where: Store, id: string) => {
	await where.create(specOf(id));
	const { generation } = await where.need(id);
	await where.hold(id, generation, { kind, until: Date.now() + LENGTH_MS });
};

/** What holds a task back until a time. */
const HOLDS: Record<string, (where: Store, id: string) => Promise<unknown>> = {
	"a delay": (where, id) => where.create(specOf(id, { notBefore: Date.now() + LENGTH_MS })),
	"a delay of a batch": (where, id) => putBatch(where, id, { notBefore: Date.now() + LENGTH_MS }),
	"a backoff": async (where, id) => {
		const epoch = await runningTask(where, id);
		const hold = { kind: "backoff", until: Date.now() + LENGTH_MS } as const;
		await where.move({ id, from: ["running"], epoch, to: "queued", set: { hold } });
	},
	"a rate limit": heldBy("rate_limited"),
	"an outage": heldBy("unavailable"),
	"the day's budget": heldBy("budget"),
};

/** Where the clock goes meanwhile, each with a look at it; the last one is where it stays. */
const MOVES: Record<string, number[]> = {
	"set back": [-DAY_MS],
	"set on": [DAY_MS],
	"set back and right again": [-DAY_MS, DAY_MS],
	"set on and right again": [DAY_MS, -DAY_MS],
	"set back twice": [-DAY_MS, -DAY_MS],
};

const CASES = Object.keys(HOLDS).flatMap((hold) =>
	Object.keys(MOVES).flatMap((way) => ["this machine's", "also that of Redis"].map((of) => [hold, way, of])),
);

/** @returns how long it still waits: by its record, by its job */
async function waitsOf(id: string): Promise<number[]> {
	const { hold, generation } = await store.need(id);
	const score = await store.client.zscore(queues.of(HOST).toKey("delayed"), jobIdOf(id, generation));
	return [hold?.until ?? 0, Math.floor(Number(score) / 4096)].map((until) => until - Date.now());
}

test.each(CASES)("%s, the clock %s (%s)", async (hold = "", way = "", of) => {
	vi.spyOn(Date, "now").mockImplementation(() => realNow() + movedMs);
	const where = of === "this machine's" ? store : withClockOfRedis();
	const begun = performance.now();
	await HOLDS[hold]?.(where, "early");
	await drainOutbox(where, queues);
	await queues.followClock(HOST);
	// Its job is made after the clock was moved.
	await HOLDS[hold]?.(where, "job-late");
	for (const [n, ms] of (MOVES[way] ?? []).entries()) {
		move(ms);
		// Made by the clock as it is now, before anybody has seen that it was moved.
		await HOLDS[hold]?.(where, `late-${n}`);
		await queues.followClock(HOST);
		await drainOutbox(where, queues);
	}
	const ids = ["early", "job-late", ...(MOVES[way] ?? []).map((_, n) => `late-${n}`)];
	const waits = (await Promise.all(ids.map(waitsOf))).flat();
	expect(Math.max(...waits)).toBeLessThanOrEqual(LENGTH_MS + MOVED_MS);
	expect(Math.min(...waits)).toBeGreaterThanOrEqual(LENGTH_MS - (performance.now() - begun) - MOVED_MS);
});

test.each(Object.keys(MOVES))("a closed gate, the clock %s", async (way) => {
	vi.spyOn(Date, "now").mockImplementation(() => realNow() + movedMs);
	const begun = performance.now();
	const close = () => {
		const until = Date.now() + LENGTH_MS;
		return holdUntil(store, gated, { kind: "rate_limited", until, message: "No.", limited: null });
	};
	await close();
	// The good run of an agent that began before the limit opens nothing.
	const startedAt = Date.now() - MOVED_MS;
	await queues.followClock(HOST);
	for (const ms of MOVES[way] ?? []) {
		move(ms);
		await queues.followClock(HOST);
	}
	await openAfterSuccess(store, gated, startedAt);
	const waits = (await closedGates(store, HOST)).map(({ until }) => (until ?? 0) - Date.now());
	expect(waits).toHaveLength(1);
	expect(waits[0]).toBeLessThanOrEqual(LENGTH_MS + MOVED_MS);
	expect(waits[0]).toBeGreaterThanOrEqual(LENGTH_MS - (performance.now() - begun) - MOVED_MS);
});

test.each(Object.keys(MOVES))("starts within a minute, the clock %s", async (way) => {
	vi.spyOn(Date, "now").mockImplementation(() => realNow() + movedMs);
	const where = withClockOfRedis();
	const set = { startedWith: "fake" };
	await where.create(specOf("first"));
	await where.move({ id: "first", from: ["queued"], to: "running", runNonce: "n", set });
	for (const ms of MOVES[way] ?? []) move(ms);
	await where.create(specOf("second"));
	await queues.add(await where.need("second"), Date.now());
	const limits = { fake: { startsPerMinute: 1 } };
	const turn = await takeTurn(where, HOST, { hasRoom: true, limits });
	expect(turn).toMatchObject({ isNext: false, isLimited: true });
	const until = [turn.later, (await limitsHolding(where, HOST)).get(" fake")?.until];
	for (const at of until) expect((at ?? 0) - Date.now()).toBeLessThanOrEqual(60_000);
	for (const at of until) expect((at ?? 0) - Date.now()).toBeGreaterThan(0);
});

test("a machine that was started anew, with its clock set back: what waits waits its own length from now", async () => {
	const made = { clock: Date.now() - DAY_MS, boot: "another boot" };
	const holds = { ahead: DAY_MS, behind: -LENGTH_MS / 2 };
	for (const [id, ms] of Object.entries(holds)) {
		await store.create(specOf(id));
		await drainOutbox(store, queues);
		const at = Date.now() + ms;
		const hold = { kind: "backoff", until: at + LENGTH_MS, made: { ...made, at } };
		await store.client.hset(store.keys.task(id), "hold", JSON.stringify(hold));
	}
	await queues.followClock(HOST);
	const [ahead = 0] = await waitsOf("ahead");
	expect(ahead).toBeLessThanOrEqual(LENGTH_MS);
	expect(ahead).toBeGreaterThan(LENGTH_MS / 2);
	const [behind = 0] = await waitsOf("behind");
	expect(behind).toBeLessThanOrEqual(LENGTH_MS / 2);
	expect(behind).toBeGreaterThan(0);
});

test.each([
	["-", {}],
	["a text", { at: "x", clock: "y", boot: 3 }],
	["no number", { at: 1e300, clock: -1e300, boot: "b" }],
])("what anybody may have written of the clock damages no task: %s", async (_, made) => {
	await store.create(specOf("t"));
	const hold = { kind: "backoff", until: Date.now() + LENGTH_MS, made };
	await store.client.hset(store.keys.task("t"), "hold", JSON.stringify(hold));
	await queues.followClock(HOST);
	expect((await store.need("t")).hold?.kind).toBe("backoff");
});

test("a task that waits for a moment starts after it, whichever way the clock went meanwhile", async () => {
	vi.spyOn(Date, "now").mockImplementation(() => realNow() + movedMs);
	const waitMs = 3_000;
	for (const [n, ms] of [-DAY_MS, DAY_MS].entries()) {
		const id = `t${n}`;
		const begun = performance.now();
		await store.create(specOf(id, { notBefore: Date.now() + waitMs }));
		await drainOutbox(store, queues);
		const started: number[] = [];
		const process = async () => {
			started.push(performance.now() - begun);
			return { kind: "done", state: "completed", message: "ok" } as const;
		};
		const worker = new RunWorker({ store, queues, host: HOST, room: () => 1, process });
		cleanups.push(() => worker.stop());
		await worker.start();
		move(ms);
		// As the daemon does from time to time: the sweep sees no job as late either.
		await sweepLostJobs(store, queues, HOST);
		worker.wake();
		await vi.waitFor(() => expect(started).toHaveLength(1), { timeout: CONDITION_LIMIT_MS });
		expect(started[0]).toBeGreaterThan(waitMs - MOVED_MS);
		await worker.stop();
	}
});
