/** Interactive tasks and batches start in turn, whatever becomes of what Redis remembers of the turns. */
import type { Job } from "bullmq";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import {
	jobIdOf,
	type RunEnd,
	type RunJobData,
	type RunQueues,
	RunWorker,
} from "../../../src/queue/jobs/run-queue.ts";
import { TurnWorker } from "../../../src/queue/jobs/turn-worker.ts";
import { takeTurn } from "../../../src/queue/jobs/turns.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { DispatchError } from "../../../src/task/errors.ts";
import { SEED } from "../../chance.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { HOST, runningTask, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

let store: Store;
let queues: RunQueues;
const cleanups = withQueues((made) => {
	({ store, queues } = made);
});

interface Waiting {
	id: string;
	/** "": interactive */
	batch: string;
	priority: number;
	backend: string;
}

/** As BullMQ asks it. */
class Looking extends TurnWorker<RunJobData> {
	override moveToActive(token: string): Promise<Job<RunJobData>> {
		return super.moveToActive(token);
	}

	override getBlockTimeout(until: number): number {
		return super.getBlockTimeout(until);
	}
}

let generation = 1_000;

/** Puts tasks in line, as their records would. */
async function put(...tasks: Waiting[]): Promise<void> {
	const record = await store.need("model");
	for (const { id, batch, priority, backend } of tasks) {
		generation += 1;
		const spec = { ...record.spec, id, priority, backend };
		await queues.add({ ...record, spec, generation, batch: batch === "" ? null : batch }, Date.now());
	}
}

/** What a worker would take now; "" where nothing may be. */
async function next(hasRoom = true): Promise<string> {
	while ((await takeTurn(store, HOST, { hasRoom })).isMore);
	const job = await store.client.rpop(queues.of(HOST).toKey("wait"));
	return job?.slice(0, job.lastIndexOf(".")) ?? "";
}

const some = (count: number, batch: string, more: Partial<Waiting> = {}): Waiting[] =>
	Array.from({ length: count }, (_, n) => ({
		id: `${batch === "" ? "i" : batch}-${n}`,
		batch,
		priority: 100,
		backend: "claude",
		...more,
	}));

async function taken(count: number): Promise<string[]> {
	const found: string[] = [];
	for (let n = 0; n < count; n++) found.push(await next());
	return found;
}

test("a batch of 1,000 delays an interactive task by one start", async () => {
	await store.create(specOf("model"));
	await put(...some(1_000, "big"));
	expect(await taken(3)).toEqual(["big-0", "big-1", "big-2"]);
	await put(...some(3, ""));
	expect(await taken(6)).toEqual(["i-0", "big-3", "i-1", "big-4", "i-2", "big-5"]);
});

test("several batches and the interactive tasks are taken in turn; a new batch stands behind those that wait", async () => {
	await store.create(specOf("model"));
	await put(...some(9, "a"), ...some(9, "b"), ...some(9, ""));
	expect(await taken(6)).toEqual(["i-0", "a-0", "b-0", "i-1", "a-1", "b-1"]);
	await put(...some(2, "c"));
	expect(await taken(5)).toEqual(["i-2", "a-2", "b-2", "c-0", "i-3"]);
	// One that has come and gone gains nothing by it.
	expect(await taken(4)).toEqual(["a-3", "b-3", "c-1", "i-4"]);
	await put({ id: "c-2", batch: "c", priority: 1, backend: "claude" });
	expect((await taken(4)).sort()).toEqual(["a-4", "b-4", "c-2", "i-5"]);
});

test("a flow that had the newest turn, went and came back, stands behind those that it has passed", async () => {
	await store.create(specOf("model"));
	await put(...some(1, "b"), ...some(1, "c"));
	expect(await taken(1)).toEqual(["b-0"]);
	// A look while it has nothing in line.
	await put(...some(1, ""));
	await next(false);
	await put({ id: "b-1", batch: "b", priority: 1, backend: "claude" });
	expect(await taken(3)).toEqual(["i-0", "c-0", "b-1"]);
});

test("without room nothing is taken but what lives, and what is delayed comes when its time is over", async () => {
	await runningTask(store, "model");
	await put(...some(1, ""));
	expect(await next(false)).toBe("");
	const { generation: own } = await store.need("model");
	await queues.add(await store.need("model"), Date.now());
	expect(await next(false)).toBe("model");
	expect(own).toBeGreaterThan(0);
	const late = { ...(await store.need("model")), generation: 77, batch: "late" };
	const at = Date.now() + 3_600_000;
	await queues.add({ ...late, hold: { kind: "delayed", until: at } }, Date.now());
	const turn = await takeTurn(store, HOST, { hasRoom: false });
	expect(Math.abs((turn.later ?? 0) - at)).toBeLessThan(5_000);
	await (await queues.of(HOST).getJob(jobIdOf("model", 77)))?.changeDelay(0);
	expect(await taken(3)).toEqual(["model", "i-0", ""]);
});

/** What may become of what Redis remembers: it was lost, or is somebody else's. */
const HARMS: Record<string, () => Promise<unknown>> = {
	"the lanes are lost": () => store.client.del(store.keys.lanes(HOST)),
	"the turns are lost": () => store.client.del(store.keys.turns(HOST)),
	"the lanes are no hash": () => store.client.set(store.keys.lanes(HOST), "x"),
	"the turns are no hash": () => store.client.set(store.keys.turns(HOST), "x"),
	"the lanes say nonsense": () =>
		store.client.hset(store.keys.lanes(HOST), {
			"a claude": "7.5",
			"b claude": "-3",
			x: "1",
			"c codex": "1e9",
		}),
	"one that never comes is delayed": () => store.client.zadd(queues.of(HOST).toKey("delayed"), "+inf", "x"),
	"the turns say nonsense": () =>
		store.client.hset(store.keys.turns(HOST), { a: "nan", " ": "1e400", b: "" }),
};

test("within a flow goes the priority, then who came first; no flow waits while another starts twice; nothing is lost", async () => {
	const task = fc.record({
		batch: fc.constantFrom("", "a", "b", "c"),
		priority: fc.constantFrom(1, 100, 1_000),
		backend: fc.constantFrom("claude", "codex"),
	});
	const step = fc.oneof(
		{ weight: 4, arbitrary: task },
		{ weight: 4, arbitrary: fc.constant("take" as const) },
		{ weight: 1, arbitrary: fc.constantFrom(...Object.keys(HARMS)) },
	);
	await fc.assert(
		fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
			await store.client.flushall();
			await store.create(specOf("model"));
			const waiting: Waiting[] = [];
			/** of each flow that waits: who has started since it began to wait, or had its turn */
			let passed = new Map<string, string[]>();
			const take = async () => {
				const id = await next();
				const at = waiting.findIndex((each) => each.id === id);
				expect(at === -1).toBe(waiting.length === 0);
				const [started] = at === -1 ? [] : waiting.splice(at, 1);
				if (started === undefined) return;
				const rivals = waiting.filter(({ batch }) => batch === started.batch);
				expect(rivals.filter(({ priority }) => priority < started.priority)).toEqual([]);
				expect(
					rivals
						.filter(({ priority }) => priority === started.priority)
						.every((each) => waiting.indexOf(each) >= at),
				).toBe(true);
				passed.delete(started.batch);
				for (const { batch } of waiting) if (!passed.has(batch)) passed.set(batch, []);
				for (const [flow, by] of passed) {
					expect(by, `${flow} waits, of seed ${SEED}`).not.toContain(started.batch);
					by.push(started.batch);
				}
			};
			for (const [n, each] of steps.entries()) {
				if (each === "take") await take();
				else if (typeof each === "string") {
					await HARMS[each]?.();
					// Whose turn it is was lost with it.
					passed = new Map();
				} else {
					const made = { ...each, id: `t-${n}` };
					await put(made);
					await next(false);
					waiting.push(made);
				}
			}
			while (waiting.length > 0) await take();
			expect(await next()).toBe("");
		}),
		{ seed: SEED, numRuns: 30 },
	);
});

test("a lane that says to be another flow's loses nothing", async () => {
	await store.create(specOf("model"));
	await put(...some(3, "a"), ...some(3, "b"), ...some(3, ""));
	expect(await next(false)).toBe("");
	await store.client.hset(store.keys.lanes(HOST), { "a claude": "1", "b claude": "1", " claude": "2" });
	expect((await taken(10)).sort()).toEqual(
		["", ...[...some(3, "a"), ...some(3, "b"), ...some(3, "")].map(({ id }) => id)].sort(),
	);
});

test("however many stand in line unsorted, others wait for a page of them at most", async () => {
	await store.create(specOf("model"));
	await put(...some(2_500, "big"), ...some(1, ""));
	const isMore: boolean[] = [];
	for (let more = true; more; isMore.push(more))
		({ isMore: more } = await takeTurn(store, HOST, { hasRoom: false }));
	expect(isMore).toEqual([true, true, false]);
	// All lanes are lost: they are sorted anew, in the same order.
	await store.client.del(store.keys.lanes(HOST));
	expect(await taken(3)).toEqual(["i-0", "big-0", "big-1"]);
});

/** A worker with one place. @returns what was started, in order, and what it told */
async function work(
	startsNothing: (task: string) => RunEnd | null,
): Promise<{ started: string[]; faults: unknown[] }> {
	const started: string[] = [];
	const faults: unknown[] = [];
	let room = 1;
	const worker = new RunWorker({
		store,
		queues,
		host: HOST,
		room: () => room,
		fault: (error) => faults.push(error),
		process: async (job) => {
			const end = startsNothing(job.task);
			if (end !== null) return end;
			room -= 1;
			job.placed();
			started.push(job.task);
			// The others are back in line by then.
			await new Promise((resolve) => setImmediate(resolve));
			room += 1;
			return { kind: "done", state: "completed", message: "" };
		},
	});
	cleanups.push(() => worker.stop());
	await worker.start();
	return { started, faults };
}

const isStarted = (started: readonly string[], task: string) =>
	expect.poll(() => started, { timeout: CONDITION_LIMIT_MS, interval: 10 }).toContain(task);

const STARTS_NOTHING: Record<string, (task: string) => RunEnd | null> = {
	"is held, and comes back soon": (task) =>
		task.startsWith("i-") ? { kind: "later", at: Date.now() + 500 } : null,
	"is held for long": (task) =>
		task.startsWith("i-") ? { kind: "later", at: Date.now() + 3_600_000 } : null,
	"was cancelled": (task) =>
		task.startsWith("i-") ? { kind: "done", state: "cancelled", message: "" } : null,
};

test.each(Object.keys(STARTS_NOTHING))(
	"whoever starts nothing takes no turn of its flow: each %s",
	async (why) => {
		await store.create(specOf("model"));
		await put(...some(200, "big"), ...some(10, "", { priority: 1 }), {
			id: "mine",
			batch: "",
			priority: 100,
			backend: "other",
		});
		const { started } = await work(STARTS_NOTHING[why] ?? (() => null));
		await isStarted(started, "mine");
		expect(started.indexOf("mine")).toBeLessThan(5);
	},
);

test("a flow of which nothing starts keeps no other from its turn", async () => {
	await store.create(specOf("model"));
	await put(...some(1_000, "", { backend: "held" }), ...some(3, "big"));
	const { started } = await work((task) =>
		task.startsWith("i-") ? { kind: "later", at: Date.now() } : null,
	);
	await isStarted(started, "big-2");
	expect(started).toEqual(["big-0", "big-1", "big-2"]);
});

test("where nobody can tell whose turn it is, that is told, and starts go on", async () => {
	await store.create(specOf("model"));
	await put(...some(3, "big"));
	const run = store.run.bind(store);
	vi.spyOn(store, "run").mockImplementation((script, ...more) =>
		typeof script === "object" && script.name === "takeTurn"
			? Promise.reject(new Error("damaged"))
			: run(script, ...more),
	);
	const { started, faults } = await work(() => null);
	await isStarted(started, "big-2");
	expect(String(faults[0])).toContain("damaged");
	vi.restoreAllMocks();
});

test("while nobody can tell whose turn it is, a worker rests between two looks, whatever was due", async () => {
	const worker = new Looking(async () => {}, {
		...{ store, host: HOST, room: () => 1, limits: () => ({}), fault: () => {}, followClock: async () => {} },
		...{ dropUnreadable: async () => [], lockDuration: 60_000, stalledInterval: 60_000, maxStalledCount: 1 },
	});
	cleanups.push(() => worker.close());
	await store.create(specOf("model"));
	const until = Date.now() + 100;
	await queues.add({ ...(await store.need("model")), hold: { kind: "delayed", until } }, Date.now());
	await worker.moveToActive("token");
	await expect.poll(() => worker.getBlockTimeout(0)).toBeLessThanOrEqual(0);
	vi.spyOn(store, "run").mockRejectedValue(new DispatchError("DISPATCH_REDIS_UNREACHABLE", "away"));
	await worker.moveToActive("token");
	expect(worker.getBlockTimeout(0)).toBeGreaterThan(0);
	vi.restoreAllMocks();
});

test("a worker takes no more than may start, and one that is told of room goes on at once", async () => {
	await store.create(specOf("model"));
	await put(...some(9, "big"));
	let room = 2;
	const started: string[] = [];
	const worker = new RunWorker({
		store,
		queues,
		host: HOST,
		room: () => room,
		process: async (job) => {
			started.push(job.task);
			room -= 1;
			job.placed();
			await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
			return { kind: "release" };
		},
	});
	cleanups.push(() => worker.stop());
	await worker.start();
	const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 10 };
	await vi.waitFor(() => expect(started).toEqual(["big-0", "big-1"]), LIMIT);
	await put(...some(1, ""));
	expect(started).toHaveLength(2);
	room = 2;
	worker.wake();
	await vi.waitFor(() => expect(started).toEqual(["big-0", "big-1", "i-0", "big-2"]), LIMIT);
});
