/** Somebody who writes to Redis takes tasks out of the list that every command goes by: they are back with no restart. */
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

/** A worker looks twice a minute. */
const LIMIT = { timeout: 2 * CONDITION_LIMIT_MS, interval: 500 };

let redis: TestRedis;
let client: Redis;
let user: User;
beforeEach(async () => {
	redis = await startTestRedis({ port: true });
	client = new Redis(redis.url);
	user = new User({ agent: "starts-counted.sh", redis: redis.url });
	for (const id of ["first", "second"]) {
		await user.ok(["enqueue", "--id", id, "x"]);
		await user.waitForState(id, "completed");
	}
	await client.del("{dispatch:default}:tasks");
	await client.zadd("{dispatch:default}:tasks", 1, "a");
	expect(await listed()).toEqual([]);
});
afterEach(async () => {
	await user.cleanup();
	client.disconnect();
	await redis.stop();
});

const listed = async () => (await user.json<{ id: string }[]>(["ls"])).map(({ id }) => id).sort();

test(
	"the worker puts them back",
	async () => {
		await expect.poll(listed, LIMIT).toEqual(["first", "second"]);
	},
	TEST_LIMIT_MS,
);

test("doctor says so, and puts them back at once", async () => {
	await user.ok(["down"]);
	const { stdout } = await user.run(["doctor"]);
	expect(stdout).toMatch(/Names of tasks were missing in lists.*put back: tasks \(2\)/);
	expect(await listed()).toEqual(["first", "second"]);
	expect((await user.run(["doctor"])).stdout).not.toContain("Names of tasks were missing");
});
