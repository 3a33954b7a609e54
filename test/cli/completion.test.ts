/** Tab completion, asked for by real shells with the script that the user sources. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program/program.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { makeRepository } from "../git.ts";
import { Screen } from "./tmux.ts";

let user: User;
let env: Record<string, string>;
beforeAll(async () => {
	user = new User({
		agent: "records-args.sh",
		agents: { reports: "writes-report.sh" },
		config: "aliases: { reviewer: { model: fake } }",
	});
	const bin = join(user.path, "bin");
	mkdirSync(bin);
	writeFileSync(join(bin, "dispatch"), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
		mode: 0o755,
	});
	env = { ...user.env, PATH: `${bin}:${user.env.PATH}` };
	await user.ok(["enqueue", "--id", "review-login", "--delay", "1h", "x"]);
	await user.ok(["enqueue", "--id", "review-api", "--tag", "team=web", "--delay", "1h", "x"]);
});
afterAll(() => user.cleanup());

/** @returns what bash offers in place of the last word */
async function offered(...words: string[]): Promise<string[]> {
	const script = `source <(dispatch completion bash)
		COMP_WORDS=(dispatch "$@"); COMP_CWORD=$#
		_dispatch
		printf "%s\\n" "\${COMPREPLY[@]}"`;
	const { stdout } = await promisify(execFile)("bash", ["-c", script, "bash", ...words], {
		env,
		cwd: user.project,
	});
	return stdout.split("\n").filter(Boolean);
}

test.each([
	[["enq"], ["enqueue"]],
	[["config", "set"], ["set-default"]],
	[["enqueue", "--temp"], ["--template"]],
	[["enqueue", "--template", "sec"], ["security-review"]],
	[
		["enqueue", "--model", ""],
		["reviewer", "fake", "reports"],
	],
	[["config", "set-default", "rev"], ["reviewer"]],
	[["ls", "--state", "as"], ["asking"]],
	[
		["--json", "status", "rev"],
		["review-api", "review-login"],
	],
	[["cancel", "review-api", "review-l"], ["review-login"]],
	[["stop", "review-api", ""], ["review-login"]],
	[["wait", "review-a"], ["review-api"]],
	[["cancel", "review-api,review-l"], ["review-api,review-login"]],
	[["wait", "review-api,"], ["review-api,review-login"]],
	[["note", "review-login,rev"], ["review-login,review-api"]],
	[["stop", "review-api,review-login,"], []],
	[["cancel", "review-api,x", "rev"], ["review-login"]],
	[["enqueue", "--after", "review-api,rev"], ["review-api,review-login"]],
	[["run", "--after", "review-api", "--after", "x,rev"], ["x,review-login"]],
	[["status", "review-api,rev"], []],
	[["answer", "review-api,rev"], []],
	[["cancel", "$(touch pwned),rev"], []],
	[
		["help", "batc"],
		["batch", "batches"],
	],
	[["help", "topi"], ["topics"]],
	[
		["ls", "--columns", "task,w"],
		["task,why", "task,what"],
	],
	[
		["ls", "--columns", "ta"],
		["task", "tags"],
	],
	[["ls", "--columns", "task,ta"], ["task,tags"]],
	[["ls", "--state", "running,a"], ["running,asking"]],
	[["cancel", "--state", "asking,as"], []],
	[["ls", "--sort", "c"], ["cost"]],
	[["ls", "--sort", "-a"], ["-age"]],
	[["ls", "--tag", ""], ["team=web"]],
	[["cancel", "--tag", "te"], ["team=web"]],
	[["output", "rev"], []],
	[["ru"], ["run"]],
	[["batch", ""], []],
	[["batch", "sta"], ["status"]],
	[
		["completion", ""],
		["bash", "zsh", "fish"],
	],
	[["enqueue", "--plan", ""], []],
	[["nosuch", "x"], []],
	[["status", "$(touch pwned)"], []],
])("%j", async (words, expected) => {
	expect((await offered(...words)).sort()).toEqual([...expected].sort());
	expect(existsSync(join(user.project, "pwned"))).toBe(false);
});

test("a batch is offered by its id", async () => {
	user.write("nightly.json", '[{ "id": "of-batch", "prompt": "x", "delay": "1h" }]');
	await user.ok(["batch", "nightly.json"]);
	expect(await offered("batch", "status", "")).toEqual(["nightly"]);
	expect(await offered("batch", "wait", "x")).toEqual([]);
	await user.ok(["batch", "cancel", "nightly"]);
	await user.ok(["rm", "of-batch"]);
	expect(await offered("batch", "cancel", "nig")).toEqual([]);
});

test("each command is offered the tasks that it is for", async () => {
	await user.ok(["enqueue", "--id", "old-task", "--delay", "1h", "x"]);
	await user.ok(["cancel", "old-task"]);
	expect(await offered("retry", "")).toEqual(["old-task"]);
	expect(await offered("rm", "o")).toEqual(["old-task"]);
	expect(await offered("cancel", "o")).toEqual([]);
	expect(await offered("enqueue", "--after", "o")).toEqual(["old-task"]);
	expect(await offered("answer", "")).toEqual([]);
	await user.ok(["rm", "old-task"]);
});

test("of the tasks that have ended those with a report are offered for `output`, and their host", async () => {
	await user.ok(["enqueue", "--id", "with-report", "--model", "reports", "--wait", "x"]);
	expect(await offered("output", "")).toEqual(["with-report"]);
	const [{ host } = { host: "" }] = await user.json<{ host: string }[]>(["ls"]);
	expect(await offered("ls", "--host", "")).toEqual([host]);
	await user.ok(["rm", "with-report"]);
});

test("tasks with a worktree are offered for `diff` and `apply`, whatever words the others have", async () => {
	makeRepository(user.project, { "a.txt": "one\n" });
	await user.ok(["enqueue", "--id", "own-tree", "--worktree", "--delay", "1h", "x"]);
	await user.ok(["enqueue", "--id", "in-place", "--tag", "worktree={", "--delay", "1h", '"worktree":{}']);
	for (const command of ["diff", "apply"]) expect(await offered(command, "")).toEqual(["own-tree"]);
	await user.ok(["cancel", "own-tree", "in-place", "--yes"]);
	await user.ok(["rm", "own-tree", "in-place", "--yes"]);
});

describe("of more tasks than a shell shows", () => {
	const many = Array.from({ length: 5_000 }, (_, n) => `crowd-${n}`);
	let client: Redis;
	beforeAll(async () => {
		client = new Redis({ path: join(user.home, "redis/redis.sock") });
		const pipeline = client.pipeline();
		for (const [n, id] of many.entries()) {
			pipeline.zadd("{dispatch:default}:tasks", Date.now() + n, id);
			pipeline.hset(`{dispatch:default}:task:${id}`, "state", n < 3 ? "asking" : n < 6 ? "failed" : "queued");
		}
		await pipeline.exec();
	});
	afterAll(async () => {
		await client.zrem("{dispatch:default}:tasks", ...many);
		await client.del(many.map((id) => `{dispatch:default}:task:${id}`));
		client.disconnect();
	});

	test("an old one is offered once its name begins", async () => {
		expect(await offered("status", "review-l")).toEqual(["review-login"]);
		expect(await offered("status", "crowd-4999")).toEqual(["crowd-4999"]);
	});

	test("each command is offered those of its states alone", async () => {
		expect((await offered("answer", "")).sort()).toEqual(["crowd-0", "crowd-1", "crowd-2"]);
		expect((await offered("retry", "c")).sort()).toEqual(["crowd-3", "crowd-4", "crowd-5"]);
		expect(await offered("stop", "crowd-6", "crowd-6")).not.toContain("crowd-5");
	});

	test("behind a comma each command that takes several ids is offered the next one, by its states", async () => {
		const program = buildProgram({ env: {}, done: () => {} });
		const takers = program.commands.filter(({ registeredArguments: [first] }) =>
			/^ids?$/.test(first?.name() ?? ""),
		);
		const byCommas = takers.filter(({ registeredArguments: [first] }) =>
			first?.description.includes("commas"),
		);
		expect(byCommas.map((command) => command.name()).sort()).toEqual(
			["answer", "cancel", "note", "retry", "rm", "wait"].sort(),
		);
		for (const command of takers) {
			const found = await offered(command.name(), "crowd-0,cr");
			const takesSeveral = byCommas.includes(command);
			expect([command.name(), found.length > 0]).toEqual([command.name(), takesSeveral]);
			for (const each of found) expect(each).toMatch(/^crowd-0,crowd-/);
			expect(found).not.toContain("crowd-0,crowd-0");
		}
		// A Tab waits a second for Redis, and offers nothing after it: on a busy machine it is pressed again.
		await expect
			.poll(async () => (await offered("answer", "crowd-1,")).sort())
			.toEqual(["crowd-1,crowd-0", "crowd-1,crowd-2"]);
		await expect.poll(() => offered("rm", "crowd-3,crowd-4,")).toEqual(["crowd-3,crowd-4,crowd-5"]);
	});

	test("how they begin is offered, and every one of them stands behind a beginning", async () => {
		const beginnings = await offered("status", "crowd-");
		expect(beginnings.length).toBeGreaterThan(10);
		expect(beginnings.length).toBeLessThanOrEqual(200);
		expect(many.filter((id) => !beginnings.some((each) => id.startsWith(each)))).toEqual([]);
		expect((await offered("status", "crowd-49")).length).toBeGreaterThan(1);
		const { stdout } = await promisify(execFile)(
			"dispatch",
			["complete", "--", "stop", "crowd-10", "crowd-1"],
			{
				env,
			},
		);
		// crowd-1 and crowd-10 to crowd-1999, but for the one that stands in the line already.
		expect(stdout.split("\n")).toEqual(expect.arrayContaining(["crowd-1\tasking", "crowd-100\t11 tasks"]));
		expect(stdout).not.toMatch(/^crowd-10\t/m);
	});
});

test("no file is offered as an answer, and one is where a file may stand", async () => {
	writeFileSync(join(user.project, "zebra.txt"), "");
	const rc = join(user.path, "bashrc");
	writeFileSync(rc, "source <(dispatch completion bash)\nPS1='ready> '\n");
	const screen = new Screen(["bash", "--rcfile", rc, "-i"], {
		...{ columns: 100, rows: 20, cwd: user.project },
		env,
	});
	try {
		await screen.waitFor("ready>");
		screen.type("dispatch enqueue --plan ze");
		screen.keys("Tab");
		await screen.waitFor("--plan zebra.txt");
		screen.keys("C-u");
		screen.type("dispatch answer review-login ze");
		screen.keys("Tab");
		// The next word is typed once the shell has done with the Tab.
		screen.type("al");
		await screen.waitFor(/answer review-login ze(?:al|bra)/);
		expect(screen.text()).toContain("answer review-login zeal");
	} finally {
		screen.close();
	}
});

const has = (shell: string) =>
	(process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, shell)));

test.runIf(has("zsh"))("zsh lists the ids on its screen, and completes the only one", async () => {
	const rc = `autoload -Uz compinit && compinit -u -d ${join(user.path, "zdump")}\nsource <(dispatch completion zsh)\nPS1='ready> '\n`;
	user.write("../.zshrc", rc);
	const screen = new Screen(["zsh", "-i"], {
		columns: 100,
		rows: 20,
		cwd: user.project,
		env: { ...env, ZDOTDIR: user.path },
	});
	try {
		await screen.waitFor("ready>");
		screen.type("dispatch cancel rev");
		screen.keys("Tab");
		await screen.waitFor("dispatch cancel review-");
		screen.keys("Tab");
		await screen.waitFor(/review-login +review-api +-- queued/);
		screen.type("l");
		screen.keys("Tab");
		await screen.waitFor("dispatch cancel review-login");
		screen.keys("C-u");
		screen.type("dispatch cancel review-api,rev");
		screen.keys("Tab");
		await screen.waitFor("dispatch cancel review-api,review-login");
	} finally {
		screen.close();
	}
});

test.runIf(has("fish"))("fish completes ids, commands and options", async () => {
	const fish = async (line: string) => {
		const script = `dispatch completion fish | source; complete -C '${line}'`;
		const { stdout } = await promisify(execFile)("fish", ["--no-config", "-c", script], {
			env,
			cwd: user.project,
		});
		return stdout.split("\n").filter(Boolean).sort();
	};
	expect(await fish("dispatch cancel rev")).toEqual(["review-api\tqueued", "review-login\tqueued"]);
	expect(await fish("dispatch cancel review-api,rev")).toEqual(["review-api,review-login\tqueued"]);
	expect(await fish("dispatch enq")).toEqual([expect.stringMatching(/^enqueue\t/)]);
	expect(await fish("dispatch ls --state as")).toEqual(["asking"]);
	expect(await fish("dispatch answer review-login ")).toEqual([]);
});

/** The shell types what is offered into the line, and executes it at Enter. */
test("what is no id, or no plain word to a shell, is never offered", async () => {
	const client = new Redis({ path: join(user.home, "redis/redis.sock") });
	const hostile = [
		"zz$(touch pwned)",
		"zz`id`",
		"zz;id",
		"zz id",
		"zz&id",
		"zz|id",
		"zz\u001b[31m",
		"zz'",
		"zz\\",
		...["--any-host", "-rf", "..", "zz.x", "zz_x", "Zz", "zz--x", "zz-", "z".repeat(65), "z".repeat(3_000)],
	];
	for (const id of hostile) {
		await client.zadd("{dispatch:default}:tasks", Date.now(), id);
		await client.hset(`{dispatch:default}:task:${id}`, "state", "queued");
	}
	expect((await offered("status", "")).sort()).toEqual(["review-api", "review-login"]);
	await client.zrem("{dispatch:default}:tasks", ...hostile);
	client.disconnect();
	mkdirSync(join(user.project, ".dispatch/templates"), { recursive: true });
	writeFileSync(join(user.project, ".dispatch/templates/zz$(id).md"), "- [ ] x\n");
	expect(await offered("enqueue", "--template", "zz")).toEqual([]);
});

test("without a running Redis it offers no ids, and starts nothing", async () => {
	const fresh = { ...env, DISPATCH_HOME: join(user.path, "other") };
	const { stdout, stderr } = await promisify(execFile)("dispatch", ["complete", "--", "status", ""], {
		env: fresh,
	});
	expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
	expect(existsSync(join(user.path, "other", "redis", "redis.sock"))).toBe(false);
});
