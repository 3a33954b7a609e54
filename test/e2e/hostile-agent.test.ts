import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { TEST_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

const AGENTS = resolve(import.meta.dirname, "../fixtures/agents");
let user: User;

afterEach(() => user?.cleanup());

/** A backend of type claude that is this program. */
function userOf(agent: string): void {
	user = new User();
	const config = [
		"backends:",
		`  claude: { type: claude, command: "${join(AGENTS, agent)}" }`,
		"models: { opus: { backend: claude } }",
		"default: opus",
	];
	user.write("../h/config.yaml", `${config.join("\n")}\n`, 0o600);
}

test("a line about a dead login behind its work is the task's own affair: it holds nobody", {
	timeout: TEST_LIMIT_MS,
}, async () => {
	userOf("says-unauthorized.sh");
	for (const id of ["one", "two", "three"]) {
		await user.ok(["enqueue", "--id", id, "--attempts", "1", "Do it"]);
		const { reason, outcome } = await user.taskInState(id, "failed");
		expect(reason).toBe("crashed");
		expect(outcome?.message).toContain("401 Unauthorized");
	}
});

test("an agent that says hostile things in every field is followed, asks, is answered and completes; it holds nobody else", {
	timeout: TEST_LIMIT_MS,
}, async () => {
	userOf("hostile-claude.mjs");
	await user.ok(["enqueue", "--id", "one", "Do it"]);
	const asking = await user.taskInState("one", "asking");
	expect(asking.questions[0]?.text).toContain("Which?");
	const log = await user.ok(["logs", "one"]);
	expect(log).toContain("retrying: no answer from the service (constructor)");
	// Its line about a limit holds nobody: the next one starts beside it.
	await user.ok(["enqueue", "--id", "two", "Do it"]);
	await user.waitForState("two", "asking");
	for (const id of ["one", "two"]) {
		await user.ok(["answer", id, "That one"]);
		const { attempt, outcome } = await user.taskInState(id, "completed");
		expect([attempt, outcome?.message]).toEqual([1, "The item is done."]);
	}
	expect(await user.ok(["status", "one"])).toContain("completed");
	expect((await user.ok(["output", "one"])).length).toBeGreaterThan(200_000);
	const faults = (await user.ok(["logs", "one", "--events"]))
		.split("\n")
		.filter((line) => line.includes("fault"));
	expect(faults).toEqual([]);
});
