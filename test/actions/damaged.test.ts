import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cancelTasks } from "../../src/actions/cancel.ts";
import { listTasks } from "../../src/actions/list.ts";
import { overviewOf } from "../../src/actions/overview.ts";
import { removableTasks, removeTask } from "../../src/actions/remove.ts";
import { TaskReader } from "../../src/cli/screen/task-reader.ts";
import { beat } from "../../src/queue/records/hosts.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { damagedError } from "../../src/task/damaged.ts";
import { homePage } from "../../src/web/home-page.ts";
import { runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "damaged", role: "service" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

const PLACE = { path: "/nonexistent", hostId: "elsewhere" };
const remove = async (...given: string[]) => {
	for (const each of await removableTasks(store, given)) await removeTask(store, each, PLACE);
};

test("a damaged task is listed as damaged, can be cancelled and removed, and hides no other", async () => {
	await beat(store, "h1", { homeId: "h", home: "/h", pid: 1, running: 0, concurrency: 1 });
	for (const id of ["sound", "spec", "state", "key", "emptied"]) await store.create(specOf(id));
	await store.client.hset(store.keys.task("spec"), "spec", "{x");
	await store.client.hset(store.keys.task("state"), "state", "\u001b[31m");
	await store.client.set(store.keys.task("key"), "x");
	await store.client.del(store.keys.task("emptied"));
	await store.client.hset(store.keys.task("emptied"), "foreign", "x");
	const { records, damaged, total } = await listTasks(store, {}, 50);
	expect(records.map(({ spec }) => spec.id)).toEqual(["sound"]);
	expect(Object.fromEntries(damaged.map(({ id, damage }) => [id, damage]))).toEqual({
		spec: "spec is not JSON",
		state: "state is unknown",
		key: "its key holds something else",
		emptied: "none of its fields is there",
	});
	expect(total).toBe(5);
	await remove("emptied");
	const overview = await overviewOf(store);
	expect(overview.counts).toEqual({ queued: 1 });
	expect(overview.open.map(({ spec }) => spec.id)).toEqual(["sound"]);
	expect(overview.damaged.map(({ id }) => id).sort()).toEqual(["key", "spec", "state"]);
	const page = await homePage(
		store,
		{ name: "here", place: "/place", option: null },
		{ state: null, page: 1 },
	);
	expect(page).toContain('href="/place/task/sound"');
	expect(page).toContain("dispatch rm spec");
	const reader = new TaskReader(store);
	expect((await reader.read()).map(({ id }) => id)).toEqual(["sound"]);
	expect(reader.damaged.map(({ id }) => id).sort()).toEqual(["key", "spec", "state"]);
	await expect(store.need("spec")).rejects.toMatchObject({ code: "DISPATCH_DAMAGED" });
	expect(await cancelTasks(store, ["spec", "state"], { by: "me" })).toMatchObject([
		{ task: "spec", done: { result: "cancelled" } },
		{ task: "state", done: { result: "cancelled" } },
	]);
	await remove("spec", "state", "key");
	expect((await listTasks(store, {}, 50)).damaged).toEqual([]);
	expect(await store.ids()).toEqual(["sound"]);
	expect(await store.activeIds("h1")).toEqual(["sound"]);
});

test("what was seen whole and is damaged since stands in no picture as it was, though no event tells it", async () => {
	await runningTask(store, "seen");
	const reader = new TaskReader(store);
	const ids = async () => (await reader.read()).map(({ id }) => id);
	expect(await ids()).toContain("seen");
	await store.client.hset(store.keys.task("seen"), "spec", "{x");
	expect(await ids()).not.toContain("seen");
	expect(reader.damaged).toEqual([{ id: "seen", damage: "spec is not JSON" }]);
});

test.each([
	"plain-id",
	"$(echo run)",
	"`echo run`",
	'"; echo run; "',
	"it's; echo run",
	"--all",
	"a b",
	"\n; echo run",
])("the hint that names the damaged %j is one argument to a shell that it is copied into", (id) => {
	const { hint } = damagedError({ id, damage: "x" });
	const command = /dispatch cancel (.*), then dispatch rm/s.exec(hint ?? "")?.[1] ?? "";
	const words = execFileSync("sh", ["-c", `printf '%s\\0' ${command}`], { encoding: "utf8" });
	expect(words.split("\0").filter((word) => word !== "--" && word !== "")).toEqual([id]);
	expect(words.startsWith("--\0")).toBe(id.startsWith("-"));
});
