/** What changes while a worker runs: its config, and the address that is asked for. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis } from "../redis.ts";
import { type Task, User } from "./harness.ts";

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
		expect((await user.waitForState("new", "completed")).plan.items[0]?.text).toBe("new");
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
	"another Redis address with a worker up: told by enqueue, up, status and doctor; up --restart moves the worker",
	async () => {
		const redis = await startTestRedis({ port: true });
		try {
			user = new User({ agent: "starts-counted.sh" });
			await user.ok(["enqueue", "--id", "local", "x"]);
			await user.waitForState("local", "completed");
			const env = { DISPATCH_REDIS_URL: redis.url };
			const refused = {
				code: 8,
				stderr: expect.stringMatching(/serves dispatch's own local Redis, not redis:.*up --restart/),
			};
			expect(await user.run(["enqueue", "--id", "shared", "x"], { env })).toMatchObject(refused);
			expect(await user.run(["up"], { env })).toMatchObject(refused);
			expect((await user.run(["status"], { env })).stderr).toMatch(
				/serves dispatch's own local Redis, not redis:/,
			);
			expect((await user.run(["doctor"], { env })).stdout).toMatch(
				/broken.*serves dispatch's own local Redis/,
			);
			await user.ok(["up", "--restart"], { env });
			await user.ok(["enqueue", "--id", "shared", "x"], { env });
			await user.ok(["wait", "shared"], { env });
			const again = await user.run(["up", "--restart"], { env });
			expect(again.stderr).not.toContain("stay at");
			const spelled = { DISPATCH_REDIS_URL: redis.url.replace("127.0.0.1", "localhost").concat("/0") };
			await user.ok(["up"], { env: spelled });
		} finally {
			await redis.stop();
		}
	},
	TEST_LIMIT_MS,
);

test(
	"what is refused at another address than the worker's has changed nothing of the task",
	async () => {
		user = new User({ agent: "asks-twice.sh", agents: { quick: "starts-counted.sh" } });
		const redis = await startTestRedis({ port: true });
		const env = { DISPATCH_REDIS_URL: redis.url };
		try {
			await user.ok(["up"], { env });
			await user.ok(["enqueue", "--id", "done", "--model", "quick", "x"], { env });
			await user.ok(["wait", "done"], { env });
			await user.ok(["enqueue", "--id", "asks", "x"], { env });
			await user.ok(["wait", "asks", "--for", "question"], { env, code: 3 });
			await user.ok(["enqueue", "--id", "waits", "--delay", "1h", "x"], { env });
			const moved = await user.run(["up", "--restart"]);
			expect(moved).toMatchObject({
				code: 0,
				stderr: expect.stringMatching(
					/2 tasks stay at redis:.*: asks, waits\. Agents that live run on\. .*--restart/,
				),
			});
			const tasks = async () =>
				(await user.json<Task[]>(["ls"], { env })).map(({ hold: _hold, ...task }) => task);
			const before = await tasks();
			for (const args of [
				["retry", "done"],
				["retry", "asks", "--here"],
				["answer", "asks", "yes"],
				["cancel", "asks"],
				["cancel", "waits", "asks"],
			]) {
				const ran = await user.run(args, { env });
				expect([args, ran]).toEqual([
					args,
					{ code: 8, stdout: "", stderr: expect.stringMatching(/serves dispatch's own local Redis/) },
				]);
			}
			expect(await tasks()).toEqual(before);
			// What needs no worker is done.
			expect(await user.ok(["cancel", "waits"], { env })).toBe("Cancelled `waits`.\n");
			const summary = await user.run(["status"], { env });
			expect(summary.stdout).not.toContain("dispatch up` starts it");
			expect(summary.stdout).toContain("This host's worker serves another Redis.");
		} finally {
			await redis.stop();
		}
	},
	TEST_LIMIT_MS,
);

test(
	"what a worker left at another address is told by up, status and doctor until it is served again",
	async () => {
		user = new User({ agent: "asks-twice.sh" });
		const redis = await startTestRedis({ port: true });
		const env = { DISPATCH_REDIS_URL: redis.url };
		try {
			await user.ok(["enqueue", "--id", "asks", "x"], { env });
			await user.ok(["wait", "asks", "--for", "question"], { env, code: 3 });
			await user.ok(["enqueue", "--id", "later", "--delay", "1h", "x"], { env });
			await user.ok(["down"], { env });
			const left = /2 tasks stay at redis:[^ ]+, .*: asks, later\. Agents that live run on\. .*--restart/;
			expect((await user.run(["up"])).stderr).toMatch(left);
			const summary = await user.run(["status"]);
			expect(summary.stderr).toMatch(left);
			expect(summary.stdout).not.toContain("no task follows");
			const looked = await user.ok(["doctor"]);
			expect(looked).toMatch(left);
			expect(looked).not.toContain("no task follows");
			const back = await user.run(["up", "--restart"], { env });
			expect(back.stderr).not.toContain("stay at");
			expect((await user.run(["status"], { env })).stderr).toBe("");
			// One that is killed says nothing of its tasks: that is told, too.
			process.kill(user.daemonPid() ?? Number.NaN, "SIGKILL");
			expect((await user.run(["up"])).stderr).toMatch(
				/The worker that served redis:[^ ]+ did not come to say/,
			);
		} finally {
			await redis.stop();
		}
	},
	TEST_LIMIT_MS,
);

test(
	"a password of Redis that was changed under the worker: told by status, enqueue and doctor, mended by up --restart",
	async () => {
		user = new User({ agent: "starts-counted.sh" });
		const redis = await startTestRedis({ port: true });
		const admin = new Redis(redis.url);
		const env = { DISPATCH_REDIS_URL: redis.url.replace("://", "://:rotated@") };
		try {
			await user.ok(["up"], { env: { DISPATCH_REDIS_URL: redis.url } });
			await admin.config("SET", "requirepass", "rotated");
			await admin.call("AUTH", "rotated");
			await admin.call("CLIENT", "KILL", "TYPE", "normal");
			const refused = /The worker \(pid \d+\) can do nothing: Redis at .* refuses: (NOAUTH|WRONGPASS)/;
			const summary = () => user.run(["status"], { env }).then(({ stderr }) => stderr);
			await expect.poll(summary, { timeout: CONDITION_LIMIT_MS, interval: 500 }).toMatch(refused);
			expect((await user.run(["enqueue", "--id", "new", "x"], { env })).stderr).toMatch(refused);
			expect((await user.run(["up"], { env })).stderr).toMatch(refused);
			expect(await user.ok(["doctor"], { env, code: 1 })).toMatch(refused);
			await user.ok(["up", "--restart"], { env });
			await user.ok(["wait", "new"], { env });
			expect(await summary()).toBe("");
		} finally {
			admin.disconnect();
			await redis.stop();
		}
	},
	TEST_LIMIT_MS,
);
