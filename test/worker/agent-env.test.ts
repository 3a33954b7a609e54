import { expect, test } from "vitest";
import { backendOf } from "../../src/backends/index.ts";
import { agentEnv } from "../../src/worker/agent-env.ts";

const REDIS = "redis://me:secret@redis.example:6379";

function envOf(base: Record<string, string>, type: "claude" | "command" = "command") {
	return agentEnv({ base, backend: backendOf(type), home: "/h", taskDir: "/p/t", redisUrl: REDIS });
}

test("`dispatch` comes first on PATH, and the task's directory is named", () => {
	expect(envOf({ PATH: "/usr/bin:/bin", LANG: "C" })).toMatchObject({
		PATH: "/h/bin:/usr/bin:/bin",
		LANG: "C",
		DISPATCH_TASK_DIR: "/p/t",
	});
});

test("the address of Redis reaches no agent, under whatever name", () => {
	const env = envOf({ DISPATCH_REDIS_URL: REDIS, REDIS_URL: REDIS, QUEUE: REDIS, OTHER: "redis://app" });
	expect(Object.values(env)).not.toContain(REDIS);
	expect(env.OTHER).toBe("redis://app");
});

test("marks of an outer run and switches of dispatch itself are dropped", () => {
	const inner = envOf({ DISPATCH_RUN: "a", DISPATCH_TASK: "b", DISPATCH_FAULT: "c", DISPATCH_HOME: "/h" });
	expect(Object.keys(inner).sort()).toEqual(["DISPATCH_HOME", "DISPATCH_TASK_DIR", "PATH"]);
});

test("claude does not believe that it runs inside another claude", () => {
	const env = envOf({ CLAUDECODE: "1", CLAUDE_CODE_ENTRYPOINT: "cli", ANTHROPIC_API_KEY: "k" }, "claude");
	expect(env).not.toHaveProperty("CLAUDECODE");
	expect(env).not.toHaveProperty("CLAUDE_CODE_ENTRYPOINT");
	expect(env.ANTHROPIC_API_KEY).toBe("k");
});
