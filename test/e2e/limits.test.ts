import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { allOfRedis } from "./all-of-redis.ts";
import { cutOff, User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const agents = () => user.processes().filter(({ run }) => run !== null);
const workers = () => user.processes().filter(({ command }) => command.includes(" worker "));
const noAgents = () => expect.poll(agents).toEqual([]);

test("an agent without a sign of life fails as stuck, and its tree is gone", async () => {
	user = new User({ agent: "stuck.sh", config: "limits: { inactivity: 2s }" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	const failed = await user.taskInState("t", "failed");
	expect(failed.reason).toBe("stuck");
	expect(await user.ok(["status", "t"])).toContain("dispatch retry t");
	await noAgents();
});

test("claude's heartbeats inside a tool call are no sign of life, and no lines of the log", async () => {
	user = new User();
	const agent = resolve(import.meta.dirname, "../fixtures/agents/heartbeats.sh");
	const lines = [
		"default: claude",
		`backends: { claude: { type: claude, command: "${agent}" } }`,
		"limits: { inactivity: 2s }",
	];
	writeFileSync(`${user.home}/config.yaml`, `${lines.join("\n")}\n`);
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	expect((await user.taskInState("t", "failed")).reason).toBe("stuck");
	expect((await user.ok(["logs", "t"])).trim()).toBe("session s-1\n› Bash: hangs");
	await noAgents();
});

test("an agent over its deadline is stopped, one within its own is not", async () => {
	user = new User({ agents: { stuck: "stuck.sh" } });
	await user.ok(["enqueue", "--id", "asks", "--deadline", "10m", "Do it"]);
	await user.waitForState("asks", "asking");
	await user.ok(["enqueue", "--id", "late", "--model", "stuck", "--deadline", "1s", "Do it"]);
	expect((await user.taskInState("late", "failed")).reason).toBe("deadline");
	await user.ok(["answer", "asks", "blue"]);
	await user.waitForState("asks", "completed");
});

test("an unattended task that asks fails as unanswered", async () => {
	user = new User();
	await user.ok(["enqueue", "--id", "t", "--unattended", "Do it"]);
	const failed = await user.taskInState("t", "failed");
	expect(failed.reason).toBe("unanswered");
	expect(failed.outcome?.message).toContain('The agent asked "Which colour?", but nobody can answer');
	expect(await user.ok(["questions"])).not.toContain("Which");
	await noAgents();
	// Whoever waits is told once, and not how to answer what nobody can.
	user.write("tasks.json", JSON.stringify([{ id: "b", prompt: "Do it", unattended: true }]));
	for (const words of [
		["enqueue", "--unattended", "--wait", "Do it"],
		["enqueue", "--unattended", "--follow", "Do it"],
		["batch", "tasks.json", "--wait"],
	]) {
		const { code, stdout, stderr } = await user.run(words);
		const said = `${stdout}${stderr}`;
		expect([code, said.split("Which colour?").length - 1, said.includes("dispatch answer")]).toEqual([
			1,
			1,
			false,
		]);
	}
});

test("an agent that stays after its work is done is stopped, and the task is completed with a warning", async () => {
	user = new User({ agent: "done-but-stays.sh", env: { DISPATCH_DONE_GRACE_MS: "300" } });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	const done = await user.taskInState("t", "completed");
	expect(done.outcome?.warnings).toEqual([expect.stringContaining("did not end by itself after its work")]);
	expect(await user.ok(["status", "t"])).toMatch(/^ *Warning: .*did not end by itself after its work/m);
	await noAgents();
});

test("cancel ends a task in every state, with its whole process tree", async () => {
	user = new User({
		agents: { stubborn: "ignores-term.sh", parks: "asks-and-parks.sh" },
		config: "worker: { concurrency: 1, max_agents: 8 }",
	});
	await user.ok(["enqueue", "--id", "asking", "Do it"]);
	await user.waitForState("asking", "asking");
	await user.ok(["enqueue", "--id", "parked", "--model", "parks", "Do it"]);
	await user.waitForState("parked", "parked");
	await user.ok(["enqueue", "--id", "running", "--model", "stubborn", "Do it"]);
	await user.waitForState("running", "running");
	await expect.poll(() => existsSync(user.taskFile("running", "pids"))).toBe(true);
	await user.ok(["enqueue", "--id", "queued", "Do it"]);
	for (const id of ["queued", "parked", "asking", "running"]) await user.ok(["cancel", id]);
	for (const id of ["queued", "parked", "asking", "running"]) await user.waitForState(id, "cancelled");
	await noAgents();
	expect((await user.run(["cancel", "queued"])).code).toBe(8);
	expect((await user.run(["answer", "asking", "late"])).code).toBe(8);
	expect(await user.json(["questions"])).toEqual([]);
});

test("a crash with no attempt left fails as crashed, with exit code and last lines", async () => {
	user = new User({ agents: { crash: "crashes.sh" } });
	await user.ok(["enqueue", "--id", "t", "--attempts", "2", "--model", "crash", "Do it"]);
	const failed = await user.taskInState("t", "failed");
	expect(failed).toMatchObject({ reason: "crashed", attempt: 2, epoch: 2, outcome: { exitCode: 3 } });
	expect(failed.outcome?.message).toContain("All 2 attempts");
	expect(failed.outcome?.logTail.at(-1)).toBe("panic: out of cheese");
	expect(await user.ok(["status", "t"])).toMatch(/panic: out of cheese.*dispatch retry t/s);
});

test("an error that the agent writes down and a command that is not there are no crashes", async () => {
	user = new User({ agents: { gone: "no-such-agent.sh", red: "item-error.sh" } });
	await user.ok(["enqueue", "--id", "t", "--attempts", "1", "--model", "red", "Do it"]);
	expect((await user.taskInState("t", "failed")).reason).toBe("item_error");
	await user.ok(["enqueue", "--id", "u", "--model", "gone", "Do it"]);
	const failed = await user.taskInState("u", "failed");
	expect(failed.reason).toBe("not_started");
	expect(failed.outcome?.logTail.join("\n")).toContain("not found");
});

test("a flood of output costs bounded memory, and the task completes", async () => {
	user = new User({ agent: "flood.sh", env: { FLOOD_BYTES: String(100 * 1024 * 1024) } });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "completed");
	const status = readFileSync(`/proc/${user.daemonPid()}/status`, "utf8");
	const peakMiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
	expect(peakMiB).toBeLessThan(600);
	expect((await user.ok(["logs", "t", "-n", "3"])).split("\n").length).toBeLessThanOrEqual(4);
});

const POINTS = [
	"start.permitted",
	"start.claimed",
	"start.prepared",
	"start.spawned",
	"settle.swept",
	"settle.reported",
	"settle.moved",
];

test.each(POINTS)("a worker that dies at %s: the task completes once, attempt 1", async (point) => {
	user = new User({ agent: "starts-counted.sh" });
	await user.run(["enqueue", "--id", "t", "Do it"], { env: { DISPATCH_FAULT: point } });
	await expect.poll(workers).toEqual([]);
	await user.ok(["up"]);
	expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1 });
	expect(readFileSync(`${user.project}/starts`, "utf8").trim().split("\n").length).toBe(1);
	await noAgents();
});

test("retry goes on or begins anew, rm leaves nothing behind", async () => {
	user = new User({
		agent: "exit0-open-items.sh",
		agents: { good: "starts-counted.sh" },
		config: 'notifications: [{ type: command, name: own, command: "true", on: [completed, failed] }]',
	});
	await user.ok(["enqueue", "--id", "t", "PROMPT-OF-T"]);
	await user.waitForState("t", "failed");
	await user.ok(["retry", "t", "--fresh", "--model", "good"]);
	expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1, epoch: 2 });
	const client = new Redis({ path: `${user.home}/redis/redis.sock` });
	expect(await allOfRedis(client)).toMatch(/PROMPT-OF-T.*the work/s);
	const told = () => client.keys("*:bull:notify-*.own");
	await expect.poll(told).toHaveLength(2);
	await user.ok(["rm", "t"]);
	// The host clears what its queue kept.
	await expect.poll(() => allOfRedis(client)).not.toMatch(/PROMPT-OF-T|the work/);
	await expect.poll(told).toEqual([]);
	// What was cancelled while it waited for its time has a job that waits as long.
	await user.ok(["enqueue", "--id", "later", "--delay", "1d", "PROMPT-OF-T"]);
	await expect.poll(() => client.keys("*:bull:run-*:later.*")).toHaveLength(1);
	await user.ok(["cancel", "later"]);
	await user.ok(["rm", "later"]);
	await expect.poll(() => allOfRedis(client)).not.toMatch(/PROMPT-OF-T/);
	client.disconnect();
	expect((await user.run(["status", "t"])).code).toBe(6);
	expect(existsSync(user.taskFile("t", "plan.md"))).toBe(false);
	expect(existsSync(`${user.home}/runs/t`)).toBe(false);
	await user.ok(["enqueue", "--id", "t", "--model", "good", "Again"]);
	const anew = await user.taskInState("t", "completed");
	expect(anew.attempt).toBe(1);
	// An epoch is never used twice for a name.
	expect(anew.epoch).toBeGreaterThan(2);
});

/** After the one before has died; meanwhile the record tells nothing of the earlier run. */
async function anotherWorker(): Promise<void> {
	await expect.poll(workers).toEqual([]);
	const waiting = await user.json(["status", "t"]);
	expect(waiting).toMatchObject({ reportPath: null, plan: { done: 0, total: 2 } });
	await user.ok(["up"]);
}

test.each(["", "start.permitted:kill", "start.moved-aside:kill"])(
	"retry --fresh begins anew, and nothing of the earlier run passes for its own (a worker that dies at: %s)",
	async (fault) => {
		user = new User({ agent: "reports-once.sh" });
		const plan = user.write("plan.md", "- [ ] one\n- [ ] two\n");
		await user.ok(["enqueue", "--id", "t", "--plan", plan, "Do it"]);
		await user.waitForState("t", "failed");
		expect(await user.ok(["output", "t"])).toContain("first run");
		await user.ok(["down"]);
		await user.ok(["retry", "t", "--fresh"], { env: { DISPATCH_FAULT: fault } });
		if (fault !== "") await anotherWorker();
		const done = await user.taskInState("t", "completed");
		expect(done).toMatchObject({ reportPath: null, plan: { done: 2, total: 2 } });
		expect((await user.run(["output", "t"])).code).not.toBe(0);
		const found = readFileSync(`${user.project}/found`, "utf8");
		expect(found).toMatch(/- \[ \] one\n- \[ \] two/);
		expect(found).not.toMatch(/output\.md|context\.md/);
		const kept = readdirSync(user.taskFile("t", "attempts"), { recursive: true, encoding: "utf8" });
		expect(kept.map((name) => basename(name))).toEqual(expect.arrayContaining(["output.md", "context.md"]));
	},
);

test("the same key is the same task, also when the first call was cut off anywhere", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	for (const afterMs of [20, 60, 100, 140, 180, 250]) {
		const args = ["enqueue", "--key", `k${afterMs}`, "Do it"];
		await cutOff(user.start(args), afterMs);
		const first = await user.json<{ id: string }>(args);
		expect((await user.json<{ id: string }>(args)).id).toBe(first.id);
	}
	expect(await user.json<unknown[]>(["ls", "--all"])).toHaveLength(6);
	const other = await user.run(["enqueue", "--key", "k20", "Something else"]);
	expect(other.code).toBe(8);
});
