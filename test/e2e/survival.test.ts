import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, WAIT_LIMIT } from "../patience.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const agents = () =>
	user.processes().filter(({ run, command }) => run !== null && command.includes("fixtures/agents"));
const kill = (pid: number | null | undefined) => process.kill(pid ?? 0, "SIGKILL");

test("kill -9 of the worker while the agent waits: the same agent gets its answer, attempt 1", async () => {
	user = new User();
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	const before = agents().map(({ pid }) => pid);
	expect(before.length).toBeGreaterThan(0);
	kill(user.daemonPid());
	await user.ok(["answer", "t", "blue"]);
	await user.ok(["up"]);
	const done = await user.taskInState("t", "completed");
	expect(done).toMatchObject({ attempt: 1, epoch: 1 });
	expect(agents()).toEqual([]);
	expect(await user.ok(["output", "t"])).toContain("blue");
	// It prints nothing, and nothing is made up for it: there is what it asked, and what it was told.
	expect(await user.ok(["logs", "t"])).toMatch(
		/^┃ Worker asked: "Which colour\?"\n┃ Answered by \S+ at [\d:]{8}: "blue"\n$/,
	);
});

test("kill -9 of the worker: the agent's next question is visible soon after the restart", async () => {
	user = new User({ agents: { twice: "asks-twice.sh" } });
	await user.ok(["enqueue", "--id", "t", "--model", "twice", "Do it"]);
	await user.waitForState("t", "asking");
	await user.ok(["answer", "t", "one"]);
	kill(user.daemonPid());
	await user.ok(["up"]);
	const second = async () =>
		(await user.json(["status", "t"])).questions
			.filter(({ answer }) => answer === null)
			.map(({ seq }) => seq);
	await expect.poll(second).toEqual(["002"]);
	expect(await user.json(["status", "t"])).toMatchObject({ attempt: 1, epoch: 1 });
	await user.ok(["answer", "t", "two"]);
	await user.waitForState("t", "completed");
});

test("kill -9 of the agent: the next attempt goes on from the first open item", async () => {
	user = new User({ agents: { once: "crash-once.sh" } });
	await user.ok(["enqueue", "--id", "t", "--model", "once", "Do it"]);
	const done = await user.taskInState("t", "completed");
	expect(done).toMatchObject({ attempt: 2, epoch: 2 });
	const worked = readFileSync(user.taskFile("t", "worked.txt"), "utf8");
	expect(worked).toBe("First\nSecond\nThird\n");
});

test("kill -9 of Redis in the middle of tasks with open questions: all go on, nothing is missing", async () => {
	const count = 20;
	user = new User({ config: "worker: { concurrency: 4, max_agents: 60 }" });
	const ids = Array.from({ length: count }, (_, n) => `t${n}`);
	const lines = ids.map((id) => `  - { id: ${id}, prompt: Do it }`);
	await user.ok(["batch", user.write("batch.yaml", `tasks:\n${lines.join("\n")}\n`)]);
	const open = async () => (await user.json<{ task: string }[]>(["questions"])).map(({ task }) => task);
	await expect
		.poll(async () => (await open()).length, { timeout: CONDITION_LIMIT_MS, interval: 300 })
		.toBe(count);
	const redis = user.processes().find(({ command }) => command.startsWith("redis-server"));
	for (const id of ids.slice(0, 5)) await user.ok(["answer", id, "before"]);
	kill(redis?.pid);
	expect((await open()).length).toBe(count - 5);
	await user.ok(["up"]);
	for (const id of ids.slice(5)) await user.ok(["answer", id, "after"]);
	await user.ok(["wait", ...ids, "--timeout", WAIT_LIMIT]);
	const done = await user.json<{ id: string; state: string; attempt: number }[]>(["ls", "--all"]);
	expect(done.filter(({ state, attempt }) => state === "completed" && attempt === 1)).toHaveLength(count);
	expect(await user.ok(["output", "t0"])).toContain("before");
	expect(await user.ok(["output", "t9"])).toContain("after");
});

test("parked over a restart of everything: the answer resumes it, and no attempt is counted", async () => {
	user = new User({ agents: { parks: "asks-and-parks.sh" } });
	await user.ok(["enqueue", "--id", "t", "--model", "parks", "Do it"]);
	await user.waitForState("t", "parked");
	await user.ok(["down"]);
	await expect.poll(() => user.processes()).toEqual([]);
	expect(await user.ok(["questions"])).toContain("t ");
	await user.ok(["answer", "t", "8080"]);
	expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1, epoch: 2 });
});

test("a worker that stops leaves its agents running, and says so; the next one adopts them", async () => {
	user = new User();
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	const before = agents().map(({ pid }) => pid);
	expect(await user.ok(["down"])).toMatch(/1 agent/);
	expect(agents().map(({ pid }) => pid)).toEqual(before);
	await user.ok(["up"]);
	await user.ok(["answer", "t", "green"]);
	expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1, epoch: 1 });
});

test("down --stop-agents: the task goes on at the next up, and no attempt is counted", async () => {
	user = new User({ agents: { stuck: "stuck.sh" } });
	await user.ok(["enqueue", "--id", "t", "--model", "stuck", "Do it"]);
	await user.waitForState("t", "running");
	await expect.poll(() => agents().length).toBeGreaterThan(0);
	expect(await user.ok(["down", "--stop-agents"])).toContain("The worker is stopped.");
	expect(user.processes()).toEqual([]);
	await user.ok(["up"]);
	await expect.poll(async () => (await user.json(["status", "t"])).epoch).toBe(2);
	await user.ok(["down"]);
	expect(await user.ok(["down", "--stop-agents"])).toMatch(
		/^No worker was running: one was started to end the agents, and is stopped\./,
	);
	expect(user.processes()).toEqual([]);
	await user.ok(["up"]);
	await expect.poll(async () => (await user.json(["status", "t"])).epoch).toBe(3);
	expect((await user.json(["status", "t"])).attempt).toBe(1);
	await user.ok(["cancel", "t"]);
	await user.waitForState("t", "cancelled");
	await expect.poll(agents).toEqual([]);
});

test("an agent that asks with `dispatch ask` while worker and Redis are killed and come back: it prints the answer", async () => {
	user = new User({ agent: "ask-command.sh" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	const redis = user.processes().find(({ command }) => command.includes("redis"));
	for (const pid of [user.daemonPid(), redis?.pid]) kill(pid);
	await user.ok(["up"]);
	kill(user.daemonPid());
	await user.ok(["answer", "t", "blue"]);
	const done = await user.taskInState("t", "completed");
	expect(done).toMatchObject({ attempt: 1, epoch: 1, questions: [{ seq: "001", answer: "blue" }] });
	expect(await user.ok(["output", "t"])).toBe("blue\n");
});
