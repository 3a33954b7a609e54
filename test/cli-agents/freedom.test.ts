/** What the real CLIs may do, spend and see under dispatch's config. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Conversation, Script, Turn } from "../fixtures/model-server/conversation.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { prepare } from "./prepare.ts";
import { INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

const WORK = protocolScript({ items: ["Do it"], question: null, report: "Done." });

const taskDir = ({ userTexts }: Conversation) =>
	/\.dispatch\/tasks\/[a-z0-9-]+/.exec(userTexts.join("\n"))?.[0] ?? "";

/** One turn after the other, then the end. */
function turns(list: (conversation: Conversation) => Turn[]): Script {
	return (conversation) => list(conversation)[conversation.toolCalls.length] ?? { text: "I have looked." };
}

function writeFile(file_path: string, content = "x\n"): Turn {
	return { tool: "Write", input: { file_path, content } };
}

/** Tries a command and an edit of the project, asks, and writes its plan. */
const TRESPASSER = turns((conversation) => [
	{ bash: "curl -s http://127.0.0.1:1/ > by-command" },
	writeFile("by-edit"),
	{ bash: 'dispatch ask --timeout 100s "May I?"' },
	writeFile(`${taskDir(conversation)}/plan.md`, "# Look\n\n- [x] Look around\n"),
]);

describe("claude", () => {
	test.each([
		{ permissions: "read_only", made: [] },
		{ permissions: "edit", made: ["by-edit"] },
		{ permissions: "full", made: ["by-command", "by-edit"] },
	])(
		"with permissions: $permissions it makes $made, and keeps the protocol",
		async ({ permissions, made }) => {
			const { user } = await prepare("claude", { script: TRESPASSER, permissions });
			await user.ok(["enqueue", "--id", "job", "Look around"]);
			await user.waitForState("job", "asking");
			await user.ok(["answer", "job", "Yes."]);
			expect(await user.taskInState("job", "completed")).toMatchObject({ plan: { done: 1, total: 1 } });
			expect(["by-command", "by-edit"].filter((name) => existsSync(join(user.project, name)))).toEqual(made);
		},
	);

	test("a budget of $0.10 at $0.04 a turn: stopped at the third turn at the latest, and it says what was spent", async () => {
		// Its price table has $10 per million output tokens for this model, and $2 for input.
		const { user, server } = await prepare("claude", {
			script: () => ({ bash: "true", outputTokens: 3_980 }),
		});
		await user.ok(["enqueue", "--id", "job", "--budget", "0.10", "Do it"]);
		const failed = await user.taskInState("job", "failed");
		expect(failed.reason).toBe("budget");
		expect(failed.outcome?.message).toMatch(/has cost \$0\.(?:08|1[0-4]) .* its budget of \$0\.1\./);
		expect(server.requests.filter(({ conversation }) => conversation !== null).length).toBeLessThanOrEqual(3);
	});

	test("529, and it would wait for 16 s: back to the queue at once, no attempt counted", async () => {
		let left = 1;
		const busy = { status: 529, message: "Overloaded", headers: { "retry-after": "16" } };
		const { user } = await prepare("claude", {
			script: (conversation) => (left-- > 0 ? busy : WORK(conversation)),
		});
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		await expect
			.poll(() => user.json(["status", "job"]))
			.toMatchObject({
				state: "queued",
				hold: { kind: "unavailable" },
				attempt: 1,
				outcome: { message: expect.stringContaining("the service is overloaded") },
			});
		expect(await user.taskInState("job", "completed")).toMatchObject({ attempt: 1, epoch: 2 });
	});

	test("a key that is refused fails as auth", async () => {
		const { user } = await prepare("claude", {
			script: () => ({ status: 401, message: "invalid x-api-key" }),
		});
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		expect((await user.taskInState("job", "failed")).reason).toBe("auth");
	});

	test("sees nothing of the session from which dispatch was started", async () => {
		const env = {
			CLAUDECODE: "1",
			CLAUDE_CODE_ENTRYPOINT: "cli",
			CLAUDE_CODE_SESSION_ID: "x",
			CODEX_THREAD_ID: "x",
		};
		const command = (line: string) => `env > seen.txt; ${line}`;
		const { user } = await prepare("claude", { script: WORK, env, command });
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		await user.waitForState("job", "completed");
		const seen = readFileSync(join(user.project, "seen.txt"), "utf8");
		expect(seen).toContain("DISPATCH_TASK=job");
		expect(seen).not.toMatch(
			/^(?:CLAUDECODE|CLAUDE_CODE_ENTRYPOINT|CLAUDE_CODE_SESSION_ID|CODEX_|DISPATCH_REDIS)/m,
		);
	});
});

describe("codex", () => {
	test("with permissions: read_only its own sandbox lets it write its task's files only", async () => {
		const { user, server } = await prepare("codex", { script: WORK, permissions: "read_only" });
		await user.ok(["enqueue", "--id", "job", "Look around"]);
		await expect.poll(() => server.requests.some(({ conversation }) => conversation !== null)).toBe(true);
		const told = JSON.stringify(server.requests.find(({ conversation }) => conversation !== null)?.body);
		// What its sandbox does with this is its own affair, and may need what a container lacks.
		expect(told).toContain(`The writable root is \`${join(user.project, ".dispatch/tasks/job")}\``);
	});

	test("--full-auto in an old config is not_started, with the flag that took its place", async () => {
		const command = (line: string) =>
			line.replace("--dangerously-bypass-approvals-and-sandbox", "--full-auto");
		const { user } = await prepare("codex", { script: WORK, command });
		await user.ok(["enqueue", "--id", "job", "Do it"]);
		const failed = await user.taskInState("job", "failed");
		expect(failed.reason).toBe("not_started");
		expect(failed.outcome?.message).toContain("--sandbox workspace-write");
	});
});
