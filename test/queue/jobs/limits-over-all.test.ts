/**
 * Over any hosts, limits and lanes: nothing that may not start is taken, and where something may start something is.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunQueues } from "../../../src/queue/jobs/run-queue.ts";
import type { StartLimits } from "../../../src/queue/jobs/start-limits.ts";
import { takeTurn } from "../../../src/queue/jobs/turns.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { HOST_GONE_MS } from "../../../src/task/host.ts";
import { SEED } from "../../chance.ts";
import { specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

let store: Store;
let queues: RunQueues;
withQueues((made) => {
	({ store, queues } = made);
});

const HOSTS = ["h1", "h2", "h3"] as const;
const BACKENDS = ["claude", "codex", "other", "other"] as const;
const LIMITS: StartLimits = {
	claude: { concurrency: 1 },
	codex: { concurrency: 2 },
	full: { concurrency: 1 },
};
/** What a batch allows; 0: no limit. */
const MOST: Readonly<Record<string, number>> = { one: 1, two: 2, any: 0 };

interface Known {
	id: string;
	batch: string;
	backend: string;
	host: string;
	state: "line" | "taken" | "running" | "asking" | "ended";
}

let tasks: Known[] = [];
let gone = new Set<string>();

const beat = (host: string, agoMs = 0) =>
	store.client.hset(store.keys.host(host), "beatAt", Date.now() - agoMs);

async function begin(): Promise<void> {
	await store.client.flushall();
	tasks = [];
	gone = new Set();
	for (const host of HOSTS) {
		await beat(host);
		await store.client.sadd(store.keys.hosts, host);
	}
	for (const [batch, most] of Object.entries(MOST))
		await store.client.hset(store.keys.batch(batch), "maxParallel", most);
}

async function put(task: Omit<Known, "state">, said: object = {}): Promise<void> {
	const { id, batch, backend, host } = task;
	await store.create(specOf(id, { backend, host }));
	if (batch !== "") await store.client.hset(store.keys.task(id), "batch", batch);
	const record = await store.need(id);
	const { spec } = record;
	await queues.add({ ...record, ...said, spec: { ...spec, ...said } }, Date.now());
	tasks.push({ ...task, state: "line" });
}

/** By the records alone. */
function mayStart({ batch, backend, host, state }: Known): boolean {
	const ofBatch = tasks.filter(
		(each) =>
			each.batch === batch &&
			(each.state === "running" || (each.state === "taken" && (each.host === host || !gone.has(each.host)))),
	);
	const ofBackend = tasks.filter(
		(each) => each.backend === backend && each.host === host && /^(running|taken)$/.test(each.state),
	);
	const isWithin = (count: number, most: number | undefined) => !most || count < most;
	return (
		state === "line" &&
		isWithin(ofBatch.length, MOST[batch]) &&
		isWithin(ofBackend.length, LIMITS[backend]?.concurrency)
	);
}

/** A worker's look. @returns what it took; "" where nothing may be */
async function look(host: string): Promise<string> {
	const limits = LIMITS;
	while ((await takeTurn(store, host, { hasRoom: true, limits })).isMore);
	const queue = queues.of(host);
	const job = await store.client.rpoplpush(queue.toKey("wait"), queue.toKey("active"));
	return job?.slice(0, job.lastIndexOf(".")) ?? "";
}

/** @param missed those that need not be found though they may start */
async function take(host: string, missed: (task: Known) => boolean = () => false): Promise<void> {
	const may = tasks.filter((task) => task.host === host && mayStart(task));
	const id = await look(host);
	const isNone = may.every(missed);
	expect([...may.map((task) => task.id), ...(isNone ? [""] : [])], `of seed ${SEED}`).toContain(id);
	for (const task of may) if (task.id === id) task.state = "taken";
}

async function act(task: Known, what: "start" | "ask" | "end" | "send back"): Promise<void> {
	const { id, host, backend, state } = task;
	const queue = queues.of(host);
	const job = `${id}.${(await store.need(id)).generation}`;
	if (state === "taken" && what === "start") {
		const set = { startedWith: backend };
		await store.move({ id, from: ["queued"], to: "running", runNonce: `n-${id}`, set });
		task.state = "running";
	} else if (state === "taken" && what === "send back") {
		await store.client.lrem(queue.toKey("active"), 1, job);
		await store.client.zadd(queue.toKey("prioritized"), 100 * 2 ** 32, job);
		task.state = "line";
	} else if (state === "running" && what === "ask") {
		await store.move({ id, from: ["running"], to: "asking" });
		task.state = "asking";
	} else if ((state === "running" || state === "asking") && what === "end") {
		await store.move({ id, from: ["running", "asking"], to: "completed" });
		task.state = "ended";
	}
}

/** As many bands as there are have lanes, of which nothing may start: what comes now shares one. */
async function takeAllBands(host: string): Promise<void> {
	await put({ id: `full-${host}`, batch: "", backend: "full", host });
	await take(host);
	for (const task of tasks) if (task.id === `full-${host}`) await act(task, "start");
	const bands = Array.from({ length: 2 ** 11 - 2 }, (_, n) => n + 1);
	await store.client.hset(
		store.keys.lanes(host),
		Object.fromEntries(bands.map((n) => [`f${n} full`, String(n)])),
	);
	await store.client.zadd(
		queues.of(host).toKey("prioritized"),
		...bands.flatMap((n) => [n * 2 ** 42 + 100 * 2 ** 32, `f${n}.1`]),
	);
}

const step = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.record({
			batch: fc.constantFrom("", "one", ...Object.keys(MOST)),
			backend: fc.constantFrom(...BACKENDS),
			host: fc.constantFrom(...HOSTS),
		}),
	},
	{ weight: 5, arbitrary: fc.record({ take: fc.constantFrom(...HOSTS) }) },
	{
		weight: 5,
		arbitrary: fc.record({
			act: fc.constantFrom("start", "ask", "end", "send back"),
			nth: fc.nat(),
		}),
	},
	{ weight: 1, arbitrary: fc.record({ leaves: fc.constantFrom(...HOSTS) }) },
	{ weight: 1, arbitrary: fc.record({ comes: fc.constantFrom(...HOSTS) }) },
);

test.each([
	["a lane for each", 10, async () => {}],
	["more lanes than bands", 3, () => takeAllBands("h1")],
] as const)(
	"nothing starts over a limit, what may start starts, and what a host that is gone had chosen holds nobody: %s",
	async (_, numRuns, crowd) => {
		await fc.assert(
			fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 100 }), async (steps) => {
				await begin();
				await crowd();
				for (const [n, each] of steps.entries()) {
					if ("batch" in each) await put({ ...each, id: `t-${n}` });
					else if ("take" in each)
						await (gone.has(each.take) ? beat(each.take, HOST_GONE_MS) : take(each.take));
					else if ("leaves" in each) {
						gone.add(each.leaves);
						await beat(each.leaves, HOST_GONE_MS);
					} else if ("comes" in each) {
						gone.delete(each.comes);
						await beat(each.comes);
					} else {
						const open = tasks.filter(
							({ backend, host, state }) =>
								backend !== "full" && !gone.has(host) && /^(taken|running|asking)$/.test(state),
						);
						const task = open[each.nth % open.length];
						if (task !== undefined) await act(task, each.act);
					}
				}
				for (const host of HOSTS) if (!gone.has(host)) for (let n = 0; n < 20; n++) await take(host);
			}),
			{ seed: SEED, numRuns },
		);
	},
);

test("what a job says of itself lets it start over no limit: the record decides", async () => {
	await begin();
	for (const [n, said] of [
		{ batch: "other" },
		{ batch: null, backend: "none" },
		{ backend: "none" },
		{ batch: "x", backend: "" },
	].entries())
		await put({ id: `t-${n}`, batch: "one", backend: "claude", host: "h1" }, said);
	await put({ id: "mine", batch: "", backend: "other", host: "h1" }, { batch: "one", backend: "claude" });
	for (let n = 0; n < 8; n++) await take("h1", ({ id }) => id === "mine");
	expect(tasks.filter(({ batch, state }) => batch === "one" && state === "taken")).toHaveLength(1);
});
