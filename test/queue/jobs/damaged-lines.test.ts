/** Whoever can write to Redis may put anything in line: what no worker can work on is taken out, told, and delays nobody. */
import { expect, test, vi } from "vitest";
import { drainOutbox, sweepLostJobs } from "../../../src/queue/jobs/dispatcher.ts";
import { jobIdOf, type RunQueues, RunWorker } from "../../../src/queue/jobs/run-queue.ts";
import { Store } from "../../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { HOST, specOf } from "../records/store-support.ts";
import { withQueues } from "../stage.ts";

let store: Store;
let queues: RunQueues;
const cleanups = withQueues((made) => {
	({ store, queues } = made);
});

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 50 });

/** What stands under the key of one that stands in line. */
const JOBS: Record<string, (key: string) => Promise<unknown>> = {
	nothing: async () => {},
	"a text": (key) => store.client.set(key, "x"),
	"a list": (key) => store.client.rpush(key, "x"),
	"data that is no JSON": (key) => store.client.hset(key, { name: "x", data: "{", opts: "{}" }),
	"data of another job": (key) =>
		store.client.hset(key, { name: "x", data: '{"task":"sound","generation":1}', opts: "{}" }),
	"data that only Lua takes": (key) =>
		store.client.hset(key, {
			name: "x",
			data: `{"task":"${taskIn(key)}","generation":1,"n":NaN}`,
			opts: "{}",
		}),
	"options that are no JSON": (key) => store.client.hset(key, { name: "x", data: dataIn(key), opts: "]" }),
	"progress that is no JSON": (key) =>
		store.client.hset(key, { name: "x", data: dataIn(key), opts: "{}", progress: "]" }),
};
const taskIn = (key: string) => key.replace(/^.*:/, "").replace(/\.1$/, "");
const dataIn = (key: string) => JSON.stringify({ task: taskIn(key), generation: 1 });

/** BullMQ could not hand them to anybody, or would hand out a job of nothing. */
const BROKEN = ["nothing", "a text", "a list", "data that is no JSON"];

const LINES: Record<string, (ids: string[]) => Promise<unknown>> = {
	wait: (ids) => store.client.rpush(queues.of(HOST).toKey("wait"), ...ids),
	"prioritized in front": (ids) =>
		store.client.zadd(queues.of(HOST).toKey("prioritized"), ...ids.flatMap((id, n) => [n, id])),
	"prioritized at -inf": (ids) =>
		store.client.zadd(queues.of(HOST).toKey("prioritized"), ...ids.flatMap((id) => ["-inf", id])),
	"prioritized at 1e300": (ids) =>
		store.client.zadd(queues.of(HOST).toKey("prioritized"), ...ids.flatMap((id) => [1e300, id])),
	"delayed and due": (ids) =>
		store.client.zadd(queues.of(HOST).toKey("delayed"), ...ids.flatMap((id, n) => [n, id])),
	active: (ids) => store.client.rpush(queues.of(HOST).toKey("active"), ...ids),
};

interface Seen {
	ran: string[];
	told: string[];
}

async function working(): Promise<Seen> {
	const seen: Seen = { ran: [], told: [] };
	const worker = new RunWorker({
		...{ store, queues, host: HOST, room: () => 1 },
		fault: (error) => seen.told.push(String(error)),
		process: async ({ task, placed }) => {
			placed();
			seen.ran.push(task);
			return { kind: "done", state: "completed", message: "ok" };
		},
	});
	cleanups.push(() => worker.stop());
	await worker.start();
	return seen;
}

async function standing(): Promise<number> {
	const { client } = store;
	const at = (name: string) => queues.of(HOST).toKey(name);
	const lists = await Promise.all(["wait", "active"].map((name) => client.llen(at(name))));
	const sets = await Promise.all(["prioritized", "delayed"].map((name) => client.zcard(at(name))));
	return [...lists, ...sets].reduce((sum, many) => sum + many, 0);
}

async function plant(line: string, kinds: string[], many: number): Promise<void> {
	const ids = Array.from({ length: many }, (_, n) => `planted-${n}.1`);
	for (const [n, id] of ids.entries()) await JOBS[kinds[n % kinds.length] ?? ""]?.(queues.of(HOST).toKey(id));
	await LINES[line]?.(ids);
	await store.create(specOf("sound"));
	await drainOutbox(store, queues);
}

test.each(Object.keys(LINES))(
	"in %s, of all kinds: the others start, and nothing of them is left",
	async (line) => {
		await plant(line, Object.keys(JOBS), 10 * Object.keys(JOBS).length);
		const { ran, told } = await working();
		await until(() => expect(ran).toEqual(["sound"]));
		await until(async () => expect(await standing()).toBe(0));
		expect(told[0]).toMatch(
			/^Error: \d+ jobs? that cannot be read (was|were) taken out of the line \(planted-\d+\.1/,
		);
	},
);

const calls = async () =>
	Number(/cmdstat_evalsha:calls=(\d+)/.exec(await store.client.info("commandstats"))?.[1] ?? 0);

test.each(Object.keys(LINES).filter((line) => line !== "active"))(
	"in %s, very many: they are taken out by a few calls",
	async (line) => {
		await plant(line, BROKEN, 3_000);
		const before = await calls();
		const { ran, told } = await working();
		await until(() => expect(ran).toEqual(["sound"]));
		expect((await calls()) - before).toBeLessThan(100);
		const count = () => told.reduce((sum, text) => sum + Number(/^Error: (\d+) jobs? /.exec(text)?.[1]), 0);
		await until(() => expect(count()).toBe(3_000));
	},
);

test("where it was a task's own, the sweep makes it anew, and it starts", async () => {
	await store.create(specOf("real"));
	await drainOutbox(store, queues);
	await store.client.del(queues.of(HOST).toKey(jobIdOf("real", 1)));
	const { ran, told } = await working();
	await until(() => expect(told).toHaveLength(1));
	const { client, target, namespace } = store;
	const later = new Store({ client, target, namespace, clock: { now: () => Date.now() + 60_000 } });
	expect(await sweepLostJobs(later, queues, HOST)).toEqual(["real"]);
	await until(() => expect(ran).toEqual(["real"]));
});
