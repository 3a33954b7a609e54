/**
 * An agent that holds leases on the files of its own run or task, so that whoever opens one is turned away (EAGAIN)
 * for as long as it lives: it is as if it had locked them. It is cancelled, stopped by its limits, also by a worker
 * that never saw it; others ask and are answered meanwhile.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

const KINDS = ["run", "log", "fifo", "task", "questions"];
const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 100 };

let user: User;
afterEach(() => user?.cleanup());

const agents = () =>
	user.processes().filter(({ run, command }) => run !== null || command.includes("leases.pl"));

async function begin(config: string): Promise<void> {
	user = new User({ agent: "leases.pl", agents: { asks: "ten-line.sh" }, config });
	for (const id of KINDS) await user.ok(["enqueue", "--id", id, "--attempts", "1", "Do it"]);
	for (const id of KINDS)
		await expect.poll(() => existsSync(join(user.project, `leased-${id}`)), LIMIT).toBe(true);
	await user.ok(["enqueue", "--id", "bystander", "--model", "asks", "x"]);
}

async function bystanderCompletes(): Promise<void> {
	await user.waitForState("bystander", "asking");
	await user.ok(["answer", "bystander", "blue"]);
	await user.waitForState("bystander", "completed");
}

test("each is cancelled by a worker that never saw it", async () => {
	await begin("worker: { concurrency: 20, max_agents: 20 }");
	await user.ok(["up", "--restart"]);
	await bystanderCompletes();
	for (const id of KINDS) await user.ok(["cancel", id]);
	for (const id of KINDS) await user.waitForState(id, "cancelled");
	await expect.poll(agents, LIMIT).toEqual([]);
	for (const id of KINDS) await user.ok(["rm", id]);
});

test("one that nobody knows any more holds them on after its agent has ended: the task ends, and can be removed", async () => {
	user = new User({ agent: "leases.pl", env: { DISPATCH_LEASE_LIMIT_MS: "2000" } });
	await user.ok(["enqueue", "--id", "escaped", "--attempts", "1", "Do it"]);
	// What says that the wrapper lives is kept shut, too: it counts as dead when it was silent for 45 s.
	expect((await user.taskInState("escaped", "failed")).reason).toBe("crashed");
	// It is a stranger to dispatch by then, and goes on.
	const escaped = user.processes().filter(({ command }) => command.includes("leases.pl"));
	expect(escaped).toHaveLength(1);
	for (const { pid } of escaped) process.kill(pid, "SIGKILL");
	await user.ok(["rm", "escaped"]);
});

test("each is stopped by its limit", async () => {
	await begin("worker: { concurrency: 20, max_agents: 20 }\nlimits: { deadline: 12s }");
	await bystanderCompletes();
	for (const id of KINDS) expect((await user.taskInState(id, "failed")).reason).toBe("deadline");
	await expect.poll(agents, LIMIT).toEqual([]);
});
