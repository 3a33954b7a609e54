/**
 * What an agent may try against its own host, one task for each trick, all at once on one daemon: none has an
 * effect, or it is seen; and another task asks, is answered and completes meanwhile.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { isKnown } from "../run-files.ts";
import { User } from "./harness.ts";

const SECRET = "a secret of the user's";
const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 100 };

let user: User;
let outside: string;
let before: string[];
beforeAll(async () => {
	user = new User({
		// To root nothing is closed.
		asNobody: true,
		agent: "tricks.sh",
		agents: { asks: "ten-line.sh" },
		config: "worker: { concurrency: 20, max_agents: 40 }",
	});
	outside = join(user.path, "outside");
	mkdirSync(outside);
	writeFileSync(join(outside, "secret"), SECRET);
	writeFileSync(join(outside, "plan.md"), `# ${SECRET}\n\n- [x] Do it\n`);
	writeFileSync(join(outside, "001.question"), SECRET);
	for (let n = 1; n <= 300; n++) writeFileSync(join(outside, `kept-${n}`), SECRET);
	before = outsideNow();
	spawnSync("git", ["init", "-q"], { cwd: user.project });
	await user.ok(["enqueue", "--id", "bystander", "--model", "asks", "x"]);
	await user.waitForState("bystander", "asking");
});
afterAll(() => user?.cleanup());

function outsideNow(): string[] {
	return readdirSync(outside)
		.sort()
		.map((name) => `${name}: ${readFileSync(join(outside, name), "utf8")}`);
}

/** `--verify` where the trick is about it. */
const CHECKS: Record<string, string[]> = { "forged-check": ["--verify", "false"] };
const play = (trick: string) =>
	user.ok(["enqueue", "--id", trick, "--attempts", "1", ...(CHECKS[trick] ?? []), "x"]);
const events = (id: string) => user.ok(["logs", id, "--events"]);
const isReady = (id: string) => expect.poll(() => user.ok(["logs", id, "--raw"]), LIMIT).toContain("ready");

async function ends(id: string): Promise<void> {
	await user.ok(["cancel", id]);
	await user.waitForState(id, "cancelled");
}

/** Each: what it must come to. */
const TRICKS: Record<string, () => Promise<void>> = {
	fifo: async () => {
		await isReady("fifo");
		await ends("fifo");
	},
	swap: async () => {
		await isReady("swap");
		await user.ok(["note", "swap", "hello"]);
		expect(await user.ok(["questions"])).not.toContain(SECRET);
		await ends("swap");
	},
	"fd-three": async () => {
		await user.waitForState("fd-three", "failed");
		await expect
			.poll(() => user.processes().filter(({ command }) => command.startsWith("/bin/sh -c trap")), LIMIT)
			.toEqual([]);
	},
	flood: async () => {
		const open = async () =>
			(await user.json<{ task: string }[]>(["questions"])).filter(({ task }) => task === "flood").length;
		await expect.poll(open, LIMIT).toBeGreaterThan(5);
		await isReady("flood");
		expect(await open()).toBeLessThanOrEqual(20);
		expect(await events("flood")).toMatch(/questions wait|file refused/);
		await ends("flood");
	},
	"self-answer": async () => {
		await expect
			.poll(() => events("self-answer"), LIMIT)
			.toMatch(/self answered 001 by agent of self-answer/);
		await user.waitForState("self-answer", "asking");
		await user.ok(["answer", "self-answer", "no, please"]);
		const { questions } = await user.taskInState("self-answer", "completed");
		expect(questions).toMatchObject([{ answer: "no, please" }]);
	},
	"rm-race": async () => {
		await play("removed");
		await user.waitForState("removed", "completed");
		await play("rm-race");
		await isReady("rm-race");
		await user.run(["rm", "removed"]);
		await ends("rm-race");
	},
	"linked-key": async () => {
		const key = readFileSync(join(user.home, "signing-key"), "utf8").trim();
		const refused = (name: string) => new RegExp(`file refused.*\\n.*${name}.*hard link|${name}.*hard link`);
		await expect.poll(() => events("linked-key"), LIMIT).toMatch(refused("001.question"));
		expect(await user.ok(["questions"])).not.toContain("linked-key");
		user.write("go-linked-key", "");
		expect((await user.taskInState("linked-key", "completed")).reportPath).toBeNull();
		expect(await events("linked-key")).toMatch(refused("output.md"));
		const { stdout, stderr } = await user.run(["output", "linked-key"]);
		expect(stdout + stderr + (await events("linked-key"))).not.toContain(key);
		expect(stdout + stderr).not.toContain("[signing-key]");
	},
	links: async () => {
		const task = await user.taskInState("links", "failed");
		expect(task.reason).toBe("incomplete");
		expect(JSON.stringify(task)).not.toContain(SECRET);
		expect((await user.run(["output", "links"])).stdout).not.toContain(SECRET);
		expect(await events("links")).toContain("file refused");
	},
	"hard-links": async () => {
		await isReady("hard-links");
		await user.ok(["note", "hard-links", "hello"]);
		await ends("hard-links");
	},
	gitignore: async () => {
		await user.waitForState("gitignore", "completed");
		const { stdout } = spawnSync("git", ["add", "-A", "--dry-run"], { cwd: user.project, encoding: "utf8" });
		expect(stdout).not.toContain("tasks/");
	},
	"forged-exit": async () => {
		const task = await user.taskInState("forged-exit", "failed");
		expect(task.reason).toBe("incomplete");
		await expect.poll(() => user.processes().filter(isOf("forged-exit")), LIMIT).toEqual([]);
	},
	"forged-ending": async () => {
		await isReady("forged-ending");
		// As one that never saw it finds its files.
		await user.ok(["up", "--restart"]);
		await user.ok(["enqueue", "--id", "after-restart", "--model", "asks", "x"]);
		await user.waitForState("after-restart", "asking");
		await ends("forged-ending");
		await ends("after-restart");
		expect(readFileSync(join(user.project, "forged-ending.starts"), "utf8")).toBe("started\n");
	},
	"forged-facts": async () => {
		const task = await user.taskInState("forged-facts", "failed");
		expect(task.reason).toBe("crashed");
		expect(readFileSync(join(user.project, "forged-facts.starts"), "utf8")).toBe("started\n");
	},
	closed: async () => {
		const task = await user.taskInState("closed", "failed");
		expect(task.reason).toBe("crashed");
		await user.ok(["rm", "closed"]);
	},
	"forged-check": async () => {
		const task = await user.taskInState("forged-check", "failed");
		expect(task.reason).toBe("verify_failed");
		expect(task.outcome?.message).toContain("exit code 1");
	},
	nested: async () => {
		await user.waitForState("nested", "completed");
		for (const file of ["by-environment.txt", "by-name.txt", "orphan.txt"])
			expect(readFileSync(join(user.project, file), "utf8")).toMatch(
				/agent of the task "nested".*DISPATCH_NESTED/s,
			);
	},
};

const isOf = (task: string) => (found: { pid: number }) => {
	const path = `/proc/${found.pid}/environ`;
	return existsSync(path) && readFileSync(path, "latin1").includes(`DISPATCH_TASK=${task}\0`);
};

test.each(Object.entries(TRICKS))("%s", async (trick, comesTo) => {
	if (trick !== "rm-race") await play(trick);
	await comesTo();
	expect(outsideNow()).toEqual(before);
});

test("every file that lies in a run directory is one that is forged in test/monitor/forged-run.test.ts", () => {
	const runs = join(user.home, "runs");
	const names = readdirSync(runs).flatMap((task) =>
		readdirSync(join(runs, task)).flatMap((epoch) =>
			readdirSync(join(runs, task, epoch), { recursive: true, encoding: "utf8" }),
		),
	);
	expect(names).toEqual(expect.arrayContaining(["run.json", "verify/begun"]));
	expect(names.filter((name) => !isKnown(name))).toEqual([]);
});

test("another task was neither answered nor cancelled by them, and completes", async () => {
	await user.waitForState("bystander", "asking");
	await user.ok(["answer", "bystander", "blue"]);
	const { questions } = await user.taskInState("bystander", "completed");
	expect(questions).toMatchObject([{ answer: "blue" }]);
	const agents = () =>
		user.processes().filter(({ run, command }) => run !== null || /tricks|while :/.test(command));
	await expect.poll(agents, LIMIT).toEqual([]);
});
