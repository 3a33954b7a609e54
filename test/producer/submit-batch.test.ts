/** Which ids the tasks of a batch get, which of them are there already, and what keeps all of them out. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Config, loadConfig } from "../../src/config/load.ts";
import { Orders } from "../../src/config/orders.ts";
import { TaskEnv } from "../../src/config/task-env.ts";
import { enqueue } from "../../src/producer/enqueue.ts";
import { resolveTask, type TaskRequest } from "../../src/producer/resolve.ts";
import { type BatchInfo, RefusedTask, submitBatch } from "../../src/producer/submit-batch.ts";
import { newestBatches, tasksOfBatch } from "../../src/queue/records/batches.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { requestOf as request } from "./request.ts";

const HOST = "h1";
const path = mkdtempSync(join(tmpdir(), "dp-"));
const project = join(path, "project");
const orders = new Orders(path, "produce");

let redis: TestRedis;
let store: Store;
let config: Config;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "produce", role: "command" });
	writeFileSync(
		join(path, "config.yaml"),
		"default: fake\nbackends:\n  fake: { type: command, command: fake-agent }\nmodels:\n  fake: { backend: fake }\n",
	);
	config = await loadConfig({ path: join(path, "config.yaml"), env: { PATH: "" } });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
	rmSync(path, { recursive: true, force: true });
});
beforeEach(async () => {
	await store.client.flushall();
	rmSync(project, { recursive: true, force: true });
	mkdirSync(project);
});

const requestOf = (changes: Partial<TaskRequest> = {}) => request({ cwd: project, ...changes });
const infoOf = (changes: Partial<BatchInfo> = {}): BatchInfo => ({
	name: null,
	maxParallel: 0,
	onFailure: "skip_dependents",
	budgetUsd: null,
	key: null,
	file: join(project, "tasks.yaml"),
	host: HOST,
	createdBy: "ann@here",
	...changes,
});

async function put(
	requests: readonly Partial<TaskRequest>[],
	info = infoOf(),
	taskEnv: TaskEnv | null = null,
) {
	const tasks = await Promise.all(requests.map((each) => resolveTask(HOST, config, requestOf(each))));
	const { id, tasks: made } = await submitBatch({ store, orders, taskEnv }, info, tasks);
	return {
		id,
		ids: made.map(({ record }) => record.spec.id),
		repeated: made.map(({ isRepeated }) => isRepeated),
	};
}

/** @returns its place, code and message */
async function refusalOf(work: Promise<unknown>): Promise<[number, string, string]> {
	const error = await work.then(
		() => null,
		(thrown: unknown) => thrown,
	);
	expect(error).toBeInstanceOf(RefusedTask);
	const { place, refusal } = error as RefusedTask;
	return [place, refusal.code, refusal.message];
}

test("what is signed is what is published, under the id that it got", async () => {
	const { ids } = await put([{}, { id: "given", after: [] }, {}]);
	const records = await store.getMany(ids);
	expect(records.map(({ spec }) => spec.id)).toEqual(["review-code", "given", "review-code-2"]);
	for (const record of records) orders.require(record);
	expect(existsSync(join(project, ".dispatch"))).toBe(false);
});

test("ids made from prompts are free ones, in the order of the file", async () => {
	await store.create(specOf("review-code"));
	await store.create(specOf("review-code-4"));
	mkdirSync(join(project, ".dispatch", "tasks", "review-code-2"), { recursive: true });
	const { ids } = await put([{}, { id: "review-code-5" }, {}, { prompt: "Mend it" }, {}]);
	expect(ids).toEqual(["review-code-3", "review-code-5", "review-code-6", "mend", "review-code-7"]);
});

test("of a name that many tasks have, the next numbers are found in few looks", async () => {
	const many = (count: number) => put(Array.from({ length: count }, () => ({})));
	const first = await many(300);
	expect(first.ids.at(-1)).toBe("review-code-300");
	const looks = async () => {
		const stats = await store.client.info("commandstats");
		return Number(/cmdstat_exists:calls=(\d+)/.exec(stats)?.[1] ?? 0);
	};
	const before = await looks();
	expect((await many(10)).ids).toEqual(Array.from({ length: 10 }, (_, n) => `review-code-${n + 301}`));
	expect((await looks()) - before).toBeLessThan(3 * 310 + 100);
});

test.each<[string, Partial<TaskRequest>, string]>([
	["an id that is taken", { id: "there" }, "DISPATCH_ID_EXISTS"],
	["an id whose directory is another's", { id: "foreign" }, "DISPATCH_ID_EXISTS"],
	["a key of other content", { id: "two", key: "used" }, "DISPATCH_KEY_CONFLICT"],
	["a key that another one of the file has", { id: "two", key: "k1" }, "DISPATCH_KEY_CONFLICT"],
	["a need that is not there", { id: "two", after: ["nosuch"] }, "DISPATCH_NO_SUCH_TASK"],
])("%s keeps all of them out", async (_name, second, code) => {
	await enqueue(store, HOST, config, requestOf({ id: "there", key: "used" }), orders);
	mkdirSync(join(project, ".dispatch", "tasks", "foreign"));
	const before = (await store.client.keys("*")).sort();
	const env = new TaskEnv(path, ["TOKEN"], { TOKEN: "t" });
	const refused = put([{ id: "one", key: "k1" }, second, { id: "three", after: ["one"] }], infoOf(), env);
	expect((await refusalOf(refused)).slice(0, 2)).toEqual([1, code]);
	expect((await store.client.keys("*")).filter((key) => !key.includes(":call:")).sort()).toEqual(before);
	expect(existsSync(join(path, "task-env")) ? readdirSync(join(path, "task-env")) : []).toEqual([]);
});

test("the same key again finds its tasks, makes those that are new, and is the same batch", async () => {
	const info = infoOf({ key: "nightly/42", name: "Nightly" });
	const first = await put([{ key: "a" }, { key: "b" }], info);
	expect(first).toMatchObject({ id: "nightly-42", repeated: [false, false] });
	const again = await put([{ key: "a" }, { key: "c" }, { key: "b" }], info);
	expect(again).toEqual({
		id: "nightly-42",
		ids: [first.ids[0], "review-code-3", first.ids[1]],
		repeated: [true, false, true],
	});
	expect(await tasksOfBatch(store, "nightly-42")).toEqual([...first.ids, "review-code-3"]);
	expect((await newestBatches(store)).batches).toMatchObject([
		{ key: "nightly/42", name: "Nightly", size: 3 },
	]);
});

test("two tasks of one file with the same key and content are one", async () => {
	const { ids, repeated } = await put([{ key: "k" }, { key: "k" }]);
	expect([ids, repeated]).toEqual([
		["review-code", "review-code"],
		[false, true],
	]);
	expect(await store.count()).toBe(1);
});

test.each<[Partial<BatchInfo>, string]>([
	[{ key: "CI/Größe 7", name: "x" }, "ci-grosse-7"],
	[{ name: "Nightly checks" }, "nightly-checks"],
	[{ name: "夜" }, "tasks"],
	[{ file: "/p/夜.yaml" }, "batch"],
	[{ name: "n".repeat(200) }, "n".repeat(48)],
])("%j is the batch %s", async (info, id) => {
	expect((await put([{}], infoOf(info))).id).toBe(id);
});

test("what travels with a task lies there before it can start", async () => {
	const env = new TaskEnv(path, ["TOKEN"], { TOKEN: "t" });
	const { ids } = await put([{}, {}], infoOf(), env);
	const kept = readdirSync(join(path, "task-env")).map((name) => name.replace(/\..*/, ""));
	expect(kept.sort()).toEqual([...ids].sort());
});
