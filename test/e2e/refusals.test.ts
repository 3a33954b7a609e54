/** A Redis that is there and refuses: it loads, a script blocks it, it cannot write, the user's rights were taken away. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { RefusingRedis } from "../refusing-redis.ts";
import { PROGRAM, User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";

const REFUSALS = [
	"LOADING Redis is loading the dataset in memory",
	"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
	"UNKILLABLE Sorry the script already executed write commands against the dataset.",
	"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
	"NOREPLICAS Not enough good replicas to write.",
	"CLUSTERDOWN The cluster is down",
	"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
	"NOAUTH Authentication required.",
	"WRONGPASS invalid username-password pair or user is disabled.",
	"NOPERM this user has no permissions to run the 'evalsha' command",
	"ERR max number of clients reached",
];
/** A connection that only asks whether the server is there sends fewer. */
const COMMANDS = 8;

let redis: TestRedis;
let proxy: RefusingRedis;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	proxy = new RefusingRedis(redis.socketPath);
	await proxy.start();
	user = new User({ redis: proxy.url });
});
afterAll(async () => {
	proxy.errors = [];
	await user.cleanup();
	await proxy.stop();
	await redis.stop();
});

interface Running {
	command: ChildProcess;
	/** so far */
	said(): string;
	ended: Promise<unknown[]>;
}

/** @returns when it is past its start: one that is refused there ends */
async function running(...args: string[]): Promise<Running> {
	const before = proxy.joined;
	const command = user.start(args);
	const parts: Buffer[] = [];
	for (const stream of [command.stdout, command.stderr])
		stream?.on("data", (part: Buffer) => parts.push(Buffer.from(part)));
	const ended = once(command, "close");
	await expect.poll(() => proxy.clients(COMMANDS, before)).toBeGreaterThan(0);
	return { command, said: () => Buffer.concat(parts).toString(), ended };
}

test("the worker, and all that waits or follows, goes on when it is over: nothing is lost or counted", async () => {
	const cursor = join(user.path, "cursor");
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	// The question is told before: next comes the end.
	await user.ok(["wait", "--any", "--for", "question", "--cursor", cursor], { code: 3 });
	const daemon = user.daemonPid();
	const following = [
		await running("wait", "t", "--timeout", "10m"),
		await running("wait", "t", "--cursor", cursor, "--timeout", "10m"),
		await running("logs", "-f", "t"),
		await running("logs", "-f", "--events", "t"),
	];
	const watching = await running("watch");
	const refused = proxy.refused;
	proxy.errors = REFUSALS;
	// Each of them meets each refusal several times.
	await expect.poll(() => proxy.refused, { timeout: 3 * CONDITION_LIMIT_MS }).toBeGreaterThan(refused + 400);
	proxy.errors = [];
	await user.ok(["answer", "t", "blue"]);
	expect(await user.taskInState("t", "completed")).toMatchObject({ attempt: 1, epoch: 1 });
	expect(user.daemonPid()).toBe(daemon);
	for (const each of following) {
		const [code] = await each.ended;
		expect(code, each.said()).toBe(0);
	}
	expect(following[1]?.said()).toContain("complete");
	await expect.poll(() => watching.said()).toContain("completed");
	watching.command.kill("SIGINT");
	await watching.ended;
});

test("a command that is refused says why, in one line, and that it may be tried again", async () => {
	for (const refusal of ["BUSY Redis is busy running a script.", "NOREPLICAS Not enough good replicas."]) {
		proxy.errors = [refusal];
		for (const args of [["ls"], ["answer", "t", "blue"], ["up"]]) {
			const { code, stderr } = await user.run(args);
			expect(code, stderr).toBe(5);
			expect(stderr.trimEnd().split("\n")).toEqual([expect.stringContaining(refusal.split(".")[0] ?? "")]);
			expect(stderr).toMatch(/refuses: .* try again .*\[DISPATCH_REDIS_UNREACHABLE\]/);
		}
	}
	proxy.errors = [];
});

/** How many commands the busiest connection has sent, of those made after the first `after`. */
function sentSince(after: number): number {
	let sent = 0;
	while (proxy.clients(sent + 1, after) > 0) sent += 1;
	return sent;
}

test("inbox goes on when it is over, and Ctrl-C ends it while nobody answers", async () => {
	const before = proxy.joined;
	const words = [process.execPath, PROGRAM, "inbox"];
	const screen = new Screen(words, { columns: 80, rows: 24, cwd: user.project, env: user.env });
	try {
		await screen.waitFor("No open questions.");
		proxy.errors = REFUSALS;
		const sent = sentSince(before) + 2 * REFUSALS.length;
		await expect.poll(() => proxy.clients(sent, before)).toBeGreaterThan(0);
		proxy.errors = [];
		await user.ok(["enqueue", "--id", "later", "Do it"]);
		await screen.waitFor("later asks (001)");
		await user.ok(["answer", "later", "blue"]);
		await screen.waitFor("Somebody else answered later meanwhile.");
		await user.waitForState("later", "completed");
		const asked = sentSince(before) + 1;
		process.kill(redis.pid, "SIGSTOP");
		await expect.poll(() => proxy.clients(asked, before)).toBeGreaterThan(0);
		screen.keys("C-c");
		await screen.waitFor("ended with 130");
	} finally {
		process.kill(redis.pid, "SIGCONT");
		proxy.errors = [];
		screen.close();
	}
});

test("a time limit holds while the server reads its data, which may take longer", async () => {
	proxy.errors = ["LOADING Redis is loading the dataset in memory"];
	// Without a limit a command waits for that: the one with a limit has ended long before.
	const patient = user.run(["status", "t"]);
	let isOver = false;
	void patient.then(() => {
		isOver = true;
	});
	const client = await hostAgentOf(user);
	const calling = client.callTool({ name: "wait", arguments: { timeoutSeconds: 3 } });
	const { code, stderr } = await user.run(["wait", "t", "--timeout", "3s"]);
	const told = await calling;
	await client.close();
	expect([code, isOver], stderr).toEqual([4, false]);
	const text = expect.stringContaining("Redis does not answer");
	expect(told).toMatchObject({ isError: true, content: [{ text }] });
	expect((await patient).code).toBe(5);
	proxy.errors = [];
});
