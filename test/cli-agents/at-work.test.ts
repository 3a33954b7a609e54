/** The real claude that lives on in the background, may not do what it wants, is stuck, or is killed: what dispatch makes of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Script, Turn } from "../fixtures/model-server/conversation.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { killIfThere } from "../processes.ts";
import { prepare } from "./prepare.ts";
import { INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

const WORK = protocolScript({ items: ["Do it"], question: null, report: "Done." });

/** By hand as long as it was seen to be cut off: BACKGROUND_S=90. */
const BACKGROUND_S = Number(process.env.BACKGROUND_S ?? 12);

/** Waits between two starts, cut to this, stand for an outage of minutes. */
const QUICK = { DISPATCH_MAX_BACKOFF_MS: "1000" };

test("claude: its word is not the end while a background command lives, and status says what it waits for", async () => {
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

test("claude: a tool that it may not use is in the log as such", async () => {
	const script: Script = (conversation) =>
		conversation.toolCalls.length === 0 ? { bash: "touch forbidden" } : { text: "I may not." };
	const { user } = await prepare("claude", { script, permissions: "read_only" });
	await user.ok(["enqueue", "--id", "job", "--attempts", "1", "Do it"]);
	expect((await user.taskInState("job", "failed")).reason).toBe("incomplete");
	const log = await user.ok(["logs", "job"]);
	expect(log.match(/not permitted, so not run: Bash: touch forbidden/g)).toHaveLength(1);
	expect(existsSync(join(user.project, "forbidden"))).toBe(false);
});

test("claude: inside a tool call it prints heartbeats, and is stuck all the same", async () => {
	const script: Script = (conversation) =>
		conversation.toolCalls.length === 0 ? { bash: "tail -f /dev/null" } : { text: "Never." };
	const { user } = await prepare("claude", { script, config: ["limits: { inactivity: 40s }"] });
	await user.ok(["enqueue", "--id", "job", "Do it"]);
	await user.ok(["wait", "job", "--timeout", "150s"], { code: 1 });
	expect((await user.taskInState("job", "failed")).reason).toBe("stuck");
	expect(await user.ok(["logs", "job", "--raw"])).toContain('"tool_progress"');
	expect(await user.ok(["logs", "job"])).not.toMatch(/tool_progress|^\{/m);
});

test("claude: killed with -9: what its turns cost is known to the cent", async () => {
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
