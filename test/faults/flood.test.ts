import { afterEach, expect, test } from "vitest";
import { User } from "../e2e/harness.ts";

let user: User;
afterEach(() => user?.cleanup());

/** How fast `yes` would do it does not count: what counts is that nobody waits for the flood to be read. */
test('200 MB of "y\\n" of one agent: another one\'s answer is delivered meanwhile, and both tasks complete', async () => {
	user = new User({
		agents: { flood: "flood.sh" },
		env: { FLOOD_TEXT: "y", FLOOD_BYTES: "200000000" },
		config: "worker: { concurrency: 2, max_agents: 4 }\n",
	});
	await user.ok(["enqueue", "--id", "asks", "Do it"]);
	await user.waitForState("asks", "asking");
	await user.ok(["enqueue", "--id", "flood", "--model", "flood", "Do it"]);
	await user.waitForState("flood", "running");
	await user.ok(["answer", "asks", "Blue"]);
	await user.waitForState("asks", "completed");
	// All of it would take minutes at the pace of a log.
	expect((await user.json(["status", "flood"])).state).toBe("running");
	await user.waitForState("flood", "completed");
	expect(await user.ok(["logs", "flood"])).toContain("bytes of output above are not shown");
}, 180_000);
