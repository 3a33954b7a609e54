/** What the caller of a command had, and what its worker and agents have. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { PROGRAM, User } from "./harness.ts";

let user: User;
afterEach(() => user.cleanup());

/** A repository with two files in its first commit. @returns runs git in it */
function repository(path: string): (...args: string[]) => string {
	mkdirSync(path, { recursive: true });
	const git = (...args: string[]) =>
		execFileSync("git", args, { cwd: path, env: { ...user.env, HOME: user.path }, encoding: "utf8" });
	git("init", "-q");
	for (const [name, value] of [
		["user.name", "Ann"],
		["user.email", "ann@example.com"],
	])
		git("config", name ?? "", value ?? "");
	for (const name of ["a.txt", "b.txt"]) writeFileSync(join(path, name), `${name}\n`);
	git("add", ".");
	git("commit", "-qm", "first");
	return git;
}

test("a git hook that enqueues starts a worker; a later task's commit in another repository holds its own change alone", async () => {
	user = new User({ agent: "commits.sh" });
	const first = join(user.path, "first");
	const git = repository(first);
	repository(user.project);
	const hook = join(first, ".git/hooks/pre-commit");
	const line = `${process.execPath} ${PROGRAM} enqueue --id hooked --cwd '${first}' --delay 1h x`;
	writeFileSync(hook, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
	writeFileSync(join(first, "a.txt"), "changed\n");
	git("commit", "-qam", "second", "--author", "Bob <bob@example.com>");
	expect(user.daemonPid()).not.toBeNull();
	await user.ok(["enqueue", "--id", "later", "y"]);
	await user.waitForState("later", "completed");
	expect(await user.ok(["output", "later"])).toBe("A\tmine.txt\n");
	const author = execFileSync("git", ["log", "-1", "--format=%an"], { cwd: user.project, encoding: "utf8" });
	expect(author).toBe("Ann\n");
});

test("a rotated key, another proxy, another CLI on PATH: told at enqueue, in status and in doctor, never with a value", async () => {
	user = new User();
	const bin = join(user.path, "bin");
	mkdirSync(bin);
	writeFileSync(join(bin, "claude"), "#!/bin/sh\n", { mode: 0o755 });
	const config = readFileSync(join(user.home, "config.yaml"), "utf8");
	writeFileSync(
		join(user.home, "config.yaml"),
		config.replace("models:", "  claude: { command: claude -p }\nmodels:"),
	);
	const before = { SERVICE_API_KEY: "old-value-1", HTTPS_PROXY: "http://proxy.a:1" };
	const now = { SERVICE_API_KEY: "new-value-2", TERM: "xterm", PATH: `${bin}:${user.env.PATH}` };
	await user.ok(["up"], { env: before });
	const same = await user.run(["enqueue", "--id", "same", "Do it"], { env: before });
	expect(same.stderr).toBe("");
	for (const args of [["enqueue", "--id", "other", "Do it"], ["status"], ["up"]]) {
		const { code, stdout, stderr } = await user.run(args, { env: now });
		expect(code).toBe(0);
		expect(stderr).toMatch(/PATH \(claude: \S+\/bin\/claude here, none for the worker\)/);
		expect(stderr).toMatch(/HTTPS_PROXY \(only for the worker\), SERVICE_API_KEY \(another value\)/);
		expect(stderr).toContain("dispatch up --restart");
		expect(stdout + stderr).not.toMatch(/TERM|old-value|new-value|proxy\.a/);
	}
	const doctor = await user.run(["doctor"], { env: now });
	expect(doctor.stdout).toMatch(/SERVICE_API_KEY differs .*another value/);
	expect(doctor.stdout).toMatch(/HTTPS_PROXY differs .*only for the worker/);
	expect(doctor.stdout).not.toMatch(/old-value|new-value/);
	expect(readFileSync(join(user.home, "daemon.json"), "utf8")).not.toMatch(/old-value|proxy\.a/);
	await user.ok(["up", "--restart"], { env: now });
	expect((await user.run(["status"], { env: now })).stderr).toBe("");
});

test("`env:` lets variables travel with a task, by a file for its owner alone, until the task has ended", async () => {
	user = new User({ agent: "tells-env.sh", config: "attempts: 1\nenv: [TRAVELS_KEY, UNSET_KEY]\n" });
	const { home } = user;
	await user.ok(["up"], { env: { TRAVELS_KEY: "value-of-worker" } });
	const told = () => readFileSync(join(user.project, "told"), "utf8").trim().split("\n").sort();
	const kept = () => readdirSync(join(home, "task-env")).map((name) => join(home, "task-env", name));
	for (const id of ["one", "two"]) {
		const env = { TRAVELS_KEY: `value-${id}` };
		const { code, stderr } = await user.run(
			["enqueue", "--id", id, "--verify", `[ $TRAVELS_KEY = value-${id} ]`, "Do it"],
			{ env },
		);
		expect([code, stderr]).toEqual([0, ""]);
	}
	await expect.poll(() => existsSync(join(user.project, "told")) && told().length).toBe(2);
	expect(told()).toEqual(["one value-one", "two value-two"]);
	expect(kept()).toHaveLength(2);
	for (const file of [join(home, "task-env"), ...kept()]) expect(statSync(file).mode & 0o077).toBe(0);
	// All that Redis was ever told stands in its append-only file.
	const redis = join(home, "redis");
	const inRedis = readdirSync(redis, { recursive: true, encoding: "utf8", withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
	expect(inRedis.length).toBeGreaterThan(1);
	expect(inRedis.join("").replaceAll(/\[ \$TRAVELS_KEY = value-\w+ \]/g, "")).not.toMatch(
		/value-(?:one|two)/,
	);
	user.write("go", "");
	for (const id of ["one", "two"]) await user.waitForState(id, "completed");
	await expect.poll(kept).toEqual([]);
});

test("a retry takes the key as it is now; a command that has none leaves the worker's", async () => {
	user = new User({ agent: "tells-env.sh", config: "attempts: 1\nenv: [TRAVELS_KEY]\n" });
	const told = () => readFileSync(join(user.project, "told"), "utf8").trim().split("\n");
	for (const name of ["go", "fail"]) user.write(name, "");
	await user.ok(["up"], { env: { TRAVELS_KEY: "of-worker" } });
	await user.ok(["enqueue", "--id", "t", "Do it"], { env: { TRAVELS_KEY: "old" } });
	await user.waitForState("t", "failed");
	rmSync(join(user.project, "fail"));
	await user.ok(["retry", "t"], { env: { TRAVELS_KEY: "rotated" } });
	await user.waitForState("t", "completed");
	await user.ok(["enqueue", "--id", "cron", "Do it"]);
	await user.waitForState("cron", "completed");
	expect(told()).toEqual(["t old", "t rotated", "cron of-worker"]);
});

test("names that are none, or dispatch's own, are refused with their line", async () => {
	for (const name of ["A KEY", "KEY=value", "DISPATCH_REDIS_URL", "1A"]) {
		user = new User({ config: `env: ["${name}"]\n` });
		const { code, stderr } = await user.run(["enqueue", "Do it"]);
		expect(code).toBe(2);
		expect(stderr).toMatch(/config\.yaml:\d+:\d+: env\.0: Expected the name of a variable/);
		expect(stderr.trim().split("\n")).toHaveLength(1);
		await user.cleanup();
	}
});
