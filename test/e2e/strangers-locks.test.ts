/** Other programs lock what is dispatch's: a crontab's `flock`, a backup. They keep out nobody, or are named at once. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { holderAt } from "../process/apart.ts";
import { PROGRAM, User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

let user: User;
afterEach(() => user?.cleanup());

const at = (name: string) => join(user.home, name);
const workers = () => user.processes().filter(({ command }) => / worker( |$)/.test(command));

/** Ways to hold a lock, as `sh -c`, whose $1 is the path; each says so. */
const WAYS = {
	"flock COMMAND": 'exec flock "$1" sh -c "echo held; exec sleep 1000"',
	"flock --shared COMMAND": 'exec flock --shared "$1" sh -c "echo held; exec sleep 1000"',
	"a shell's descriptor": 'exec 9<"$1"; flock 9; echo held; exec sleep 1000',
};

interface Stranger {
	pid: number;
	end(): Promise<void>;
}

async function lockedBy(path: string, way: string = WAYS["flock COMMAND"]): Promise<Stranger> {
	const stdio: ["ignore", "pipe", "inherit"] = ["ignore", "pipe", "inherit"];
	const child: ChildProcess = spawn("sh", ["-c", way, "sh", path], { detached: true, stdio });
	const closed = once(child, "close");
	const end = async () => {
		if (child.signalCode === null && child.exitCode === null) process.kill(-(child.pid ?? 0), "SIGKILL");
		await closed;
	};
	onTestFinished(end);
	await once(child.stdout as NodeJS.EventEmitter, "data");
	return { pid: child.pid ?? 0, end };
}

const PLACES = ["", "redis"];
const CASES = PLACES.flatMap((place) =>
	Object.entries(WAYS).map(([name, way]) => [place, name, way] as const),
);

test.each(CASES)(
	"the directory %j locked by %s keeps out no worker and no server; there is one of each, whatever is removed",
	async (place, _name, way) => {
		user = new User({ agent: "starts-counted.sh" });
		mkdirSync(at("redis"), { mode: 0o700 });
		const stranger = await lockedBy(at(place), way);
		await user.ok(["enqueue", "--id", "one", "x"]);
		await user.waitForState("one", "completed");
		const alone = workers().map(({ pid }) => pid);
		expect(alone).toHaveLength(1);
		const another = () => user.run(["worker"]);
		const refused = { code: 8, stderr: expect.stringMatching(/A worker runs for .* already/) };
		expect(await another()).toMatchObject(refused);
		for (const name of ["daemon.lock", "redis/lock"]) rmSync(at(name));
		expect(await another()).toMatchObject(refused);
		await stranger.end();
		for (const name of ["daemon.lock", "redis/lock"]) rmSync(at(name), { force: true });
		expect(await another()).toMatchObject(refused);
		await user.ok(["enqueue", "--id", "two", "x"]);
		await user.waitForState("two", "completed");
		expect(workers().map(({ pid }) => pid)).toEqual(alone);
		expect(await user.ok(["down"])).toContain("The local Redis is stopped.");
		expect(user.processes()).toEqual([]);
	},
);

test("once the stranger has ended the directory is the worker's, also for who cannot see it, and so is a file that was removed", async () => {
	user = new User({ agent: "starts-counted.sh" });
	const stranger = await lockedBy(user.home);
	await user.ok(["up"]);
	const isLocked = (path: string) => spawnSync("flock", ["-n", path, "true"]).status === 1;
	await stranger.end();
	await expect.poll(() => isLocked(user.home), LIMIT).toBe(true);
	rmSync(at("daemon.lock"));
	await expect.poll(() => existsSync(at("daemon.lock")) && isLocked(at("daemon.lock")), LIMIT).toBe(true);
	expect(await user.run(["worker"])).toMatchObject({ code: 8 });
	expect(workers()).toHaveLength(1);
});

test("one job of a crontab after the other, by `flock` on the state directory: each gets its worker", async () => {
	user = new User({ agent: "starts-counted.sh" });
	for (const id of ["one", "two"]) {
		const args = [user.home, process.execPath, PROGRAM, "run", "--id", id, "x"];
		const job = spawn("flock", args, { cwd: user.project, env: user.env, stdio: "ignore" });
		expect(await once(job, "close")).toEqual([0, null]);
		await user.ok(["down"]);
	}
});

test("a worker in the foreground that a `flock` on its directory started is the only one", async () => {
	user = new User({ agent: "starts-counted.sh" });
	const args = [user.home, process.execPath, PROGRAM, "worker"];
	const first = spawn("flock", args, { cwd: user.project, env: user.env, stdio: "ignore" });
	const closed = once(first, "close");
	await expect.poll(() => user.daemonPid(), LIMIT).not.toBeNull();
	rmSync(at("daemon.lock"));
	expect(await user.run(["worker"])).toMatchObject({
		code: 8,
		stderr: expect.stringContaining("A worker runs"),
	});
	expect(await user.ok(["down"])).toContain("The worker is stopped.");
	await closed;
});

const FILES: [string, string[][]][] = [
	["daemon.lock", [["up"], ["enqueue", "x"], ["worker"], ["down"]]],
	["redis/lock", [["up"], ["enqueue", "x"], ["worker"], ["questions"]]],
];

test.each(FILES)(
	"the file %s locked by another program: it is named, and none waits",
	async (file, commands) => {
		user = new User({ agent: "starts-counted.sh" });
		await user.ok(["up"]);
		await user.ok(["down"]);
		const stranger = await lockedBy(at(file));
		for (const command of commands) {
			const { code, stderr } = await user.run(command);
			const text = expect.stringMatching(`Process ${stranger.pid} \\(.*flock .*\\) has locked .*${file}`);
			expect({ command, code, stderr }).toEqual({ command, code: 8, stderr: text });
			expect(stderr).not.toContain("A worker");
		}
		await stranger.end();
		await user.ok(["enqueue", "--id", "one", "x"]);
		await user.waitForState("one", "completed");
	},
);

/** Has the place of $1 in the manner of ours: by its directory, or by a file $2 of its own. */
const PASSES_FOR_OURS = `
import { spawn } from "node:child_process";
import { constants, openSync } from "node:fs";
const [directory, file] = process.argv.slice(1);
const marked = openSync(directory, constants.O_DIRECTORY | constants.O_APPEND);
const fd = file === undefined ? marked : openSync(file, "a");
spawn("flock", ["-n", "3"], { stdio: ["ignore", "ignore", "ignore", fd] }).on("exit", () => console.log("held"));
setInterval(() => {}, 1000);
`;

const FORGED: [string, string[], { commands: string[][]; code: number }][] = [
	["", [], { commands: [["up"], ["worker"]], code: 8 }],
	["", ["own"], { commands: [["worker"]], code: 8 }],
	["redis", [], { commands: [["up"], ["down"]], code: 5 }],
	["redis", ["own"], { commands: [["questions"]], code: 5 }],
];

test.each(FORGED)(
	"a process that passes for who has the place %j, by %j: no command waits for its end, each names it",
	async (place, files, { commands, code }) => {
		user = new User({ agent: "starts-counted.sh" });
		mkdirSync(at("redis"), { mode: 0o700 });
		const args = ["--input-type=module", "-e", PASSES_FOR_OURS, "--", at(place), ...files.map(at)];
		const forger = await holderAt(process.execPath, args, user.path);
		for (const command of commands) {
			const ran = await user.run(command);
			const named = expect.stringMatching(new RegExp(`rocess ${forger.pid} \\(.*node.*\\)`));
			expect({ command, code: ran.code, stderr: ran.stderr }).toEqual({ command, code, stderr: named });
		}
		forger.kill("SIGKILL");
		await once(forger, "exit");
		await user.ok(["enqueue", "--id", "one", "x"]);
		await user.waitForState("one", "completed");
	},
);

test("where another program has locked the server's file, and none runs, there is nothing to stop", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	await user.ok(["down"]);
	await lockedBy(at("redis/lock"));
	expect(await user.ok(["down"])).toContain("No worker was running.");
});
