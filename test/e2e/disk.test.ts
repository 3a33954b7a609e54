import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

test("a working directory that is gone before the start: not_started, with the reason", async () => {
	user = new User({ agents: { stuck: "stuck.sh" }, config: "worker: { concurrency: 1, max_agents: 4 }" });
	await user.ok(["enqueue", "--id", "first", "--model", "stuck", "Do it"]);
	await user.waitForState("first", "running");
	const cwd = join(user.path, "other");
	mkdirSync(cwd);
	await user.ok(["enqueue", "--id", "second", "--cwd", cwd, "Do it"]);
	rmSync(cwd, { recursive: true });
	await user.ok(["cancel", "first"]);
	const failed = await user.waitForState("second", "failed");
	expect(failed.reason).toBe("not_started");
	expect(failed.outcome?.message).toContain(cwd);
});

test("a task directory that is deleted under a working agent: a clear failure, never a hang", async () => {
	user = new User({ config: "limits: { inactivity: 3s }" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	// Away in one step: it is made again at once, and the agent stands in the old one.
	renameSync(join(user.project, ".dispatch"), join(user.project, "cleaned"));
	rmSync(join(user.project, "cleaned"), { recursive: true });
	await user.ok(["answer", "t", "blue"]);
	const failed = await user.waitForState("t", "failed");
	expect(failed.reason).toBe("stuck");
	expect(failed.questions[0]?.answer).toBe("blue");
	await expect
		.poll(() => user.processes().filter(({ run }) => run !== null), { timeout: 20_000 })
		.toEqual([]);
});

test("a state directory that cannot hold a run: not_started, and the next start works", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	writeFileSync(join(user.home, "runs"), "a file where a directory is expected");
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	const failed = await user.waitForState("t", "failed");
	expect(failed.reason).toBe("not_started");
	expect(failed.outcome?.message).toContain("runs");
	rmSync(join(user.home, "runs"));
	await user.ok(["retry", "t"]);
	await user.waitForState("t", "completed");
});

const mount = (...words: string[]) => spawnSync("mount", words, { stdio: "ignore" }).status === 0;

/** A file system of its own needs the right to mount one. */
function canMount(): boolean {
	const isAllowed = mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt");
	if (isAllowed) spawnSync("umount", ["/mnt"]);
	return isAllowed;
}

test.runIf(canMount())("a full disk: what is acknowledged meanwhile arrives when there is room", async () => {
	user = new User();
	expect(mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", user.project)).toBe(true);
	try {
		await user.ok(["enqueue", "--id", "t", "Do it"]);
		await user.waitForState("t", "asking");
		const filler = join(user.project, "filler");
		expect(() => writeFileSync(filler, Buffer.alloc(1024 * 1024))).toThrow("ENOSPC");
		await user.ok(["answer", "t", "blue"]);
		const refused = await user.run(["enqueue", "--id", "more", "Do it"]);
		// The record has room (Redis lies elsewhere), the task's files have none: accepted, and then it says so.
		expect(refused.code).toBe(0);
		expect(await user.waitForState("more", "failed")).toMatchObject({
			reason: "not_started",
			outcome: { message: expect.stringMatching(/ENOSPC|no space/) },
		});
		expect((await user.json(["status", "t"])).questions[0]?.deliveredAt).toBeNull();
		rmSync(filler);
		expect(await user.waitForState("t", "completed")).toMatchObject({ attempt: 1 });
		expect(await user.ok(["output", "t"])).toContain("blue");
	} finally {
		await user.ok(["down", "--stop-agents"]);
		spawnSync("umount", ["-l", user.project]);
	}
});
