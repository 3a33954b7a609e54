/** `batch --with-worker`: it needs nothing, and leaves nothing behind. */
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { GIT_ENV, gitIn, makeRepository } from "../git.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis } from "../redis.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const batches = () => join(user.home, "batches");
const left = () => readdirSync(batches()).filter((name) => name !== "lock");

function withTasks(tasks: object[], options: ConstructorParameters<typeof User>[0] = {}): void {
	user = new User({ agent: "all-done-no-donefile.sh", agents: { stuck: "ignores-term.sh" }, ...options });
	user.write("tasks.json", JSON.stringify(tasks));
}

function expectNothingLeft(): void {
	expect(user.processes()).toEqual([]);
	expect(left()).toEqual([]);
	expect(existsSync(join(user.home, "redis"))).toBe(false);
	expect(existsSync(join(user.home, "runs"))).toBe(false);
}

test("it works the batch off on a Redis of its own, ends like --wait, and can be given again", async () => {
	const elsewhere = await startTestRedis();
	try {
		withTasks(
			[
				{ id: "fine", prompt: "One" },
				{ id: "broken", prompt: "Two", model: "broken", attempts: 1 },
				{ id: "asks", prompt: "Three", model: "asks" },
			],
			{ agents: { broken: "crashes.sh", asks: "ten-line.sh" }, redis: `unix://${elsewhere.socketPath}` },
		);
		for (const round of ["first", "second"]) {
			const { code, stdout: told, stderr } = await user.run(["batch", "tasks.json", "--with-worker"]);
			expect(code, round).toBe(1);
			expect(told, round).toContain("dispatch retry broken");
			expect(stderr, round).toContain(
				"the commands named above find none of these tasks. Give the batch again",
			);
			expect(told, round).toMatch(/^`fine` complete\. .*Full report|^`fine` complete\. /m);
			expect(told, round).toMatch(/^`broken` failed \(crashed\)\. /m);
			expect(told, round).toMatch(/^`asks` failed \(unanswered\)\. The agent asked "Which colour\?"/m);
			expect(told, round).toMatch(/\n1 completed, 2 failed in \w+\n$/);
			expect(readFileSync(user.taskFile("asks", "plan.md"), "utf8"), round).toContain("Look around");
			expectNothingLeft();
		}
		const tasks = await user.json<{ id: string; state: string }[]>(["batch", "tasks.json", "--with-worker"], {
			code: 1,
		});
		expect(tasks.map(({ state }) => state)).toEqual(["completed", "failed", "failed"]);
		expectNothingLeft();
	} finally {
		await elsewhere.stop();
	}
});

test.each(["SIGINT", "SIGTERM"] as const)(
	"%s, given twice, ends agents, worker and Redis",
	async (signal) => {
		withTasks([{ id: "stuck", prompt: "One", model: "stuck" }]);
		const batch = user.start(["batch", "tasks.json", "--with-worker"]);
		let said = "";
		for (const stream of [batch.stdout, batch.stderr])
			stream?.on("data", (chunk: Buffer) => {
				said += chunk.toString();
			});
		await expect.poll(() => said).toContain("`stuck` started");
		batch.kill(signal);
		batch.kill(signal);
		await expect.poll(() => batch.exitCode).toBe(130);
		expect(said).toContain("Interrupted. Its agents, its worker and its Redis are ended.");
		expect(said).toMatch(/^1 running in /m);
		expect(said).not.toContain("The work goes on");
		expectNothingLeft();
	},
);

test.each(["SIGINT", "SIGTERM"] as const)(
	"%s while the git of a foreach hangs ends it at once, and nothing is left",
	async (signal) => {
		user = new User({ agent: "all-done-no-donefile.sh", env: GIT_ENV });
		const begun = join(user.path, "begun");
		makeRepository(user.project, { "a.x": "one\n", ".gitattributes": "*.x filter=x\n" });
		gitIn(user.project, "config", "filter.x.clean", `trap '' HUP INT TERM; : >${begun}; sleep 1000; cat`);
		user.write("a.x", "two\n");
		user.write(
			"tasks.json",
			JSON.stringify([{ id: "of", prompt: "{{item}}", foreach: { changed: "HEAD" } }]),
		);
		const batch = user.start(["batch", "tasks.json", "--with-worker"]);
		const end = once(batch, "close");
		await expect.poll(() => existsSync(begun)).toBe(true);
		batch.kill(signal);
		expect(await end).toEqual([130, null]);
		expectNothingLeft();
	},
);

test("what one left that was killed is taken down by the next one, and one that lives is left alone", async () => {
	withTasks([{ id: "stuck", prompt: "One", model: "stuck" }]);
	user.write("quick.json", JSON.stringify([{ id: "quick", prompt: "Two" }]));
	const living = user.start(["batch", "tasks.json", "--with-worker"]);
	await expect.poll(() => existsSync(user.taskFile("stuck", "ipc"))).toBe(true);
	const [name] = left();
	await user.ok(["batch", "quick.json", "--with-worker"]);
	expect(left()).toEqual([name]);
	living.kill("SIGKILL");
	await expect.poll(() => living.signalCode).toBe("SIGKILL");
	expect(user.processes().filter(({ run }) => run !== null)).not.toEqual([]);
	for (const { pid, command } of user.processes()) if (command.includes("redis")) killIfThere(pid);
	await user.ok(["batch", "quick.json", "--with-worker"]);
	expectNothingLeft();
});

test("what its end would break is refused, and so is a file with a mistake; nothing is left of either", async () => {
	withTasks([{ prompt: "One", id: "one" }, { promt: "Two" }]);
	for (const args of [
		["--key", "k"],
		["--redis", "redis://127.0.0.1:1"],
	]) {
		const ran = await user.run(["batch", "tasks.json", "--with-worker", ...args]);
		expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining(`--with-worker and ${args[0]}`) });
	}
	expect(existsSync(batches())).toBe(false);
	const ran = await user.run(["batch", "tasks.json", "--with-worker"]);
	expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining("promt") });
	expectNothingLeft();
	user.write("tasks.json", JSON.stringify([{ id: "stuck", prompt: "One", model: "stuck" }]));
	const late = await user.run(["batch", "tasks.json", "--with-worker", "--timeout", "1s"]);
	expect(late).toMatchObject({ code: 4, stderr: expect.stringContaining("Its agents are ended with it") });
	expectNothingLeft();
});
