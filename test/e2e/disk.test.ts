import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canMount, fill, mount, unmount } from "../full-disk.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis } from "../redis.ts";
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
	const failed = await user.taskInState("second", "failed");
	expect(failed.reason).toBe("not_started");
	expect(failed.outcome?.message).toContain(cwd);
});

test("a task directory that is deleted under a working agent: a clear failure, never a hang", async () => {
	user = new User({ agent: "looks-seldom.sh", config: "limits: { inactivity: 3s }" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	// Away in one step: it is made again at once, and the agent stands in the old one.
	renameSync(join(user.project, ".dispatch"), join(user.project, "cleaned"));
	rmSync(join(user.project, "cleaned"), { recursive: true });
	await user.ok(["answer", "t", "blue"]);
	const failed = await user.taskInState("t", "failed");
	expect(failed.reason).toBe("stuck");
	expect(failed.questions[0]?.answer).toBe("blue");
	await expect.poll(() => user.processes().filter(({ run }) => run !== null)).toEqual([]);
});

test("a state directory that cannot hold a run: not_started, and the next start works", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	writeFileSync(join(user.home, "runs"), "a file where a directory is expected");
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	const failed = await user.taskInState("t", "failed");
	expect(failed.reason).toBe("not_started");
	expect(failed.outcome?.message).toContain("runs");
	rmSync(join(user.home, "runs"));
	await user.ok(["retry", "t"]);
	await user.waitForState("t", "completed");
});

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
		expect(await user.taskInState("more", "failed")).toMatchObject({
			reason: "not_started",
			outcome: { message: expect.stringMatching(/ENOSPC|no space/) },
		});
		expect((await user.json(["status", "t"])).questions[0]?.deliveredAt).toBeNull();
		const why = /answer cannot be handed to its agent \(.*ENOSPC/;
		await expect.poll(() => user.ok(["status", "t"]), { timeout: CONDITION_LIMIT_MS }).toMatch(why);
		expect(await user.ok(["ls"])).toMatch(/^t .* answer not handed over /m);
		expect(await user.ok(["status"])).toMatch(why);
		expect((await user.run(["doctor"])).stdout).toMatch(why);
		rmSync(filler);
		expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1 });
		expect((await user.run(["doctor"])).stdout).not.toMatch(why);
		expect(await user.ok(["output", "t"])).toContain("blue");
	} finally {
		await user.ok(["down", "--stop-agents"]);
		unmount(user.project);
	}
});

test.runIf(canMount())(
	"a full disk: a template, a skill or a unit is written whole or not at all",
	async () => {
		user = new User();
		const folder = join(user.path, "full");
		mkdirSync(folder);
		expect(mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", folder)).toBe(true);
		try {
			for (const name of [".dispatch/templates", "skills/dispatch", "systemd/user"])
				mkdirSync(join(folder, name), { recursive: true });
			const filler = fill(folder);
			const files = [
				[["templates", "copy", "code-review", "mine", "--project"], ".dispatch/templates/mine.md"],
				[["skill", "install"], "skills/dispatch/SKILL.md"],
				[["service", "install"], "systemd/user/dispatch.service"],
			] as const;
			const options = { cwd: folder, env: { CLAUDE_CONFIG_DIR: folder, XDG_CONFIG_HOME: folder } };
			for (const [command, file] of files) {
				const ran = await user.run([...command], options);
				expect(ran.stderr).toMatch(/ENOSPC.* Free some space.*\[DISPATCH_BAD_FILE\]/);
				expect([ran.code, existsSync(join(folder, file))]).toEqual([2, false]);
			}
			rmSync(filler);
			for (const [command, file] of files) {
				await user.ok([...command], options);
				expect(existsSync(join(folder, file))).toBe(true);
			}
		} finally {
			unmount(folder);
		}
	},
);

const ROOMY = ["-t", "tmpfs", "-o", "size=2m,mode=700"];

test.runIf(canMount())(
	"a full state directory: nothing is lost, new starts wait, and go on when there is room",
	async () => {
		const redis = await startTestRedis();
		user = new User({
			redis: redis.url,
			agents: { stuck: "stuck.sh", quick: "exit0-no-items.sh" },
			env: { DISPATCH_MAX_BACKOFF_MS: "60000" },
		});
		const config = readFileSync(join(user.home, "config.yaml"), "utf8");
		expect(mount(...ROOMY, "tmpfs", user.home)).toBe(true);
		try {
			writeFileSync(join(user.home, "config.yaml"), config);
			await user.ok(["enqueue", "--id", "stuck", "--model", "stuck", "Do it"]);
			await user.ok(["enqueue", "--id", "ends", "Do it"]);
			await user.waitForState("stuck", "running");
			await user.waitForState("ends", "asking");
			const daemon = user.daemonPid();
			const filler = fill(user.home);
			// Its exit has its room already; the answer's file lies in the project.
			await user.ok(["answer", "ends", "blue"]);
			expect((await user.taskInState("ends", "completed")).outcome).toMatchObject({
				exitCode: 0,
				warnings: [],
			});
			await user.ok(["enqueue", "--id", "waits", "Do it"]);
			await expect.poll(async () => (await user.json(["status", "waits"])).trouble?.why).toMatch(/ENOSPC/);
			expect(await user.json(["status", "waits"])).toMatchObject({ attempt: 1 });
			await user.ok(["cancel", "stuck"]);
			expect(await user.taskInState("stuck", "cancelled")).toMatchObject({ attempt: 1 });
			const refused = await user.run(["config", "add-model", "more", "--backend", "fake"]);
			expect(refused.code).toBe(2);
			expect(refused.stderr).toMatch(/ENOSPC.* Free some space.*\[DISPATCH_BAD_FILE\]/);
			expect(user.processes().some(({ pid }) => pid === daemon)).toBe(true);
			// What needs no file needs no room.
			await user.ok(["down"]);
			expect(user.processes().some(({ pid }) => pid === daemon)).toBe(false);
			const more = fill(user.home, "more");
			const closed = await user.run(["up"]);
			expect(closed.code).toBe(1);
			expect(closed.stderr).toMatch(/ENOSPC.*\[DISPATCH_\w+\]/);
			rmSync(filler);
			rmSync(more);
			await user.ok(["up"]);
			expect(await user.taskInState("waits", "asking")).toMatchObject({ attempt: 1 });
			await user.ok(["answer", "waits", "blue"]);
			await user.waitForState("waits", "completed");
		} finally {
			for (const name of ["filler", "more"]) rmSync(join(user.home, name), { force: true });
			await user.run(["down", "--stop-agents"]);
			unmount(user.home);
			await redis.stop();
		}
	},
);
