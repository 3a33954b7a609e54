/** What is changed in the config while a worker runs is in force for the next start, from the command to the agent. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const KEEPS = `#!/bin/sh
d=".dispatch/tasks/$DISPATCH_TASK"; printf '%s\\n' "$@" >"$d/args"
printf -- '- [x] a\\n' >"$d/plan.md"; : >"$d/ipc/.done"
echo '{"type":"result","subtype":"success","is_error":false,"result":"Done."}'
`;
const argumentsOf = (id: string) => readFileSync(user.taskFile(id, "args"), "utf8");
const config = () => join(user.home, "config.yaml");

test("permissions that are narrowed hold the next agent", async () => {
	user = new User();
	const agent = user.write("../claude", KEEPS, 0o755);
	const lines = (permissions: string) =>
		`default: m\nbackends:\n  c: { type: claude, ${permissions}command: "${agent} -p --dangerously-skip-permissions" }\nmodels: { m: { backend: c } }\n`;
	writeFileSync(config(), lines(""));
	await user.ok(["enqueue", "--id", "free", "x"]);
	await user.waitForState("free", "completed");
	expect(argumentsOf("free")).toContain("--dangerously-skip-permissions");
	const pid = user.daemonPid();
	writeFileSync(config(), lines("permissions: read_only, "));
	await user.ok(["enqueue", "--id", "held", "x"]);
	await user.waitForState("held", "completed");
	expect(argumentsOf("held")).toMatch(/--permission-mode\ndontAsk/);
	expect(argumentsOf("held")).not.toContain("--dangerously-skip-permissions");
	expect(user.daemonPid()).toBe(pid);
});

test("a backend that was missing at the start is there for the retry once it is added", async () => {
	user = new User();
	const agent = user.write("../keeps.sh", KEEPS, 0o755);
	const before = readFileSync(config(), "utf8");
	await user.ok(["up"]);
	await user.ok(["config", "add-backend", "added", "--command", agent, "--type", "command"]);
	await user.ok(["enqueue", "--id", "t", "--model", "added", "--delay", "3s", "x"]);
	writeFileSync(config(), before);
	const failed = await user.taskInState("t", "failed");
	expect(failed).toMatchObject({ reason: "not_started" });
	expect(failed.outcome?.message).toContain("added");
	const pid = user.daemonPid();
	await user.ok(["config", "add-backend", "added", "--command", agent, "--type", "command"]);
	await user.ok(["retry", "t"]);
	await user.waitForState("t", "completed");
	expect(user.daemonPid()).toBe(pid);
});

test("a higher concurrency starts what waits, without a new worker", async () => {
	user = new User({ agent: "busy.sh", config: "worker: { concurrency: 1 }" });
	for (const id of ["one", "two"]) await user.ok(["enqueue", "--id", id, "x"]);
	await user.waitForState("one", "running");
	const pid = user.daemonPid();
	expect((await user.json(["status", "two"])).state).toBe("queued");
	writeFileSync(config(), readFileSync(config(), "utf8").replace("concurrency: 1", "concurrency: 2"));
	await user.waitForState("two", "running");
	expect((await user.json(["status", "one"])).state).toBe("running");
	expect(user.daemonPid()).toBe(pid);
});
