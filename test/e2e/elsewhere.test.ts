/** Work in other places than the one that asks: another directory than `--cwd`, another host than the caller's. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startTestRedis } from "../redis.ts";
import { User } from "./harness.ts";

let users: User[] = [];
afterEach(async () => {
	for (const user of users) await user.cleanup();
	users = [];
});

test("an agent that works elsewhere than --cwd finds its plan by the path that its prompt names", async () => {
	const user = new User();
	users.push(user);
	const agent = user.write(
		"../elsewhere.sh",
		`#!/bin/sh
plan=$(printf '%s\\n' "$*" | grep -oE '/[^ \`"]*/\\.dispatch/tasks/t/plan\\.md' | head -n 1)
[ -f "$plan" ] || exit 9
printf -- '- [x] in %s\\n' "$(basename "$PWD")" >"$plan"; : >"$(dirname "$plan")/ipc/.done"
`,
		0o755,
	);
	const line = `mkdir -p packages/api && cd packages/api && ${agent}`;
	await user.ok(["config", "add-backend", "api", "--command", line, "--type", "command"]);
	await user.ok(["enqueue", "--id", "t", "--model", "api", "Do it"]);
	expect((await user.taskInState("t", "completed")).plan.items[0]?.text).toBe("in api");
	expect(existsSync(join(user.project, "packages/api/.dispatch"))).toBe(false);
});

test("retry --fresh from another host: the task's own host puts its plan back, and nothing is made here", async () => {
	const redis = await startTestRedis();
	try {
		const [ann, bob] = ["laptop", "desk"].map(
			(name) => new User({ agent: "reports-once.sh", redis: redis.url, env: { DISPATCH_HOST_ID: name } }),
		) as [User, User];
		users.push(ann, bob);
		const plan = ann.write("plan.md", "- [ ] one\n- [ ] two\n");
		await ann.ok(["enqueue", "--id", "t", "--plan", plan, "Do it"]);
		await ann.waitForState("t", "failed");
		await bob.ok(["up"]);
		await bob.ok(["retry", "t", "--fresh"]);
		expect(await bob.taskInState("t", "completed")).toMatchObject({
			host: "laptop",
			reportPath: null,
			plan: { done: 2, total: 2 },
		});
		expect(readFileSync(join(ann.project, "found"), "utf8")).toMatch(/- \[ \] one\n- \[ \] two/);
		expect(existsSync(join(bob.project, ".dispatch"))).toBe(false);
	} finally {
		await redis.stop();
	}
});
