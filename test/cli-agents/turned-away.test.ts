/** The real claude is not let in, or told to wait: what dispatch makes of it. */
import { beforeAll, expect, test } from "vitest";
import type { Script } from "../fixtures/model-server/conversation.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { prepare } from "./prepare.ts";
import { INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

const LIMITED_MS = 10_000;
const TASKS = 20;
const script = protocolScript({ items: ["Do it"], question: null, report: "One finding." });

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

test.runIf(process.getuid?.() === 0)(
	"claude that refuses to run as root is not_started, with the way to mend it",
	async () => {
		const { user } = await prepare("claude", { script, env: { IS_SANDBOX: "" } });
		await user.ok(["enqueue", "--id", "job", "Review it"]);
		const failed = await user.taskInState("job", "failed");
		expect(failed.reason).toBe("not_started");
		expect(failed.outcome?.message).toMatch(/root/i);
	},
);

test("claude without a login fails as auth, with the way to log in", async () => {
	const { user } = await prepare("claude", { script, env: { ANTHROPIC_API_KEY: "" } });
	await user.ok(["enqueue", "--id", "job", "Review it"]);
	const failed = await user.taskInState("job", "failed");
	expect(failed.reason).toBe("auth");
	expect(await user.ok(["status", "job"])).toContain("/login");
});

test("20 tasks of claude, and the model says 429 for 10 s: none fails, none starts meanwhile, all complete", async () => {
	let limitedUntil = 0;
	const refused = { status: 429, message: "Too many requests", headers: { "x-should-retry": "false" } };
	const limited: Script = (conversation) => {
		limitedUntil ||= Date.now() + LIMITED_MS;
		return Date.now() < limitedUntil ? refused : script(conversation);
	};
	const { user, server } = await prepare("claude", {
		script: limited,
		env: { DISPATCH_MAX_BACKOFF_MS: String(LIMITED_MS) },
		config: ["worker: { concurrency: 2, max_agents: 4 }"],
	});
	const ids = Array.from({ length: TASKS }, (_, n) => `t${n + 1}`);
	const tasks = JSON.stringify(ids.map((id) => ({ id, prompt: "Do it" })));
	await user.ok(["batch", user.write("batch.json", tasks)]);
	await user.ok(["wait", ...ids, "--timeout", "240s"]);
	const done = await user.json<{ state: string; attempt: number; epoch: number }[]>(["ls", "--all"]);
	expect(done.filter(({ state, attempt }) => state === "completed" && attempt === 1)).toHaveLength(TASKS);
	// Only the two that had started met the limit; for everybody else the first start was a good one.
	expect(done.filter(({ epoch }) => epoch > 1).length).toBeLessThanOrEqual(4);
	expect(server.requests.length).toBeGreaterThan(TASKS);
});
