import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

/** Does its one item at once; counts its starts and keeps its prompts. */
function checked(): User {
	user = new User({ agents: { quick: "starts-counted.sh" } });
	return user;
}

const started = () => readFileSync(join(user.project, "starts"), "utf8").trim().split("\n").length;

test("a check that fails goes back to the agent with its output, and the next try may pass", async () => {
	checked();
	// What it leaves running (a build server) keeps nobody from going on.
	const check = 'setsid sleep 1000 & echo "run: $(cat starts | wc -l)"; test "$(cat starts | wc -l)" -ge 2';
	await user.ok(["enqueue", "--model", "quick", "--id", "c", "--verify", check, "Do it"]);
	const task = await user.taskInState("c", "completed");
	expect(task).toMatchObject({ attempt: 2, reason: null });
	expect(task.outcome?.message).toContain("check passed");
	expect(started()).toBe(2);
	const second = readFileSync(user.taskFile("c", "prompt.md"), "utf8");
	expect(second).toContain("run: 1");
	expect(second).toContain(check);
});

test("a check that keeps failing fails the task as verify_failed, with its output", async () => {
	checked();
	await user.ok([
		"enqueue",
		"--model",
		"quick",
		"--id",
		"c",
		"--verify",
		"echo tests are red; exit 3",
		"Do it",
	]);
	const task = await user.taskInState("c", "failed");
	expect(task).toMatchObject({ reason: "verify_failed", attempt: 2 });
	expect(task.outcome?.message).toContain("exit code 3");
	expect(task.outcome?.logTail).toEqual(["tests are red"]);
	// What an agent's user puts in the place of a log makes no command fall.
	const runs = join(user.home, "runs");
	const checkLogs = readdirSync(runs, { recursive: true, encoding: "utf8" }).filter((name) =>
		/verify\/agent\.log$/.test(name),
	);
	for (const path of checkLogs.map((name) => join(runs, name))) {
		rmSync(path);
		symlinkSync(path, path);
	}
	expect(checkLogs).toHaveLength(2);
	await user.ok(["logs", "c"]);
});

test("a daemon killed while the check runs: the check goes on, once, and its verdict counts", async () => {
	checked();
	const check = "echo x >> checks; while [ ! -e go ]; do sleep 0.05; done";
	await user.ok(["enqueue", "--model", "quick", "--id", "c", "--verify", check, "Do it"]);
	await expect.poll(() => existsSync(join(user.project, "checks"))).toBe(true);
	process.kill(user.daemonPid() ?? 0, "SIGKILL");
	await user.ok(["up"]);
	user.write("go", "");
	expect(await user.taskInState("c", "completed")).toMatchObject({ attempt: 1 });
	expect(readFileSync(join(user.project, "checks"), "utf8")).toBe("x\n");
});

test("a cancel ends the check too", async () => {
	checked();
	await user.ok([
		"enqueue",
		"--model",
		"quick",
		"--id",
		"c",
		"--verify",
		"touch checks; sleep 1000",
		"Do it",
	]);
	await expect.poll(() => existsSync(join(user.project, "checks"))).toBe(true);
	await user.ok(["cancel", "c"]);
	await user.waitForState("c", "cancelled");
	await expect
		.poll(() => user.processes().filter(({ command }) => command.includes("sleep 1000")))
		.toEqual([]);
});

test("a check that is killed with its shell each time is given up, told, and holds no place", async () => {
	checked();
	const check = "echo x >>killed; kill -9 0";
	await user.ok(["enqueue", "--model", "quick", "--id", "c", "--attempts", "1", "--verify", check, "Do it"]);
	const task = await user.taskInState("c", "failed");
	expect(task.reason).toBe("verify_failed");
	expect(task.outcome?.message).toMatch(/check cannot be run: each time it was killed before it was over/);
	expect(readFileSync(join(user.project, "killed"), "utf8").split("\n").length).toBeLessThan(20);
	expect(started()).toBe(1);
});
