/** Tab completion, asked for by a real bash with the script that the user sources. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";

let user: User;
let env: Record<string, string>;
beforeAll(async () => {
	user = new User({ agent: "records-args.sh", config: "aliases: { reviewer: { model: fake } }" });
	const bin = join(user.path, "bin");
	mkdirSync(bin);
	writeFileSync(join(bin, "dispatch"), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
		mode: 0o755,
	});
	env = { ...user.env, PATH: `${bin}:${user.env.PATH}` };
	await user.ok(["enqueue", "--id", "review-login", "--delay", "1h", "x"]);
	await user.ok(["enqueue", "--id", "review-api", "--delay", "1h", "x"]);
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
		["reviewer", "fake"],
	],
	[["config", "set-default", "rev"], ["reviewer"]],
	[["ls", "--state", "as"], ["asking"]],
	[
		["--json", "status", "rev"],
		["review-api", "review-login"],
	],
	[["cancel", "review-api", "review-l"], ["review-login"]],
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

test("each command is offered the tasks that it is for", async () => {
	await user.ok(["enqueue", "--id", "old-task", "--delay", "1h", "x"]);
	await user.ok(["cancel", "old-task"]);
	expect(await offered("retry", "")).toEqual(["old-task"]);
	expect(await offered("rm", "o")).toEqual(["old-task"]);
	expect(await offered("cancel", "o")).toEqual([]);
	expect(await offered("answer", "")).toEqual([]);
	await user.ok(["rm", "old-task"]);
});

test("an old task among many is offered once its name begins", async () => {
	const client = new Redis({ path: join(user.home, "redis/redis.sock") });
	const many = Array.from({ length: 600 }, (_, n) => `crowd-${n}`);
	const pipeline = client.pipeline();
	for (const [n, id] of many.entries()) {
		pipeline.zadd("{dispatch:default}:tasks", Date.now() + n, id);
		pipeline.hset(`{dispatch:default}:task:${id}`, "state", "queued");
	}
	await pipeline.exec();
	expect(await offered("status", "review-l")).toEqual(["review-login"]);
	expect((await offered("status", "crowd-")).length).toBe(200);
	await client.zrem("{dispatch:default}:tasks", ...many);
	await client.del(many.map((id) => `{dispatch:default}:task:${id}`));
	client.disconnect();
});

/** The shell types what is offered into the line, and executes it at Enter. */
test("a word that a shell would not take as one plain word is never offered", async () => {
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
	];
	for (const id of hostile) {
		await client.zadd("{dispatch:default}:tasks", Date.now(), id);
		await client.hset(`{dispatch:default}:task:${id}`, "state", "queued");
	}
	expect(await offered("status", "zz")).toEqual([]);
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
