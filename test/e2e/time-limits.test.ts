/** Every command that waits, under memory pressure and over a crash of Redis: 25 s are 25 s. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import { TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";

const COLLECTING = {
	NODE_OPTIONS: `--require ${join(import.meta.dirname, "../fixtures/collect-garbage.cjs")}`,
};
/** node loses an AbortSignal's timer somewhere between 15 and 20 s. */
const LIMIT_S = 25;
/** The end of each process by its own clock, beside the garbage collector's `--require`. */
const CLOCK = `--require ${join(import.meta.dirname, "../fixtures/tells-its-end.cjs")}`;
const QUIET_MS = 2_000;
/** Those that submit first have two each. */
const CLIENTS_OF_ALL = 11;

let redis: TestRedis;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis({ port: true });
	user = new User({ agent: "stuck.sh", redis: redis.url });
	await user.ok(["enqueue", "--id", "long", "Work"]);
	await user.waitForState("long", "running");
});
afterAll(async () => {
	await user.cleanup();
	await redis.stop();
});

test(`a limit of ${LIMIT_S} s comes, though garbage is collected and Redis crashes meanwhile`, async () => {
	const tasks = user.write("tasks.yaml", "- { id: b1, prompt: Work }\n- { id: b2, prompt: Work }\n");
	const limit = ["--timeout", `${LIMIT_S}s`];
	const commands = [
		["wait", "long", ...limit],
		["wait", "--any", "--for", "question", "--cursor", join(user.path, "seen.json"), ...limit],
		["enqueue", "Wait for me", "--wait", ...limit],
		["enqueue", "Follow me", "--follow", ...limit],
		["batch", tasks, "--wait", ...limit],
	];
	const timed = async (args: string[], n: number) => {
		const clock = join(user.path, `clock-${n}`);
		const NODE_OPTIONS = `${COLLECTING.NODE_OPTIONS} ${CLOCK}`;
		const ran = await user.run(args, { env: { NODE_OPTIONS, TELL_END: clock } });
		return { ...ran, tookMs: Number(readFileSync(clock, "utf8")) };
	};
	const client = await hostAgentOf(user, COLLECTING);
	await client.callTool({ name: "wait", arguments: { timeoutSeconds: 0 } });
	const before = await clients();
	const ends = commands.map(timed);
	// Of two limits the shorter one comes first: this one is twice as long.
	const longer = timed(["wait", "long", "--timeout", `${2 * LIMIT_S}s`], commands.length);
	const told = client.callTool({ name: "wait", arguments: { timeoutSeconds: LIMIT_S } }, undefined, {
		timeout: TEST_LIMIT_MS,
	});
	await untilAllWait(before, Promise.allSettled(ends));
	await redis.restart();
	for (const [n, end] of [...ends, longer].entries())
		expect(await end, `${commands[n]?.join(" ")}`).toMatchObject({
			code: 4,
			stderr: expect.stringContaining("[DISPATCH_TIMED_OUT]"),
		});
	const tookMs = (await Promise.all(ends)).map((end) => end.tookMs);
	const longerMs = (await longer).tookMs;
	expect(Math.min(...tookMs)).toBeGreaterThanOrEqual(LIMIT_S * 1_000);
	expect(Math.max(...tookMs)).toBeLessThan(longerMs);
	expect(longerMs).toBeGreaterThanOrEqual(2 * LIMIT_S * 1_000);
	const reply = await told;
	expect(reply.structuredContent, JSON.stringify(reply.content)).toMatchObject({
		event: null,
		message: "Nothing new yet.",
	});
	await client.close();
});

/** The numbers of the clients that Redis has, this look's own left out. */
async function clients(): Promise<number[]> {
	const store = await openStore({ target: redis.target, namespace: "default", role: "command" });
	const own = Number(await store.client.client("ID"));
	const ids = [...`${await store.client.client("LIST")}`.matchAll(/^id=(\d+)/gm)].map((found) =>
		Number(found[1]),
	);
	await store.close();
	return ids.filter((id) => id !== own);
}

/**
 * All of them wait, or did, where a slow machine starts the last one when the limit of the first has come: one that
 * only just connects may say that Redis is away.
 */
async function untilAllWait(before: readonly number[], allEnded: Promise<unknown>): Promise<void> {
	const known = new Set(before);
	let over = false;
	void allEnded.then(() => {
		over = true;
	});
	for (let quiet = false; !over && (!quiet || known.size < before.length + CLIENTS_OF_ALL); ) {
		await sleep(QUIET_MS);
		const more = (await clients()).filter((id) => !known.has(id));
		for (const id of more) known.add(id);
		quiet = more.length === 0;
	}
}

test("a limit counts from the start of the process, and what takes longer to load looks once all the same", async () => {
	const env = {
		NODE_OPTIONS: `--require ${join(import.meta.dirname, "../fixtures/started-an-hour-ago.cjs")}`,
	};
	const tasks = user.write("late.yaml", "- { id: l1, prompt: Work }\n");
	const limit = ["--timeout", "30m"];
	for (const args of [
		["wait", "long", ...limit],
		["wait", "--any", "--for", "question", "--cursor", join(user.path, "late.json"), ...limit],
		["enqueue", "Wait for me", "--wait", ...limit],
		["enqueue", "Follow me", "--follow", ...limit],
		["batch", tasks, "--wait", ...limit],
	])
		expect(await user.run(args, { env }), args.join(" ")).toMatchObject({
			code: 4,
			stderr: expect.stringContaining("[DISPATCH_TIMED_OUT]"),
		});
});

test("logs -f and --follow go on over a crash of Redis", async () => {
	const mine = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "other" } });
	const agent = mine.write(
		"slow.sh",
		`#!/bin/sh
cd ".dispatch/tasks/$DISPATCH_TASK" || exit 1
printf '# S\\n\\n- [ ] Wait\\n' >plan.md; echo "line one"
while [ ! -e go ]; do sleep 0.2; done
echo "line two"; printf '# S\\n\\n- [x] Wait\\n' >plan.md; : >ipc/.done\n`,
		0o755,
	);
	await mine.ok(["config", "add-backend", "slow", "--command", agent, "--type", "command"]);
	const follow = mine.start(["enqueue", "--id", "slow", "--model", "slow", "--follow", "Work"]);
	if (follow.stdout !== null) await once(follow.stdout, "readable");
	await mine.waitForState("slow", "running");
	const logs = mine.start(["logs", "-f", "slow"]);
	const seen = [follow, logs].map((child) => {
		let text = "";
		child.stdout?.on("data", (chunk) => {
			text += String(chunk);
		});
		return { child, text: () => text };
	});
	for (const { text } of seen) await expect.poll(text).toContain("line one");
	const ends = seen.map(async ({ child }) => (await once(child, "exit"))[0] as number);
	await redis.restart();
	mine.write(".dispatch/tasks/slow/go", "");
	expect(await Promise.all(ends)).toEqual([0, 0]);
	for (const { text } of seen) expect(text()).toContain("line two");
	await mine.cleanup();
});

test("watch goes on over a crash of Redis, and ends at Ctrl-C though Redis is away", async () => {
	const watching = user.start(["watch"], { env: COLLECTING });
	let text = "";
	watching.stdout?.on("data", (chunk) => {
		text += String(chunk);
	});
	const ended = once(watching, "exit");
	const shows = (id: string) => expect.poll(() => text).toContain(id);
	await shows("long");
	await redis.restart();
	await user.ok(["enqueue", "--id", "after-the-crash", "--delay", "1h", "Work"]);
	await shows("after-the-crash");
	await redis.kill9();
	watching.kill("SIGINT");
	expect(await ended).toEqual([0, null]);
	await redis.start();
});
