import { statSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { User } from "../e2e/harness.ts";

let user: User;
afterEach(() => user?.cleanup());

/** Tasks that ask, each of which is answered while the other agent floods. */
const ASKING = ["a", "b", "c", "d"];

/** How fast this machine is does not count: what counts is that nobody waits for the flood to be read. */
test('200 MB of "y\\n" of one agent: the others\' answers are delivered meanwhile, and all tasks complete', async () => {
	user = new User({
		agents: { flood: "flood.sh" },
		env: { FLOOD_TEXT: "y", FLOOD_BYTES: "200000000", FLOOD_UNTIL: "dry" },
		config: "worker: { concurrency: 6, max_agents: 8 }\n",
	});
	for (const id of ASKING) await user.ok(["enqueue", "--id", id, "Do it"]);
	for (const id of ASKING) await user.waitForState(id, "asking");
	await user.ok(["enqueue", "--id", "flood", "--model", "flood", "Do it"]);
	await user.waitForState("flood", "running");
	await Promise.all(ASKING.map((id) => user.ok(["answer", id, "Blue"])));
	const tasks = [];
	for (const id of ASKING) tasks.push(await user.taskInState(id, "completed"));
	expect((await user.json(["status", "flood"])).state).toBe("running");
	user.write("dry", "");
	await user.waitForState("flood", "completed");
	expect(await user.ok(["logs", "flood"])).toContain("bytes of output above are not shown");
	const tookMs = tasks.map(({ id, questions }) => {
		const file = statSync(user.taskFile(id, "ipc/001.answer"));
		return Math.round(file.mtimeMs - Date.parse(questions[0]?.answeredAt ?? ""));
	});
	console.log(`answers during the flood lay with their agents after ${tookMs.join(", ")} ms`);
});
