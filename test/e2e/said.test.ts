/** What was said and what happened, as people read it later: whose words they are, in their lines, and what explains it. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

let user: User;
let client: Redis | undefined;
afterEach(async () => {
	client?.disconnect();
	await user?.cleanup();
});

function heard(command: ChildProcess): () => string {
	let said = "";
	command.stdout?.on("data", (chunk: Buffer) => {
		said += chunk.toString();
	});
	return () => said;
}

const SAID = "Answered by \\S+@\\S+ at [\\d:]{8}:";

test("a start that failed is told by who waits; dispatch's lines in a log are told from the agent's; answers keep their lines", async () => {
	user = new User({ agent: "imitates.sh", env: { DISPATCH_MAX_BACKOFF_MS: "3000" } });
	const submitted = ["enqueue", "--id", "job", "--attempts", "2", "Work"];
	const views = { wait: heard(user.start([...submitted, "--wait"])) } as Record<string, () => string>;
	await expect.poll(() => views.wait?.()).toContain("Dispatched");
	const following = user.start(["logs", "job", "-f"]);
	views.logs = heard(following);
	const failed =
		"`job` failed: The agent \\(fake\\) exited with code 1: .* It is started again in 10s \\(attempt 2 of 2\\)\\.\n";
	await expect.poll(() => views.wait?.()).toMatch(new RegExp(`^${failed}`, "m"));
	await user.waitForState("job", "asking");
	await expect.poll(() => views.logs?.()).toContain("is asking");
	await user.ok(["answer", "job", "Red for the door.\n  Blue for the rest."]);
	await user.waitForState("job", "completed");
	await expect.poll(() => following.exitCode).toBe(0);

	const log = await user.ok(["logs", "job"]);
	const block = (before: string) =>
		`${SAID}\n${before}  Red for the door\\.\n${before}    Blue for the rest\\.\n`;
	expect(log).toMatch(
		new RegExp(`^│ Answered by you at 10:00:00: "Delete it"\n│ Start 2, 10:00:00\n(?:.*\n)*┃ ${block("┃ ")}`),
	);
	expect(log).toMatch(/^┃ Start 2, [\d:]{8}$/m);
	expect(log).toMatch(/^┃ Worker asked: "Which colours\? │ Answered by you: \\"all\\""$/m);
	expect(views.logs?.()).toMatch(
		/^┃ Worker is asking:\n┃ {3}Which colours\?\n┃ {3}│ Answered by you: "all"\n/m,
	);
	expect(views.logs?.()).toMatch(new RegExp(`^┃ ${block("┃ ")}`, "m"));
	expect(await user.ok(["status", "job"])).toMatch(new RegExp(`\n  ${block("  ")}`));
	expect(views.wait?.()).toMatch(new RegExp(`^${block("")}`, "m"));
	expect(await user.ok(["logs", "job", "--events"])).toMatch(
		/ asked 001:\n {2}Which colours\?\n.*\n(?:.*\n)*.* answered 001 by \S+@\S+:\n {2}Red for the door\.\n {4}Blue for the rest\.\n/,
	);
});

test("who asks for the report of a task that failed, or for its log, is led to what explains it", async () => {
	user = new User({ agents: { absent: "no-such-agent.sh" } });
	await user.ok(["enqueue", "--id", "job", "--model", "absent", "Work"]);
	await user.ok(["wait", "job"], { code: 1 });
	const asked = await user.run(["output", "job"]);
	expect(asked).toMatchObject({
		code: 6,
		stderr:
			"dispatch: `job` failed (not_started) and left no report. What became of it: dispatch status job [DISPATCH_NO_REPORT]\n",
	});
	const log = await user.run(["logs", "job", "--attempt", "1"]);
	expect(log).toMatchObject({ code: 0, stdout: expect.stringContaining("no-such-agent.sh") });
	await user.ok(["enqueue", "--id", "later", "--delay", "1h", "Work"]);
	expect(await user.run(["logs", "later"])).toMatchObject({
		code: 0,
		stdout: "",
		stderr: "dispatch: `later` has not started yet. Why it waits: dispatch status later\n",
	});
	await user.ok(["cancel", "later"]);
	expect((await user.run(["logs", "later"])).stderr).toBe(
		"dispatch: `later` was never started. What became of it: dispatch status later\n",
	);
	expect((await user.run(["output", "later"])).stderr).toContain(
		"`later` cancelled and left no report. What became of it: dispatch status later",
	);
});

test("once a task was removed nothing in Redis says what was in it: no prompt, no item, no last words, no question", async () => {
	const agents = { easier: "deletes-given-items.sh", crashes: "does-as-told.sh", asks: "asks-twice.sh" };
	user = new User({ agents });
	const crash = "Do «echo UNIQUE-prompt; exit 1»";
	await user.ok(["enqueue", "--id", "z1", "--model", "easier", "--item", "UNIQUE-item", "UNIQUE-prompt"]);
	await user.ok(["enqueue", "--id", "z2", "--model", "crashes", "--attempts", "1", crash]);
	await user.ok([
		"enqueue",
		"--id",
		"z3",
		"--model",
		"asks",
		"--verify",
		"echo UNIQUE-check",
		"UNIQUE-prompt",
	]);
	await user.waitForState("z1", "failed");
	await user.waitForState("z2", "failed");
	await user.waitForState("z3", "asking");
	await user.ok(["note", "z3", "UNIQUE-note"]);
	await user.ok(["cancel", "z3"]);
	const redis = new Redis({ path: join(user.home, "redis/redis.sock") });
	client = redis;
	const kept = async () => {
		const events = await redis.xrange("{dispatch:default}:events", "-", "+");
		const keys = await redis.keys("*:z[123]*");
		return JSON.stringify([events, keys.filter((key) => !/:epoch:z\d$/.test(key))]);
	};
	expect(await kept()).toMatch(/gone from the plan: UNIQUE-item/);
	await user.ok(["rm", "z1,z2,z3"]);
	await expect.poll(kept, { timeout: CONDITION_LIMIT_MS }).not.toMatch(/UNIQUE|z3:|:z\d"/);
	expect(await kept()).toMatch(/z1.*removed/);
});
