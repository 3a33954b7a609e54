/**
 * What Redis says of who serves a host may be of a Redis that went back, or anybody's: the worker that has the directory
 * goes on, its tasks too, and nobody is told to end a process that has nothing to do with it.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bootId, processIdentity } from "../../src/process/identity.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

let redis: TestRedis;
let client: Redis;
let user: User;
let key: string;
beforeEach(async () => {
	redis = await startTestRedis({ port: true });
	client = new Redis(redis.url);
	user = new User({ agent: "starts-counted.sh", redis: redis.url });
	await user.ok(["up"]);
	[key = ""] = (await client.keys("*:host:*")) as [string];
});
afterEach(async () => {
	await user.cleanup();
	client.disconnect();
	await redis.stop();
});

const workers = () =>
	user
		.processes()
		.filter(({ command }) => / worker( |$)/.test(command))
		.map(({ pid }) => pid);
const holderPid = async () => Number((await client.hget(key, "holder"))?.split(" ")[0]);

async function goesOn(pid: number | undefined): Promise<void> {
	// Its start is refused at first: by that the worker learns of it, long before its next beat.
	await user.ok(["enqueue", "--id", "next", "x"]);
	await user.waitForState("next", "completed");
	await expect.poll(holderPid, LIMIT).toBe(pid);
	expect(workers()).toEqual([pid]);
	expect(await user.ok(["hosts"])).not.toContain("gone");
}

test("a Redis that went back over a restart of the worker names the one before: the one that lives goes on", async () => {
	const before = await client.dumpBuffer(key);
	await user.ok(["up", "--restart"]);
	const [pid] = workers();
	expect(await holderPid()).toBe(pid);
	await client.restore(key, 0, before, "REPLACE");
	expect(await holderPid()).not.toBe(pid);
	await goesOn(pid);
});

test("a process that has the directory open and is named as the worker displaces nobody, and refuses no start of one", async () => {
	const [pid] = workers();
	// As an agent may: `exec 9<$DISPATCH_HOME`.
	const fd = openSync(user.home, "r");
	const stranger = spawn("sleep", ["1000"], { stdio: ["ignore", "ignore", "ignore", fd] });
	closeSync(fd);
	const startTime = processIdentity(stranger.pid ?? 0)?.startTime;
	const forge = () => client.hset(key, "holder", `${stranger.pid} ${bootId()} ${startTime}`);
	try {
		await forge();
		await goesOn(pid);
		await user.ok(["down"]);
		await forge();
		expect(await user.ok(["up"])).not.toContain(`${stranger.pid}`);
		await user.ok(["enqueue", "--id", "last", "x"]);
		await user.waitForState("last", "completed");
	} finally {
		stranger.kill();
	}
});
