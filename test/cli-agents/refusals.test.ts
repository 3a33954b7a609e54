/** The real CLIs while their service is away, lives on in the background, or is killed: what dispatch makes of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Script, Turn } from "../fixtures/model-server/conversation.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { killIfThere } from "../processes.ts";
import { prepare } from "./prepare.ts";
import { INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

const WORK = protocolScript({ items: ["Do it"], question: null, report: "Done." });
/** So that the CLIs do not try again by themselves: each start meets the refusal once. */
const ONCE = { "x-should-retry": "false" };
const withoutRetries = (line: string) =>
	line.replace('wire_api="responses"', 'wire_api="responses",request_max_retries=0,stream_max_retries=0');

/** By hand as long as it was seen to be cut off: BACKGROUND_S=90. */
const BACKGROUND_S = Number(process.env.BACKGROUND_S ?? 12);

/** Waits between two starts, cut to this, stand for an outage of minutes. */
const QUICK = { DISPATCH_MAX_BACKOFF_MS: "1000" };

describe.each(["claude", "codex"] as const)("%s", (kind) => {
	const away: Turn[] = [503, 500].map((status) => ({
		status,
		message: "Service Unavailable",
		headers: ONCE,
	}));
	const unknown: Turn = { status: 400, message: "The frobnicator says no", headers: ONCE };
	test.each([
		["its service is away", away],
		["its service refuses in words that nobody has seen", [unknown, unknown]],
	])("%s: it waits, completes, and no attempt is charged", async (_what, refusals) => {
		// claude sends a request that was refused with 400 a few times more, changed.
		const turns = Array.from({ length: kind === "claude" ? 6 : 2 }, () => refusals).flat();
		const script: Script = (conversation) => turns.shift() ?? WORK(conversation);
		const { user } = await prepare(kind, { script, env: QUICK, command: withoutRetries });
		await user.ok(["enqueue", "--id", "job", "--attempts", "1", "Do it"]);
		await user.ok(["wait", "job", "--timeout", "200s"]);
		const done = await user.taskInState("job", "completed");
		expect(done.attempt).toBe(1);
		expect(done.epoch).toBeGreaterThan(1);
	});

	test("a session that is full becomes a new one, as the next attempt", async () => {
		const full: Turn =
			kind === "claude"
				? { status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum", headers: ONCE }
				: { status: 400, message: "Too long", details: { code: "context_length_exceeded" } };
		// Every request of the first session meets it, a resumed one as well.
		let first: string | undefined;
		const script: Script = (conversation) => {
			first ??= conversation.userTexts.at(-1);
			return conversation.userTexts.includes(first ?? "") ? full : WORK(conversation);
		};
		const { user } = await prepare(kind, { script, env: QUICK, command: withoutRetries });
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		await user.ok(["wait", "job", "--timeout", "200s"]);
		expect(await user.taskInState("job", "completed")).toMatchObject({ attempt: 2, epoch: 2 });
	});
});

describe("claude", () => {
	test("its word is not the end while a background command lives, and status says what it waits for", async () => {
		const script: Script = (conversation) => {
			const { toolCalls, userTexts } = conversation;
			if (toolCalls.length === 0) {
				const input = {
					command: `sleep ${BACKGROUND_S}`,
					description: "Long check",
					run_in_background: true,
				};
				return { tool: "Bash", input };
			}
			if (!userTexts.some((text) => text.includes("<task-notification>"))) return { text: "I wait for it." };
			return WORK(conversation);
		};
		const { user } = await prepare("claude", { script, env: { DISPATCH_DONE_GRACE_MS: "8000" } });
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		const activity = async () => (await user.json<{ activity: string | null }>(["status", "job"])).activity;
		await expect.poll(activity).toBe("waits for a background command: Long check");
		await user.ok(["wait", "job", "--timeout", `${BACKGROUND_S + 100}s`]);
		expect(await user.taskInState("job", "completed")).toMatchObject({ attempt: 1, epoch: 1 });
		expect(await user.ok(["logs", "job"])).not.toMatch(/^\{/m);
	});

	test("a tool that it may not use is in the log as such", async () => {
		const script: Script = (conversation) =>
			conversation.toolCalls.length === 0 ? { bash: "touch forbidden" } : { text: "I may not." };
		const { user } = await prepare("claude", { script, permissions: "read_only" });
		await user.ok(["enqueue", "--id", "job", "--attempts", "1", "Do it"]);
		expect((await user.taskInState("job", "failed")).reason).toBe("incomplete");
		const log = await user.ok(["logs", "job"]);
		expect(log.match(/not permitted, so not run: Bash: touch forbidden/g)).toHaveLength(1);
		expect(existsSync(join(user.project, "forbidden"))).toBe(false);
	});

	test("inside a tool call it prints heartbeats, and is stuck all the same", async () => {
		const script: Script = (conversation) =>
			conversation.toolCalls.length === 0 ? { bash: "tail -f /dev/null" } : { text: "Never." };
		const { user } = await prepare("claude", { script, config: ["limits: { inactivity: 40s }"] });
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		await user.ok(["wait", "job", "--timeout", "150s"], { code: 1 });
		expect((await user.taskInState("job", "failed")).reason).toBe("stuck");
		expect(await user.ok(["logs", "job", "--raw"])).toContain('"tool_progress"');
		expect(await user.ok(["logs", "job"])).not.toMatch(/tool_progress|^\{/m);
	});

	test("killed with -9: what its turns cost is known to the cent", async () => {
		// $10 per million output tokens and $2 for input, by the CLI's own table: $0.04 a turn.
		const costly = { outputTokens: 3_980 };
		let sleeping = false;
		const script: Script = (conversation) => {
			if (conversation.toolCalls.length < 3) return { bash: "true", ...costly };
			if (sleeping) return { ...WORK(conversation), ...costly } as Turn;
			sleeping = true;
			return { bash: "tail -f /dev/null", ...costly };
		};
		const { user } = await prepare("claude", { script, env: QUICK });
		const spent = async () => {
			const { usage } = await user.json<{ usage: { costUsd: number } | null }>(["status", "job"]);
			return usage?.costUsd ?? 0;
		};
		await user.ok(["enqueue", "--id", "job", "--budget", "5", "Do it"]);
		await expect.poll(spent).toBeCloseTo(0.16, 3);
		for (const { pid, run } of user.processes()) if (run !== null) killIfThere(pid);
		await user.waitForState("job", "queued", "running");
		expect(await spent()).toBeGreaterThan(0.159);
	});
});
