/** A local Redis that is there and says nothing (SIGSTOP): each command ends when it said that it would, and says why. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program/program.ts";
import { Screen } from "../cli/tmux.ts";
import { PROGRAM, User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";

const LIMIT = ["--timeout", "3s"];
/** Without it, this is how a command gives up. */
const OWN_LIMIT = /did not answer within \d+ s/;

const NOTHING_SENT = [5, "Redis did not answer within --timeout.", "Nothing was submitted."] as const;
const NOT_SEEN = [4, "Redis does not answer.", "Agents run on"] as const;
/** Every command with a time limit; `ask` works on files alone. */
const TABLE = [
	["wait", "wait long", NOT_SEEN],
	["wait", "wait", NOT_SEEN],
	["wait", "wait --any --cursor seen.json", NOT_SEEN],
	["wait", "wait long --for question", NOT_SEEN],
	["batch wait", "batch wait nightly", NOT_SEEN],
	["hosts drain", "hosts drain here --wait", NOT_SEEN],
	["enqueue", "enqueue More --wait", NOTHING_SENT],
	["enqueue", "enqueue More --follow", NOTHING_SENT],
	["run", "run More", NOTHING_SENT],
	["batch", "batch tasks.json --wait", NOTHING_SENT],
] as const;

let user: User;
let redisPid: number;
beforeAll(async () => {
	user = new User({ agent: "busy.sh", env: { DISPATCH_HOST_ID: "here" } });
	user.write("tasks.json", JSON.stringify([{ id: "b", prompt: "Work" }]));
	await user.ok(["enqueue", "--id", "long", "Work"]);
	await user.waitForState("long", "running");
	redisPid = Number(readFileSync(join(user.home, "redis/redis.pid"), "utf8"));
	process.kill(redisPid, "SIGSTOP");
});
afterAll(() => user.cleanup());

test.concurrent.each(TABLE)("%s: `%s` ends within its --timeout", async (_, line, [code, message, hint]) => {
	const ran = await user.run([...line.split(" "), ...LIMIT]);
	expect(ran).toMatchObject({ code, stderr: expect.stringContaining(message) });
	expect(ran.stderr).toContain(hint);
	expect(ran.stderr).not.toMatch(OWN_LIMIT);
});

test.concurrent("no command with a time limit is missing above", () => {
	const limited = (command: Command, before: string): string[] => [
		...(command.options.some(({ long }) => long === "--timeout") ? [before] : []),
		...command.commands.flatMap((sub) => limited(sub, `${before} ${sub.name()}`.trim())),
	];
	const all = limited(buildProgram({ env: {}, done: () => {} }), "");
	expect(all.sort()).toEqual([...new Set(["ask", ...TABLE.map(([name]) => name)])].sort());
});

test.concurrent("the MCP tool `wait` ends within its time, and says why", async () => {
	const client = await hostAgentOf(user);
	const reply = await client.callTool({ name: "wait", arguments: { timeoutSeconds: 3 } });
	expect(JSON.stringify(reply.content)).toContain("Redis does not answer");
	await client.close();
});

test("whoever looks is told that Redis says nothing, before the command gives up", async () => {
	const size = { columns: 80, rows: 24 };
	const screen = new Screen([process.execPath, PROGRAM, "ls"], { ...size, cwd: user.project, env: user.env });
	try {
		await screen.waitFor("Redis does not answer yet");
		await screen.waitFor("ended with 5");
		expect(screen.text()).not.toContain("does not answer yet");
	} finally {
		screen.close();
	}
});

test.concurrent("commands without a time limit and doctor give the same reason and the same way out", async () => {
	const [listed, looked] = await Promise.all([user.run(["ls"]), user.run(["doctor"])]);
	expect(listed.code).toBe(5);
	for (const said of [listed.stderr, looked.stdout]) {
		expect(said).toMatch(OWN_LIMIT);
		expect(said.replace(/\s+/g, " ")).toContain(
			`It is process ${redisPid}. If it is stopped, \`kill -CONT ${redisPid}\`; else \`dispatch down\` ends it`,
		);
	}
});
