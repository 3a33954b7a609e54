import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

const AGENTS = resolve(import.meta.dirname, "../fixtures/agents");
let user: User;

afterEach(() => user?.cleanup());

test("an agent that says hostile things in every field is followed, asks, is answered and completes; it holds nobody else", {
	timeout: 240_000,
}, async () => {
	const config = [
		"backends:",
		`  claude: { type: claude, command: "${join(AGENTS, "hostile-claude.mjs")}" }`,
		"models: { opus: { backend: claude } }",
		"default: opus",
	];
	user = new User({ config: "" });
	user.write("../h/config.yaml", `${config.join("\n")}\n`, 0o600);
	await user.ok(["enqueue", "--id", "one", "Do it"]);
	const asking = await user.waitForState("one", "asking");
	expect(asking.questions[0]?.text).toContain("Which?");
	const log = await user.ok(["logs", "one"]);
	expect(log).toContain("retrying: no answer from the service (constructor)");
	// Its line about a limit holds nobody: the next one starts beside it.
	await user.ok(["enqueue", "--id", "two", "Do it"]);
	await user.waitForState("two", "asking");
	for (const id of ["one", "two"]) {
		await user.ok(["answer", id, "That one"]);
		const { attempt, outcome } = await user.waitForState(id, "completed");
		expect([attempt, outcome?.message]).toEqual([1, "The item is done."]);
	}
	expect(await user.ok(["status", "one"])).toContain("completed");
	expect((await user.ok(["output", "one"])).length).toBeGreaterThan(200_000);
	const faults = (await user.ok(["logs", "one", "--events"]))
		.split("\n")
		.filter((line) => line.includes("fault"));
	expect(faults).toEqual([]);
});
