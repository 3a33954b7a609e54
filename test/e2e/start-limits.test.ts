/** Limits of backends and batches, with real agents: who is held says by what, and others start. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const UNTIL_GO = "«while [ ! -e go ]; do sleep 0.05; done»";

const shown = async (id: string) =>
	JSON_SCHEMAS.ls.parse(await user.json(["ls"])).find((task) => task.id === id);

test("of a batch so many work as it says; the others say why they wait, and another task has its place", async () => {
	user = new User({ agent: "does-as-told.sh", config: "worker: { concurrency: 4 }" });
	const tasks = [1, 2, 3, 4].map((n) => ({ id: `t-${n}`, prompt: UNTIL_GO }));
	user.write("gently.json", JSON.stringify({ name: "gently", max_parallel: 2, tasks }));
	await user.ok(["batch", "gently.json"]);
	for (const id of ["t-1", "t-2"]) await user.waitForState(id, "running");
	await user.ok(["enqueue", "--id", "mine", "«true»"]);
	await user.waitForState("mine", "completed");
	for (const id of ["t-3", "t-4"]) await user.waitForState(id, "queued");
	await expect
		.poll(() => user.ok(["status", "t-3"]))
		.toContain("Waits: 2 of 2 tasks of its batch gently work (max_parallel).");
	expect(await user.ok(["ls"])).toMatch(/t-4 .*2 of 2 of its batch work/);
	expect(JSON_SCHEMAS["batch status"].parse(await user.json(["batch", "status", "gently"]))).toMatchObject({
		maxParallel: 2,
	});
	user.write("go", "");
	for (const { id } of tasks) await user.waitForState(id, "completed");
});

test("of a backend so many work as its host's config says, which may change meanwhile", async () => {
	const config = "worker: { concurrency: 4 }";
	user = new User({ agent: "does-as-told.sh", agents: { other: "does-as-told.sh" }, config });
	const file = join(user.home, "config.yaml");
	const written = readFileSync(file, "utf8");
	const allow = (most: number) =>
		writeFileSync(file, written.replace("fake: { type: command,", `$& concurrency: ${most},`));
	allow(1);
	for (const id of ["a", "b"]) await user.ok(["enqueue", "--id", id, UNTIL_GO]);
	await user.waitForState("a", "running");
	await user.ok(["enqueue", "--id", "c", "--model", "other", "«true»"]);
	await user.waitForState("c", "completed");
	await expect
		.poll(() => shown("b"))
		.toMatchObject({
			state: "queued",
			waits: { kind: "limit", why: "1 of 1 of fake work" },
		});
	allow(2);
	await user.waitForState("b", "running");
	user.write("go", "");
	for (const id of ["a", "b"]) await user.waitForState(id, "completed");
});

test("tasks that a fallback moves to another backend wait for its places, and say so", async () => {
	const fixtures = resolve(import.meta.dirname, "../fixtures");
	user = new User({ env: { RECORDED: join(fixtures, "recorded"), DISPATCH_MAX_BACKOFF_MS: "3600000" } });
	const agent = (name: string) => join(fixtures, "agents", name);
	const lines = [
		"default: sonnet",
		"backends:",
		`  claude: { type: claude, command: "${agent("recorded-claude.sh")}" }`,
		`  other: { type: command, command: "${agent("does-as-told.sh")}", concurrency: 1 }`,
		"models: { sonnet: { backend: claude }, other: { backend: other } }",
		"worker: { concurrency: 4 }",
		"fallback: [other]",
		"fallback_after: 1s",
	];
	writeFileSync(join(user.home, "config.yaml"), `${lines.join("\n")}\n`);
	user.write("fault", "claude-rate-limited");
	user.write("until", String(Math.floor(Date.now() / 1_000) + 3_600));
	await user.ok(["enqueue", "--id", "meets", UNTIL_GO]);
	await expect.poll(() => shown("meets")).toMatchObject({ state: "running", backend: "other" });
	for (const id of ["second", "third"]) {
		await user.ok(["enqueue", "--id", id, UNTIL_GO]);
		await expect
			.poll(() => shown(id))
			.toMatchObject({ state: "queued", waits: { kind: "limit", why: "1 of 1 of other work" } });
	}
	user.write("go", "");
	for (const id of ["meets", "second", "third"])
		expect(await user.taskInState(id, "completed")).toMatchObject({ backend: "other" });
});
