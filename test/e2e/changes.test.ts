/** What changes while a worker runs: its config, and the password of its Redis. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 100 };

let user: User;
afterEach(() => user.cleanup());

test(
	"a changed config is in force at the next start; one that does not load changes nothing and is told",
	async () => {
		user = new User({ agent: "starts-counted.sh" });
		const path = join(user.home, "config.yaml");
		await user.ok(["up"]);
		const pid = user.daemonPid();
		const agent = user.write(
			"new.sh",
			'#!/bin/sh\nprintf -- "- [x] %s\\n" new > ".dispatch/tasks/$DISPATCH_TASK/plan.md"; : > ".dispatch/tasks/$DISPATCH_TASK/ipc/.done"\n',
			0o755,
		);
		await user.ok(["config", "add-backend", "added", "--command", agent]);
		await user.ok(["enqueue", "--id", "new", "--model", "added", "x"]);
		expect((await user.taskInState("new", "completed")).plan.items[0]?.text).toBe("new");
		const sound = readFileSync(path, "utf8");
		appendFileSync(path, "\nnonsense: 1\n");
		const log = () => readFileSync(join(user.home, "daemon.log"), "utf8");
		await expect.poll(log, LIMIT).toMatch(/the changed config cannot be used/);
		const told = await user.run(["doctor"], { env: { DISPATCH_CONFIG: user.write("other.yaml", sound) } });
		expect(told.stdout).toMatch(/goes by the config as it was before: .*nonsense/);
		const summary = await user.run(["status"], {
			env: { DISPATCH_CONFIG: join(user.project, "other.yaml") },
		});
		expect(summary.stderr).toMatch(/goes by the config as it was before: .*nonsense/);
		writeFileSync(path, `${sound}\nworker: { concurrency: 1 }\n`);
		await expect.poll(log, LIMIT).toMatch(/the changed config is in force/);
		await user.ok(["enqueue", "--id", "again", "--model", "added", "x"]);
		await user.waitForState("again", "completed");
		expect(user.daemonPid()).toBe(pid);
	},
	TEST_LIMIT_MS,
);

test(
	"a password of Redis that was changed under the worker: told by status, enqueue, answer and doctor, mended by up --restart",
	async () => {
		user = new User({ agent: "starts-counted.sh", agents: { asks: "ten-line.sh" } });
		const redis = await startTestRedis({ port: true });
		const admin = new Redis(redis.url);
		const env = { DISPATCH_REDIS_URL: redis.url.replace("://", "://:rotated@") };
		try {
			const before = { env: { DISPATCH_REDIS_URL: redis.url } };
			await user.ok(["enqueue", "--model", "asks", "--id", "asks", "x"], before);
			await user.ok(["wait", "asks", "--for", "question"], { ...before, code: 3 });
			await admin.config("SET", "requirepass", "rotated");
			await admin.call("AUTH", "rotated");
			await admin.call("CLIENT", "KILL", "TYPE", "normal");
			const refused = /The worker \(pid \d+\) can do nothing: Redis at .* refuses: (NOAUTH|WRONGPASS)/;
			const summary = () => user.run(["status"], { env }).then(({ stderr }) => stderr);
			await expect.poll(summary, { timeout: CONDITION_LIMIT_MS, interval: 500 }).toMatch(refused);
			expect((await user.run(["enqueue", "--id", "new", "x"], { env })).stderr).toMatch(refused);
			expect((await user.run(["up"], { env })).stderr).toMatch(refused);
			const answered = await user.run(["answer", "asks", "Blue"], { env });
			expect(answered).toMatchObject({ stdout: expect.stringMatching(/^Answer kept/), code: 0 });
			expect(answered.stderr).toMatch(refused);
			expect(await user.ok(["doctor"], { env, code: 1 })).toMatch(refused);
			await user.ok(["up", "--restart"], { env });
			await user.ok(["wait", "new", "asks"], { env });
			expect(await summary()).toBe("");
		} finally {
			admin.disconnect();
			await redis.stop();
		}
	},
	TEST_LIMIT_MS,
);
