/**
 * Nobody waits for the monitor's look every 3 seconds: here the next one is a day away, and whatever happens is seen
 * by the file watcher and by wakes. (The other way round, by those looks alone: edges.test.ts.)
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

const A_DAY_MS = 86_400_000;
const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 100 };

/** It asks when the test says so: the look that follows a start is over by then. */
const ASKS_LATER = `#!/bin/sh
task=".dispatch/tasks/$DISPATCH_TASK"
printf -- '- [ ] Ask\\n' >"$task/plan.md"
until [ -e "go-$DISPATCH_TASK" ]; do sleep 0.1; done
cd "$task" || exit 1
echo 'Which colour?' >ipc/001.question.tmp && mv ipc/001.question.tmp ipc/001.question
until [ -e ipc/001.answer ]; do sleep 0.1; done
printf -- '- [x] Ask\\n' >plan.md; : >ipc/001.done; : >ipc/.done
`;

let user: User;
beforeAll(async () => {
	user = new User({
		agents: { flood: "flood.sh" },
		config: "worker: { concurrency: 3, max_agents: 4 }\n",
		env: {
			DISPATCH_MONITOR_INTERVAL_MS: String(A_DAY_MS),
			FLOOD_TEXT: "y",
			FLOOD_BYTES: "1000000",
			FLOOD_UNTIL: "dry",
		},
	});
	const agent = user.write("../asks-later.sh", ASKS_LATER, 0o755);
	await user.ok(["config", "add-backend", "later", "--command", agent, "--type", "command"]);
});
afterAll(() => user.cleanup());

async function asksAndIsAnswered(id: string): Promise<void> {
	await user.ok(["enqueue", "--id", id, "--model", "later", "Ask"]);
	await expect.poll(async () => (await user.json(["status", id])).plan.total, LIMIT).toBe(1);
	user.write(`go-${id}`, "");
	await user.waitForState(id, "asking");
	await user.ok(["answer", id, "Blue"]);
	const { questions } = await user.taskInState(id, "completed");
	expect(questions).toMatchObject([{ answer: "Blue", deliveredAt: expect.any(String) }]);
}

test("a question is seen by the file watcher alone, and its answer is delivered by the wake alone", () =>
	asksAndIsAnswered("quiet"));

test("so it is while another agent floods, which lives on meanwhile", async () => {
	await user.ok(["enqueue", "--id", "flood", "--model", "flood", "Talk"]);
	await expect.poll(() => user.ok(["logs", "flood", "--raw"]), LIMIT).toContain("y\n");
	await asksAndIsAnswered("beside");
	expect((await user.json(["status", "flood"])).state).toBe("running");
	user.write("dry", "");
	await user.waitForState("flood", "completed");
});

const WAKES = 20_000;

/** How many commands Redis has run. */
async function commandsRun(client: Redis): Promise<number> {
	const stats = (await client.info("commandstats")).matchAll(/cmdstat_([^:]+):calls=(\d+)/g);
	return [...stats].reduce((sum, [, name, calls]) => (name === "publish" ? sum : sum + Number(calls)), 0);
}

test.each([
	["names of no task", "zz%"],
	["the name of a task at work", "at-work"],
])("%s, %j, in any number of wakes: they cost no look each, and nobody's start waits", async (_, name) => {
	await user.ok(["enqueue", "--id", "at-work", "--model", "later", "Ask"]);
	await expect.poll(async () => (await user.json(["status", "at-work"])).plan.total, LIMIT).toBe(1);
	const client = new Redis({ path: join(user.home, "redis/redis.sock") });
	onTestFinished(() => client.disconnect());
	const before = await commandsRun(client);
	const flood = `for n = 1, ${WAKES} do redis.call('PUBLISH', KEYS[1], 'task ' .. string.gsub(ARGV[1], '%%', n)) end`;
	await client.eval(flood, 1, "{dispatch:default}:wake", name);
	user.write("go-at-work", "");
	await user.waitForState("at-work", "asking");
	await user.ok(["answer", "at-work", "Blue"]);
	await user.waitForState("at-work", "completed");
	expect((await commandsRun(client)) - before).toBeLessThan(WAKES / 2);
	await user.ok(["rm", "at-work"]);
	rmSync(join(user.project, "go-at-work"));
});
