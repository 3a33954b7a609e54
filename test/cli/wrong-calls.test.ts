/** Whatever is wrong, a user gets one line that says what and the next step, and the right exit code. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

let redis: TestRedis;
let user: User;
let fresh: User;

beforeAll(async () => {
	redis = await startTestRedis();
	user = new User({ redis: redis.url });
	fresh = new User();
	mkdirSync(join(user.project, "dir"));
	const files: Record<string, string> = {
		empty: "",
		"bad.yaml": "tasks: [\n",
		"key.yaml": "- prompt: x\n  promt: y\n",
		"none.json": "[]",
		"twice.yaml": "- { id: a, prompt: x }\n- { id: a, prompt: y }\n",
		"no-items.md": "Nothing to do.\n",
		"config.yaml": "default: a\nmodles: {}\n",
	};
	for (const [name, content] of Object.entries(files)) user.write(name, content);
	user.write("binary", "\u0000");
});
afterAll(async () => {
	await user.cleanup();
	await fresh.cleanup();
	await redis.stop();
});

interface Wrong {
	args: string[];
	code: number;
	says: RegExp;
	env?: Record<string, string>;
}

/** Every one ends before anything is written. */
const WRONG: Wrong[] = [
	{ args: ["--nope"], code: 2, says: /'--nope'.*--help/ },
	{ args: ["ls", "--nope"], code: 2, says: /'--nope'.*--help/ },
	{ args: ["stauts"], code: 2, says: /Did you mean `dispatch status`/ },
	{ args: ["help", "nosuch"], code: 2, says: /no help for "nosuch".*--help/ },
	{
		args: ["ls", "--redis", "redis://:a/b@h:6379"],
		code: 2,
		says: /--redis.*"redis:\/\/h:6379".*not encoded/,
	},
	{
		args: ["ls", "--redis", "redis://u:50%@h"],
		code: 2,
		says: /--redis.*"redis:\/\/h".*% that is not encoded/,
	},
	{
		args: ["ls"],
		env: { DISPATCH_REDIS_URL: "redis://h:99999" },
		code: 2,
		says: /DISPATCH_REDIS_URL.*1–65535/,
	},
	{ args: ["ls"], env: { DISPATCH_REDIS_URL: "redis://h:0" }, code: 2, says: /DISPATCH_REDIS_URL.*1–65535/ },
	{ args: ["ls"], env: { DISPATCH_REDIS_URL: "redis://h:abc" }, code: 2, says: /port must be/ },
	{ args: ["ls", "--redis", "redis://h/prod"], code: 2, says: /database must be a number/ },
	{ args: ["ls", "--redis", "redis://:6379"], code: 2, says: /names no host/ },
	{ args: ["ls", "--redis", "h:6379"], code: 2, says: /begins with none of redis:/ },
	{ args: ["ls", "--redis", "redis://ho st"], code: 2, says: /holds a blank/ },
	{ args: ["up", "--redis", "redis://:a#b@h"], code: 2, says: /--redis.*not encoded/ },
	...[
		[["batch", "list"], "batch ls"],
		[["batch", "show", "x"], "batch status"],
		[["batch", "logs", "x"], "batch status"],
		[["batch", "stauts", "x"], "batch status"],
		[["batch", "rerun"], "batch retry"],
		[["batch", "kill", "x"], "batch cancel"],
		[["hosts", "ls"], "hosts"],
		[["hosts", "list"], "hosts"],
		[["hosts", "cordon", "x"], "hosts drain"],
		[["hosts", "resmue", "x"], "hosts resume"],
	].map(([args, meant]) => ({
		args: args as string[],
		code: 2,
		says: new RegExp(
			`Unknown command "${(args as string[]).slice(0, 2).join(" ")}"\\. Did you mean \`dispatch ${meant}\``,
		),
	})),
	{ args: ["batch", "rm", "x"], code: 2, says: /Unknown command "batch rm"\. There is: ls, status, wait/ },
	{ args: ["batch", "bad.yaml", "key.yaml"], code: 2, says: /Too many arguments.*batch --help/i },
	{ args: ["hosts", "nosuch"], code: 6, says: /no host "nosuch"/ },
	{ args: ["ls", "extra"], code: 2, says: /Too many arguments.*--help/ },
	{ args: ["status", "a", "b"], code: 2, says: /Too many arguments/ },
	{ args: ["ls", "--limit", "-5"], code: 2, says: /--limit to be 1–\d+, got -5/ },
	{ args: ["ls", "--tag"], code: 2, says: /'--tag <k=v>' argument missing/ },
	{ args: ["status", "nosuch"], code: 6, says: /no task "nosuch".*dispatch ls/ },
	{ args: ["status", "../../etc/passwd"], code: 6, says: /no task ".*dispatch ls/ },
	{ args: ["rm", ""], code: 6, says: /no task "".*dispatch ls/ },
	{ args: ["cancel", "nosuch"], code: 6, says: /no task "nosuch"/ },
	...["cancel", "retry", "rm"].map((name) => ({
		args: [name, "nosuch", "also"],
		code: 6,
		says: /no task "nosuch"\. Nothing was done to the other ids\./,
	})),
	{
		args: ["--namespace", "x", "ls"],
		code: 2,
		says: /Unknown option '--namespace'\. .*`dispatch ls --help`/,
	},
	{
		args: ["--model=opus", "enqueue", "x"],
		code: 2,
		says: /Unknown option '--model'\. .*`dispatch enqueue --help`/,
	},
	{ args: ["--namespace", "x"], code: 2, says: /Unknown option '--namespace'\. `dispatch --help`/ },
	{ args: ["answer"], code: 2, says: /missing required argument 'id'.*dispatch answer --help/i },
	{ args: ["retry", "nosuch"], code: 6, says: /no task "nosuch"/ },
	{ args: ["answer", "nosuch", "yes"], code: 6, says: /no task "nosuch"/ },
	{ args: ["answer", "x", "yes", "--seq", "0"], code: 2, says: /--seq to be 1–\d+, got 0/ },
	{ args: ["logs", "x", "-n", "few"], code: 2, says: /got few/ },
	{ args: ["enqueue", "x", "--id", "Bad_Id"], code: 2, says: /"Bad_Id".*--id security-review/ },
	{ args: ["enqueue", "x", "--id", "../up"], code: 2, says: /"\.\.\/up"/ },
	{ args: ["enqueue", "x", "--item", "two\nlines"], code: 2, says: /one line of text, got "two\\nlines"/ },
	{ args: ["enqueue", "x", "--plan", "dir"], code: 2, says: /dir: it is a directory\..*file/ },
	{ args: ["enqueue", "x", "--plan", "no-items.md"], code: 2, says: /no items.*- \[ \]/ },
	{
		args: ["enqueue", "x", "--plan", "no-items.md", "--item", "y"],
		code: 2,
		says: /--plan or --item, got both/,
	},
	{ args: ["enqueue", "--prompt-file", "missing.md"], code: 2, says: /missing\.md: it does not exist/ },
	{ args: ["enqueue", "--prompt-file", "empty"], code: 2, says: /got an empty one.*for example/ },
	{ args: ["enqueue", "--prompt-file", "binary"], code: 2, says: /NUL character at position 0/ },
	{ args: ["enqueue", "-"], code: 2, says: /got an empty one/ },
	{ args: ["enqueue", "x", "--cwd", "empty"], code: 2, says: /it is not a directory.*--cwd/ },
	{ args: ["batch"], code: 2, says: /Missing required argument 'file'\. Usage: dispatch batch/ },
	{ args: ["batch", "missing.yaml"], code: 2, says: /missing\.yaml: it does not exist/ },
	{ args: ["batch", "dir"], code: 2, says: /dir: it is a directory/ },
	{ args: ["batch", "bad.yaml"], code: 2, says: /bad\.yaml:2:1: .*Nothing was enqueued/ },
	{ args: ["batch", "key.yaml"], code: 2, says: /key\.yaml:2:3: .*promt/ },
	{ args: ["batch", "empty"], code: 2, says: /empty:1:1: / },
	{ args: ["batch", "none.json"], code: 2, says: /there are no tasks/ },
	{
		args: ["batch", "twice.yaml"],
		code: 2,
		says: /twice\.yaml:2:\d+: .*"a" is the id of the task in line 1, too/,
	},
	{ args: ["wait", "--timeout", "5"], code: 2, says: /got "5".*10m/ },
	{ args: ["wait", "nosuch"], code: 6, says: /no task "nosuch"/ },
	{ args: ["web", "--port", "99999"], code: 2, says: /--port to be 0–65535, got 99999/ },
	{ args: ["worker", "--concurrency", "0"], code: 2, says: /--concurrency to be 1–\d+, got 0/ },
	{ args: ["demo", "--cwd", "nowhere"], code: 2, says: /nowhere/ },
	{ args: ["ls", "--redis", "nonsense"], code: 2, says: /got "nonsense".*redis:\/\// },
	{ args: ["ls", "--redis", "redis://127.0.0.1:1"], code: 5, says: /ECONNREFUSED 127\.0\.0\.1:1\..*--redis/ },
	{
		args: ["enqueue", "x"],
		env: { DISPATCH_CONFIG: "dir" },
		code: 2,
		says: /dir cannot be read: it is a directory/,
	},
	{
		args: ["enqueue", "x"],
		env: { DISPATCH_CONFIG: "config.yaml" },
		code: 2,
		says: /config\.yaml:2:1: .*modles/,
	},
	{ args: ["ls"], env: { DISPATCH_HOST_ID: "a b" }, code: 2, says: /DISPATCH_HOST_ID .*got "a b"/ },
	{
		args: ["ls"],
		env: { DISPATCH_HOME: "/proc/nowhere" },
		code: 1,
		says: /\/proc\/nowhere cannot be used.*'\. Give/,
	},
	{ args: ["enqueue", "x", "--timeout", "5m"], code: 2, says: /needs --wait or --follow\. Without them/ },
];

describe("a wrong call", () => {
	const named = WRONG.map(
		(wrong) => [`${JSON.stringify(wrong.args)} ${JSON.stringify(wrong.env ?? "")}`, wrong] as const,
	);
	test.concurrent.each(named)("%s", async (_name, { args, code, says, env = {} }) => {
		const ran = await user.run(args, { env });
		expect(ran.stdout).toBe("");
		expect(ran.stderr).toMatch(says);
		expect(ran.stderr).toMatch(/^dispatch: [^\n]{20,} \[DISPATCH_[A-Z_]+\]\n$/);
		expect(ran.stderr).not.toMatch(/\.\. |^\s+at /m);
		expect(ran.code).toBe(code);
	});

	test("starts nothing: no Redis, no worker, no files in the project", async () => {
		for (const args of [["enqueue", "x", "--id", "Bad_Id"], ["enqueue", "x", "--cwd", "nowhere"], ["lss"]])
			expect((await fresh.run(args)).code).toBe(2);
		expect(fresh.processes()).toEqual([]);
	});
});

test("a reader who has enough (`| head -1`) is no error", async () => {
	const child = spawn(process.execPath, [PROGRAM, "--help"], { env: user.env });
	child.stdout.destroy();
	const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
	expect([said, code]).toEqual(["", 0]);
});

test.each([
	["yes", "larger than 16 MiB"],
	["printf '\\377\\376a'", "stdin is no UTF-8 text"],
])("what `%s` hands over on stdin is refused as a file would be", async (writer, says) => {
	const line = `${writer} | "$0" "$1" enqueue -`;
	const shell = spawn("sh", ["-c", line, process.execPath, PROGRAM], { cwd: user.project, env: user.env });
	const [said, [code]] = await Promise.all([text(shell.stderr), once(shell, "close")]);
	expect(said).toMatch(/^dispatch: [^\n]+ \[DISPATCH_BAD_FILE\]\n$/);
	expect(said).toContain(says);
	expect(code).toBe(2);
});

test("of other content under a used key the hint names what gave the key: the option, or the entry's own line", async () => {
	const one = new User({ redis: redis.url, env: { DISPATCH_NAMESPACE: "keys" } });
	try {
		const put = (name: string, text: string, ...args: string[]) =>
			one.run(["batch", one.write(name, text), ...args]);
		await put("b.yaml", "- { prompt: x, delay: 1h }\n", "--key", "b1");
		const byOption = await put("b.yaml", "- { prompt: y, delay: 1h }\n", "--key", "b1");
		expect(byOption).toMatchObject({
			stderr: expect.stringContaining("Use another --key for other content."),
		});
		await put("own.yaml", "- { prompt: x, key: own, delay: 1h }\n");
		const byEntry = await put("own.yaml", "- { prompt: y, key: own, delay: 1h }\n", "--key", "b1");
		expect(byEntry).toMatchObject({
			stderr: expect.stringContaining("Use another `key:` for other content."),
		});
	} finally {
		await one.cleanup();
	}
});
