/** The real CLIs do the whole job through dispatch, on a scripted model on loopback. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { User } from "../e2e/harness.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { killIfThere } from "../processes.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { type CliKind, INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

const QUESTION = 'Which of the two, "old" or "new"?';
const REPORT = "One finding.";
/** Words of no other test, which run beside this one. */
const PROMPT = '- Review it: "$(touch pwned-through-dispatch)" `x`';
const SCRIPT = protocolScript({
	items: ["Read the code", "Write the report"],
	question: QUESTION,
	report: REPORT,
});

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

const usual = (kind: CliKind, options: Partial<Prepared> = {}) =>
	prepare(kind, { script: SCRIPT, ...options });

/** All that the CLI keeps of its sessions. */
function transcript(user: User): string {
	const home = join(user.path, "cli-home");
	return readdirSync(home, { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".jsonl"))
		.map((name) => readFileSync(join(home, name), "utf8"))
		.join("\n");
}

const agents = (user: User) => user.processes().filter(({ run }) => run !== null);

describe.each(["claude", "codex"] as const)("the real %s through dispatch", (kind) => {
	test("asks, gets the answer of a person, and completes with plan and report", async () => {
		const { user, server } = await usual(kind);
		await user.ok(["enqueue", "--id", "job", "--", PROMPT]);
		const asking = await user.taskInState("job", "asking");
		expect(asking.questions.map(({ text }) => text)).toEqual([QUESTION]);
		expect(asking.sessionId).toEqual(expect.any(String));
		const lines = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" }).stdout;
		expect(lines).toContain("/job/prompt.md");
		expect(lines).not.toContain("pwned-through-dispatch");
		await user.ok(["answer", "job", "The new one."]);
		const done = await user.taskInState("job", "completed");
		expect(done).toMatchObject({ attempt: 1, plan: { done: 2, total: 2 } });
		expect(done.questions[0]?.deliveredAt).toEqual(expect.any(String));
		expect((await user.ok(["output", "job"])).trim()).toBe(REPORT);
		expect(await user.ok(["logs", "job"])).toMatch(/› (?:Bash|Shell): /);
		const status = await user.json<object>(["status", "job"]);
		expect(status).toMatchObject({ usage: { inputTokens: expect.any(Number) } });
		const last = server.requests.at(-1)?.conversation;
		expect(last?.userTexts.some((text) => text.includes(PROMPT))).toBe(true);
		expect(last?.toolCalls.map((call) => call.output).join("\n")).toContain("ANSWER: The new one.");
	});

	test("a worker killed with -9 while it waits: the same agent goes on, attempt 1", async () => {
		const { user } = await usual(kind);
		await user.ok(["enqueue", "--id", "job", "Review it"]);
		await user.waitForState("job", "asking");
		const before = agents(user).map(({ pid }) => pid);
		process.kill(user.daemonPid() ?? 0, "SIGKILL");
		await user.ok(["up"]);
		expect(agents(user).map(({ pid }) => pid)).toEqual(expect.arrayContaining(before.slice(0, 1)));
		await user.ok(["answer", "job", "The new one."]);
		expect(await user.taskInState("job", "completed")).toMatchObject({ attempt: 1, epoch: 1 });
	});

	test("an agent killed with -9: the next attempt resumes its session with the whole conversation", async () => {
		const { user, server } = await usual(kind);
		await user.ok(["enqueue", "--id", "job", "Review it"]);
		const asking = await user.taskInState("job", "asking");
		// The step after the question is on its way: the question's own result is in the conversation.
		const askedFor = () =>
			server.requests
				.at(-1)
				?.conversation?.toolCalls.map(({ output }) => output)
				.join("\n") ?? "";
		await expect.poll(askedFor).toContain("DONE ask");
		// What the CLI has sent it may still be writing down.
		await expect.poll(() => transcript(user)).toMatch(/(?<!\\)"DONE ask"|DONE ask\\+n/);
		for (const { pid } of agents(user)) killIfThere(pid);
		await user.waitForState("job", "parked", "queued");
		const before = server.requests.length;
		await user.ok(["answer", "job", "The new one."]);
		const done = await user.taskInState("job", "completed");
		expect(done).toMatchObject({ epoch: 2, sessionId: asking.sessionId });
		const resumed = server.requests[before]?.conversation;
		expect(resumed?.toolCalls.map((call) => call.output).join("\n")).toContain("DONE ask");
		expect((await user.ok(["output", "job"])).trim()).toBe(REPORT);
	});
});
