/** `batch --wait` read as the log of a CI job. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { killIfThere } from "../processes.ts";
import { commandsIn } from "../runner-commands.ts";
import { PROGRAM, User } from "./harness.ts";

/** What stands on a screen when the log is opened: it is shown from its end. */
const SCREEN_LINES = 30;
const RUNNERS: [string, Record<string, string>][] = [
	["an unknown one", { CI: "true" }],
	["GitHub's", { CI: "true", GITHUB_ACTIONS: "true" }],
	["GitLab's", { CI: "true", GITLAB_CI: "true" }],
];

let user: User;
afterEach(() => user?.cleanup());

function withTasks(tasks: object[], options: ConstructorParameters<typeof User>[0] = {}): void {
	user = new User({ agent: "all-done-no-donefile.sh", ...options });
	user.write("tasks.json", JSON.stringify(tasks));
}

test("of 20 tasks with one that failed, the end of the log says which, and why, in every runner", async () => {
	const tasks = Array.from({ length: 20 }, (_, n) => ({ id: `check-${n + 1}`, prompt: "Check it" }));
	withTasks(
		tasks.map((task) => (task.id === "check-7" ? { ...task, model: "broken", attempts: 1 } : task)),
		{ agents: { broken: "item-error.sh" }, config: "worker: { concurrency: 8 }\n" },
	);
	for (const [name, env] of RUNNERS) {
		const key = name.replace(/\W/g, "");
		const log = await user.ok(["batch", "tasks.json", "--key", "k", "--wait"], {
			env,
			code: 1,
		});
		const text = log.replace(/\x1b\[[\d;]*[mK]/g, "").replaceAll("\r", "");
		const screen = text.trimEnd().split("\n").slice(-SCREEN_LINES).join("\n");
		expect(screen, key).toMatch(/^check-7 +failed +1\/3 .*item_error: .*Migrate the database/m);
		expect(screen, key).toMatch(/check-7` failed \(item_error\)\. .*The database refuses the login/);
		expect(screen, key).toMatch(/\n19 completed, 1 failed in \d\w*$/);
		expect(screen.match(/^check-\d+ +completed/gm), key).toHaveLength(19);
	}
});

test("in GitHub's an error stands on the run's summary, in GitLab's the agent's last lines are folded", async () => {
	withTasks(
		[
			{ id: "broken", prompt: "One", model: "broken", attempts: 1 },
			{ id: "fine", prompt: "Two" },
		],
		{ agents: { broken: "crashes.sh" } },
	);
	const logOf = (env: Record<string, string>) =>
		user.ok(["batch", "tasks.json", "--key", "k", "--wait"], { env, code: 1 });
	const github = await logOf({ CI: "true", GITHUB_ACTIONS: "true" });
	expect(github).toMatch(
		/^::group::The last lines of `broken`\n(?: {2}\| .*\n)+::endgroup::\n(?:.*\n)*::error title=broken failed \(crashed\)::`broken` failed \(crashed\)\. /m,
	);
	const gitlab = await logOf({ CI: "true", GITLAB_CI: "true" });
	expect(gitlab).toMatch(
		/^\x1b\[0Ksection_start:(\d+):(\w+)\[collapsed=true\]\r\x1b\[0KThe last lines of `broken`\n(?: {2}\| .*\n)+\x1b\[0Ksection_end:\d+:\2\r\x1b\[0K\n/m,
	);
	expect(gitlab).toMatch(/^\x1b\[31m`broken` failed \(crashed\)\. .*\x1b\[39m\n/m);
	const plain = await logOf({ CI: "true", NO_COLOR: "1" });
	expect(plain).toMatch(/^The last lines of `broken`:\n(?: {2}\| .*\n)+/m);
	expect(plain).not.toContain("\x1b");
	expect(await logOf({ CI: "true", GITLAB_CI: "true", NO_COLOR: "1" })).not.toContain("\x1b[3");
});

test("nothing that an agent says is a command to the runner", async () => {
	withTasks(
		[
			{ id: "says", prompt: "::error::One ##[add-mask]x", attempts: 1, unattended: false },
			{ id: "fine", prompt: "Two", tags: { a: "::error::b" }, model: "fine" },
		],
		{ agent: "runner-commands.sh", agents: { fine: "all-done-no-donefile.sh" } },
	);
	const env = { GITHUB_ACTIONS: "true", TF_BUILD: "True" };
	const batch = user.start(["batch", "tasks.json", "--wait"], { env });
	const ran = { stdout: "", stderr: "" };
	for (const name of ["stdout", "stderr"] as const)
		batch[name]?.on("data", (chunk: Buffer) => {
			ran[name] += chunk.toString();
		});
	await expect.poll(() => ran.stdout).toMatch(/`says` asks:/);
	await user.ok(["answer", "says", "::stop-commands::x\n##vso[task.complete]"]);
	await expect.poll(() => batch.exitCode).toBe(1);
	expect(ran.stdout).toContain("made up");
	expect(ran.stdout).toMatch(/: :set-output name=token::stolen/);
	const own = commandsIn(ran.stdout).map(({ line }) => line.replace(/::[^:]*$/, ""));
	const group = [expect.stringMatching(/^::group/), expect.stringMatching(/^::endgroup/)];
	expect(own).toEqual([...group, ...group, expect.stringMatching(/^::error title=says failed \(\w+\)/)]);
	expect(commandsIn(ran.stderr)).toEqual([]);
	for (const args of [
		...[
			["status", "says"],
			["logs", "says"],
			["output", "says"],
			["ls", "--columns", "task,tags,what"],
		],
		...[
			["status", "says", "--json"],
			["logs", "says", "--json"],
			["ls", "--json"],
		],
		...[
			["output", "says", "--json"],
			["wait", "says"],
			["logs", "says", "--events"],
		],
	]) {
		const { stdout, stderr } = await user.run(args, { env });
		expect(stdout, args.join(" ")).not.toBe("");
		expect(commandsIn(stdout + stderr), args.join(" ")).toEqual([]);
	}
	expect((await user.json<{ report: string }>(["output", "says"], { env })).report).toContain(
		"##vso[task.setvariable variable=token]stolen",
	);
});

test("while nothing happens a line says so now and then, also while Redis is away; then it goes on", async () => {
	withTasks(
		[
			{ id: "asks", prompt: "One", model: "asks", unattended: false },
			{ id: "fine", prompt: "Two" },
		],
		{ agents: { asks: "ten-line.sh" } },
	);
	const batch = user.start(["batch", "tasks.json", "--wait"], {
		env: { CI: "true", DISPATCH_BATCH_QUIET_MS: "300" },
	});
	let said = "";
	batch.stdout?.on("data", (chunk: Buffer) => {
		said += chunk.toString();
	});
	await expect.poll(() => said).toMatch(/^Still at work after \w+: 1 of 2 ended\. Asking: asks 1\/3\.$/m);
	const redis = user.processes().find(({ command }) => /redis-server|valkey|redis-check/.test(command));
	killIfThere(redis?.pid ?? Number.NaN);
	await user.ok(["answer", "asks", "Blue"]);
	await expect.poll(() => batch.exitCode).toBe(0);
	expect(said).toMatch(/\n2 completed in \w+\n$/);
	for (const id of ["asks", "fine"])
		for (const line of [`\`${id}\` started`, `\`${id}\` complete`])
			expect(said.split(line), line).toHaveLength(2);
});

test("a log in a file has no colours, no groups, and what agents said as it was", async () => {
	withTasks(
		[
			{ id: "broken", prompt: "One", model: "broken", attempts: 1 },
			{ id: "fine", prompt: "Two" },
		],
		{ agents: { broken: "crashes.sh" } },
	);
	const file = join(user.path, "log");
	const fd = openSync(file, "w");
	const batch = spawn(process.execPath, [PROGRAM, "batch", "tasks.json", "--wait"], {
		cwd: user.project,
		env: { ...user.env, GITHUB_ACTIONS: "true" },
		stdio: ["ignore", fd, "ignore"],
	});
	closeSync(fd);
	expect(await once(batch, "exit")).toEqual([1, null]);
	const log = readFileSync(file, "utf8");
	expect(log).toMatch(/^The last lines of `broken`:$/m);
	expect(log).toMatch(/^`broken` failed \(crashed\)\. /m);
	expect(log).not.toMatch(/^::|\x1b/m);
});
