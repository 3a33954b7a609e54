import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { User } from "./harness.ts";

const AGENTS = resolve(import.meta.dirname, "../fixtures/agents");
let user: User;
afterEach(() => user?.cleanup());

function spender(...more: string[]): User {
	user = new User();
	const lines = [
		"default: m",
		`backends: { codex: { type: codex, command: "${join(AGENTS, "spending-codex.sh")}" } }`,
		"models: { m: { backend: codex } }",
		"prices: { m: { input: 1, output: 1 } }",
		...more,
	];
	writeFileSync(join(user.home, "config.yaml"), `${lines.join("\n")}\n`);
	return user;
}

test("a task stops when it has cost its budget, and says what it had spent", async () => {
	spender();
	await user.ok(["enqueue", "--id", "dear", "--budget", "0.10", "Do it"]);
	const failed = await user.taskInState("dear", "failed");
	expect(failed.reason).toBe("budget");
	expect(failed.outcome?.message).toMatch(/cost \$0\.1\d .*budget of \$0\.1/);
	expect(Number(readFileSync(join(user.project, "turns"), "utf8"))).toBeLessThanOrEqual(4);
	expect(await user.json(["status", "dear"])).toMatchObject({ usage: { estimated: true } });
	// What is spent stays spent: a retry starts nothing.
	await user.ok(["retry", "dear"]);
	expect(await user.taskInState("dear", "failed")).toMatchObject({ reason: "budget", attempt: 1 });
});

test("the day's budget stops what runs and holds what waits", async () => {
	spender("budget: { daily: 0.10 }");
	await user.ok(["enqueue", "--id", "one", "Do it"]);
	expect((await user.taskInState("one", "failed")).reason).toBe("budget");
	await user.ok(["enqueue", "--id", "two", "Do it"]);
	await expect
		.poll(async () => (await user.json(["status", "two"])).hold)
		.toMatchObject({ kind: "budget", until: expect.stringMatching(/T00:00:00/) });
	expect(await user.ok(["status", "two"])).toContain("budget.daily");
	// As doctor says: a higher one counts at once, not from tomorrow on.
	const config = join(user.home, "config.yaml");
	writeFileSync(config, readFileSync(config, "utf8").replace("daily: 0.10", "daily: 100"));
	await user.waitForState("two", "running");
	await user.ok(["cancel", "two"]);
});

test("a batch's budget is for all of its tasks together: what works is stopped, what waits starts nothing, others go on", async () => {
	spender("worker: { concurrency: 2 }");
	const tasks = ["one", "two", "three"].map((id) => ({ id, prompt: "Do it" }));
	user.write("tasks.json", JSON.stringify({ name: "dear", budget: 0.2, tasks }));
	const waited = await user.run(["batch", "tasks.json", "--wait"]);
	expect(waited).toMatchObject({ code: 1, stdout: expect.stringMatching(/3 failed in .*\$0\.[23]\d?\n$/) });
	for (const id of ["one", "two", "three"])
		expect(await user.json(["status", id])).toMatchObject({
			reason: "budget",
			outcome: { message: expect.stringMatching(/budget of \$0\.2 of its batch `dear`/) },
		});
	const [batch] = JSON_SCHEMAS["batch ls"].parse(await user.json(["batch", "ls"]));
	expect(batch).toMatchObject({ budgetUsd: 0.2, spentUsd: expect.closeTo(0.26, 0) });
	expect(await user.ok(["batch", "status", "dear"])).toMatch(/; \$0\.\d\d of \$0\.2 spent\n/);
	// What is spent stays spent, and is nobody else's.
	await user.ok(["batch", "retry", "dear", "--failed"]);
	expect(await user.run(["batch", "wait", "dear"])).toMatchObject({ code: 1 });
	await user.ok(["enqueue", "--id", "other", "Do it"]);
	await user.waitForState("other", "running");
	await user.ok(["cancel", "other"]);
});

test("a higher budget of the day counts for what was held by the one before, also where no worker saw the change", async () => {
	spender("budget: { daily: 0.10 }");
	await user.ok(["enqueue", "--id", "one", "Do it"]);
	await user.waitForState("one", "failed");
	await user.ok(["enqueue", "--id", "two", "Do it"]);
	await expect.poll(async () => (await user.json(["status", "two"])).hold).toMatchObject({ kind: "budget" });
	await user.ok(["down"]);
	const config = join(user.home, "config.yaml");
	writeFileSync(config, readFileSync(config, "utf8").replace("daily: 0.10", "daily: 100"));
	await user.ok(["up"]);
	await user.waitForState("two", "running");
	await user.ok(["cancel", "two"]);
});

test("what one task's agent claims to have cost beyond its budget takes the day from nobody", async () => {
	spender("budget: { daily: 100 }");
	const forged = join(user.path, "forges.sh");
	const line = '{"type":"turn.completed","usage":{"input_tokens":900000000000,"output_tokens":0}}';
	writeFileSync(forged, `#!/bin/sh\necho '${line}'\nexec sleep 600\n`, { mode: 0o755 });
	const config = join(user.home, "config.yaml");
	const more: [string, string][] = [
		["backends: {", `backends: { liar: { type: codex, command: ${forged} },`],
		["models: {", "models: { lies: { backend: liar },"],
		["prices: {", "prices: { lies: { input: 1, output: 1 },"],
	];
	const before = readFileSync(config, "utf8");
	writeFileSync(
		config,
		more.reduce((text, [from, to]) => text.replace(from, to), before),
	);
	await user.ok(["enqueue", "--id", "liar", "--model", "lies", "--budget", "1", "Do it"]);
	expect((await user.taskInState("liar", "failed")).reason).toBe("budget");
	await user.ok(["enqueue", "--id", "other", "Do it"]);
	await user.waitForState("other", "running");
	await expect.poll(() => Number(readFileSync(join(user.project, "turns"), "utf8"))).toBeGreaterThan(2);
	expect((await user.json(["status", "other"])).state).toBe("running");
	await user.ok(["cancel", "other"]);
});

test("an amount that is none is refused", async () => {
	spender();
	for (const amount of ["0", "-1", "much", "1e3"]) {
		const { code, stderr } = await user.run(["enqueue", `--budget=${amount}`, "Do it"]);
		expect(code).toBe(2);
		expect(stderr).toContain("--budget");
	}
});
