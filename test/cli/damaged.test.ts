/** Tasks whose record in Redis is damaged harm themselves alone: each can be ended and removed, among others, too. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { User } from "../e2e/harness.ts";
import { runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { RefusingRedis } from "../refusing-redis.ts";

let redis: TestRedis;
let user: User;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	user = new User({ agent: "ten-line.sh", redis: redis.url, env: { DISPATCH_HOST_ID: "own" } });
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
});
beforeEach(() => store.client.flushall());
afterAll(async () => {
	await store.close();
	await user.cleanup();
	await redis.stop();
});

const states = async () => Object.fromEntries(await store.states());

/** The first: only for the scripts; the second: its spec is read by all but cjson. Both can be listed. */
async function damaged(): Promise<void> {
	for (const id of ["first", "side", "half", "last"]) {
		await runningTask(store, id, { host: "own", cwd: user.project });
		await store.move({ id, from: ["running"], to: "failed", set: {} });
	}
	await store.client.set(store.keys.notes("side"), "junk");
	const key = store.keys.task("half");
	const spec = (await store.client.hget(key, "spec")) ?? "";
	await store.client.hset(key, "spec", spec.replace("Review it.", "Review it. \\ud800"));
	expect((await store.list(-1)).map(({ spec: { id } }) => id).sort()).toEqual([
		"first",
		"half",
		"last",
		"side",
	]);
}

test("rm removes it, by its id and by a filter", async () => {
	await damaged();
	expect(await user.ok(["rm", "side", "half"])).toBe("Removed `side`.\nRemoved `half`.\n");
	await user.ok(["rm", "first", "last"]);
	await damaged();
	expect(await user.ok(["rm", "--state", "failed", "--yes"])).toMatch(/^(Removed `\w+`\.\n){4}$/);
	expect(await states()).toEqual({});
});

test("one that has not ended is cancelled first, by its id and by a filter", async () => {
	for (const id of ["one", "two"])
		await store.create(specOf(id, { host: "own", notBefore: 4_000_000_000_000 }));
	for (const id of ["one", "two"]) await store.client.set(store.keys.notes(id), "junk");
	expect(await user.run(["rm", "one"])).toMatchObject({ code: 8 });
	await user.ok(["cancel", "one"]);
	await user.ok(["rm", "one"]);
	await user.ok(["cancel", "--state", "queued"]);
	await user.ok(["rm", "two"]);
	expect(await states()).toEqual({});
});

test("what is no record at all is removed by what the refusal of a cancel names", async () => {
	await store.client.set(store.keys.task("zz"), "junk");
	await store.client.zadd(store.keys.tasks, 1, "zz");
	for (const command of ["cancel", "status"]) {
		const { code, stderr } = await user.run([command, "zz"]);
		expect([code, stderr]).toEqual([8, expect.stringMatching(/Remove it: dispatch rm zz \[/)]);
	}
	expect(await user.ok(["rm", "zz"])).toContain("Removed `zz`.");
	expect(await store.client.exists(store.keys.task("zz"))).toBe(0);
});

test("prune removes it", async () => {
	await damaged();
	expect(await user.ok(["prune", "--older-than", "0s"])).toBe("Removed 4 tasks older than 0s.\n");
	expect(await states()).toEqual({});
});

test("prune names those whose age nobody can read", async () => {
	await damaged();
	for (const id of ["first", "last"]) await store.client.hset(store.keys.task(id), "spec", "{x");
	const { stdout, stderr } = await user.run(["prune", "--older-than", "0s"]);
	expect(stdout).toBe("Removed 2 tasks older than 0s.\n");
	expect(stderr).toMatch(
		/^dispatch: Nobody knows how old these are, their records are damaged: (first, last|last, first)\. To remove one: dispatch rm ID\n$/,
	);
	await user.ok(["rm", "first", "last"]);
	expect(await states()).toEqual({});
});

test("prune goes past one that cannot be removed, tells it, and removes the rest", async () => {
	const proxy = new RefusingRedis(redis.socketPath);
	await proxy.start();
	onTestFinished(() => proxy.stop());
	proxy.errors = ["WRONGTYPE Operation against a key holding the wrong kind of value"];
	proxy.onlyWith = '"id":"half","agreed"';
	const prune = ["prune", "--older-than", "0s", "--redis", proxy.url];
	await damaged();
	const ran = await user.run(prune);
	expect(ran.stdout).toBe("Removed 3 of 4 tasks.\n");
	expect(ran.stderr).toMatch(
		/^dispatch: Redis at \S+ holds something else .*\[DISPATCH_DAMAGED\]\ndispatch: 1 of 4 tasks were not removed\.\n$/,
	);
	expect(ran.code).toBe(8);
	const error = expect.objectContaining({ code: "DISPATCH_DAMAGED" });
	expect(await user.json([...prune, "--json"], { code: 8 })).toEqual({
		removed: [],
		dryRun: false,
		notRemoved: [{ id: "half", error }],
	});
	expect(await states()).toEqual({ half: "failed" });
	expect(proxy.refused).toBe(2);
});
