import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { WAIT_LIMIT } from "../patience.ts";
import { startTestRedis } from "../redis.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

/** A prompt that no command line can carry goes by file, byte for byte. */
test("a prompt of 300 KB reaches the agent", async () => {
	user = new User({ agent: "records-args.sh" });
	const prompt = `Read this: ${"äöü $(x) `y` ".repeat(20_000)}end`;
	const file = user.write("long.txt", prompt);
	await user.ok(["enqueue", "--id", "long", "--prompt-file", file]);
	await user.waitForState("long", "completed");
	expect(readFileSync(user.taskFile("long", "prompt.md"), "utf8")).toContain(prompt);
	expect(readFileSync(user.taskFile("long", "args.bin"), "utf8")).toContain("prompt.md");
});

test("git clean -fdx while `dispatch ask` waits: the answer arrives", async () => {
	user = new User({ agent: "ask-command.sh" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	// Away in one step: it is made again so soon that a removal file by file would meet new ones.
	renameSync(join(user.project, ".dispatch"), join(user.project, "cleaned"));
	expect(await user.ok(["questions"])).toContain("Which?");
	await user.ok(["answer", "t", "this one"]);
	await user.waitForState("t", "completed");
	expect(await user.ok(["output", "t"])).toBe("this one\n");
});

test("git clean -fdx while a task is parked: it goes on with its plan and the answer", async () => {
	user = new User({ agent: "asks-and-parks.sh" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "parked");
	rmSync(join(user.project, ".dispatch"), { recursive: true });
	await user.ok(["answer", "t", "8080"]);
	await user.waitForState("t", "completed");
	expect(await user.ok(["output", "t"])).toContain("8080");
});

test("a state directory of 200 characters works", async () => {
	user = new User();
	const home = join(user.home, "x".repeat(200 - user.home.length - 1));
	const env = { DISPATCH_HOME: home, DISPATCH_CONFIG: join(user.home, "config.yaml") };
	await user.ok(["enqueue", "--id", "far", "Do it"], { env });
	await expect.poll(async () => user.ok(["questions"], { env })).toContain("far");
	await user.ok(["answer", "far", "yes"], { env });
	await user.ok(["wait", "far", "--timeout", WAIT_LIMIT], { env });
	await user.ok(["down"], { env });
});

test("a Redis that is out of memory takes no new task, and an answer; work goes on to its end", async () => {
	const redis = await startTestRedis({ port: true });
	const client = new Redis(redis.url);
	try {
		user = new User({ redis: redis.url });
		await user.ok(["enqueue", "--id", "full", "Do it"]);
		await user.waitForState("full", "asking");
		await client.config("SET", "maxmemory", "1");
		const refused = await user.run(["enqueue", "--id", "more", "Do it"]);
		expect(refused.code).toBe(5);
		expect(refused.stderr).toContain("DISPATCH_REDIS_FULL");
		await user.ok(["answer", "full", "yes"]);
		await expect.poll(() => existsSync(user.taskFile("full", "ipc/.done"))).toBe(true);
		await client.config("SET", "maxmemory", "0");
		expect(await user.taskInState("full", "completed")).toMatchObject({ attempt: 1 });
		expect((await user.run(["status", "more"])).code).toBe(6);
	} finally {
		client.disconnect();
		await user.cleanup();
		await redis.stop();
	}
});

test("a Redis that may evict keys is refused with the way to mend it", async () => {
	const redis = await startTestRedis({ port: true, settings: ["--maxmemory-policy", "allkeys-lru"] });
	try {
		user = new User({ redis: redis.url });
		const { code, stderr } = await user.run(["enqueue", "Do it"]);
		expect(code).toBe(2);
		expect(stderr).toMatch(/maxmemory-policy is allkeys-lru.*noeviction.*DISPATCH_REDIS_POLICY/s);
	} finally {
		await redis.stop();
	}
});

test("without inotify (DISPATCH_WATCH=off) everything works by the monitor's cycle", async () => {
	user = new User({ env: { DISPATCH_WATCH: "off" } });
	await user.ok(["enqueue", "--id", "slow", "Do it"]);
	await user.waitForState("slow", "asking");
	await user.ok(["answer", "slow", "yes"]);
	expect(await user.taskInState("slow", "completed")).toMatchObject({ attempt: 1 });
});
