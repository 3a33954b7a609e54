/** What a task of the same id left on this disk, whose Redis is gone, is never read as this one's. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const workers = () => user.processes().filter(({ command }) => command.includes(" worker "));

/** As a version before seals kept it: its agent had ended well. */
function leaveStart(epoch: number): void {
	const path = join(user.home, "runs/t", String(epoch));
	mkdirSync(path, { recursive: true, mode: 0o700 });
	const facts = {
		task: "t",
		taskNonce: "0123456789abcdef",
		epoch,
		nonce: "fedcba9876543210",
		backend: "fake",
	};
	const places = { cwd: user.project, taskDir: join(user.project, ".dispatch/tasks/t") };
	writeFileSync(
		join(path, "run.json"),
		JSON.stringify({ ...facts, ...places, startedAt: 1, sessionId: null }),
	);
	for (const name of ["spawning", "followed.json"]) writeFileSync(join(path, name), "");
	writeFileSync(join(path, "agent.log"), "of the earlier task\n");
	writeFileSync(join(path, "exit"), "0\n");
}

test.each(["kill", "throw-once"])(
	"a start that ends (%s) before it has claimed its directory is put back, uncharged",
	async (how) => {
		user = new User({ agent: "starts-counted.sh" });
		leaveStart(1);
		leaveStart(2);
		const env = { DISPATCH_FAULT: `start.permitted:${how}:t` };
		await user.run(["enqueue", "--id", "t", "Do it"], { env });
		if (how === "kill") {
			await expect.poll(workers).toEqual([]);
			await user.ok(["up"]);
		}
		expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1, epoch: 2 });
		expect(readFileSync(join(user.project, "starts"), "utf8")).toBe("t\n");
		expect(await user.ok(["logs", "t"])).not.toContain("earlier task");
	},
);

test("a file in the place of its starts keeps no task from its next one", async () => {
	user = new User({ agent: "starts-counted.sh" });
	mkdirSync(join(user.home, "runs"), { mode: 0o700 });
	writeFileSync(join(user.home, "runs/t"), "");
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1, epoch: 1 });
});
