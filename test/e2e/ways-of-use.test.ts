/** The command line, a batch from CI, a shared Redis, and the agent's own side of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startTestRedis } from "../redis.ts";
import { type Task, User } from "./harness.ts";

let user: User | undefined;
afterEach(() => user?.cleanup());

test("asking agents free their places: with --concurrency 1 three questions are open at once", async () => {
	const mine = new User({ config: "worker: { concurrency: 1, max_agents: 4 }\n" });
	user = mine;
	const ids = ["one", "two", "three"];
	for (const id of ids) await mine.ok(["enqueue", "--id", id, "Do it"]);
	const open = async () =>
		(await mine.json<{ task: string }[]>(["questions"])).map(({ task }) => task).sort();
	await expect.poll(open).toEqual([...ids].sort());
	for (const id of ids) await mine.ok(["answer", id, `for ${id}`]);
	await mine.ok(["wait", ...ids, "--timeout", "40s"]);
	for (const id of ids) expect(await mine.ok(["output", id])).toBe(`The answer: for ${id}\n`);
});

test("CI: a batch of five on a Redis given by URL; 0, and 1 when one fails", async () => {
	const redis = await startTestRedis({ port: true });
	try {
		const mine = new User({
			agent: "echo-env.sh",
			agents: { broken: "item-error.sh" },
			redis: redis.url,
			env: { CI: "true" },
		});
		user = mine;
		const five = Array.from({ length: 5 }, (_, n) => ({ prompt: `Job ${n}`, id: `job-${n}` }));
		mine.write("good.json", JSON.stringify(five));
		const good = await mine.json<Task[]>(["batch", "good.json", "--wait", "--timeout", "50s"]);
		expect(good.map(({ state }) => state)).toEqual(Array(5).fill("completed"));
		const bad = five.map((task, n) => ({
			...task,
			id: `again-${n}`,
			...(n === 3 ? { model: "broken", attempts: 1 } : {}),
		}));
		mine.write("bad.json", JSON.stringify(bad));
		const failed = await mine.run(["batch", "bad.json", "--wait", "--timeout", "50s"]);
		expect([failed.code, failed.stderr]).toEqual([1, ""]);
		expect(failed.stdout).toContain("`again-3` failed (item_error).");
		expect(failed.stdout.match(/^`again-\d` complete\./gm)).toHaveLength(4);

		// No local server was started beside the given one; neither agents nor `ps` tell its address.
		expect(mine.processes().filter(({ command }) => command.includes("redis"))).toEqual([]);
		const env = readFileSync(mine.taskFile("job-0", "env.txt"), "utf8");
		expect(env).not.toContain("DISPATCH_REDIS_URL");
		expect(env).not.toContain(redis.url);
	} finally {
		await user?.cleanup();
		await redis.stop();
	}
});

test("an agent finds this `dispatch` first on its PATH, asks with it, and may not submit tasks", async () => {
	const mine = new User({ agent: "nested.sh" });
	user = mine;
	await mine.ok(["enqueue", "--id", "easy", "Ask me"]);
	const asking = await mine.taskInState("easy", "asking");
	expect(asking.questions).toMatchObject([{ seq: "001", text: expect.stringContaining("Which?") }]);
	expect(readFileSync(mine.taskFile("easy", "which.txt"), "utf8")).toBe(
		`${join(mine.home, "bin", "dispatch")}\n`,
	);
	expect(readFileSync(mine.taskFile("easy", "nested.txt"), "utf8")).toMatch(
		/^dispatch: This is the agent of the task "easy".+\[DISPATCH_NESTED\]\n7\n$/,
	);
	await mine.ok(["answer", "easy", "-"], { input: "Both,\nand “all” of $(it)\n" });
	await mine.waitForState("easy", "completed");
	expect(await mine.ok(["output", "easy"])).toBe("Both,\nand “all” of $(it)\n");
});

test("two people on one Redis: one lists, answers and reads what the other's host runs", async () => {
	const redis = await startTestRedis({ port: true });
	const other = new User({ redis: redis.url });
	try {
		const mine = new User({ redis: redis.url });
		user = mine;
		await mine.ok(["enqueue", "--id", "shared", "Paint it"]);
		await mine.waitForState("shared", "asking");
		expect(await other.json<Task[]>(["ls"])).toMatchObject([{ id: "shared", state: "asking" }]);
		await other.ok(["answer", "shared", "Green"]);
		await other.ok(["wait", "shared", "--timeout", "40s"]);
		expect(await other.ok(["output", "shared"])).toBe("The answer: Green\n");
		expect(other.daemonPid()).toBeNull();
	} finally {
		await other.cleanup();
		await user?.cleanup();
		await redis.stop();
	}
});
