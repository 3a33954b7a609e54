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

test("the address of Redis reaches no agent, under whatever name or spelling", () => {
	const env = envOf({
		DISPATCH_REDIS_URL: REDIS,
		REDIS_URL: REDIS,
		QUEUE: REDIS,
		CELERY: "redis://me:secret@redis.example/3",
		TLS: "rediss://:secret@REDIS.example:6379",
		PASSWORD: "secret",
		LINE: "redis-cli -a secret -h redis.example",
		OTHER: "redis://app",
		NO_PASSWORD: "redis://redis.example",
	});
	expect(Object.keys(env).sort()).toEqual([
		"DISPATCH_HOME",
		"DISPATCH_TASK_DIR",
		"NO_PASSWORD",
		"OTHER",
		"PATH",
	]);
});

test("a server that asks for no password is hidden with every credential", () => {
	const base = { A: "redis://localhost:6379/4", B: "redis://u:p@127.0.0.1", C: "redis://127.0.0.1:6380" };
	const backend = backendOf("command");
	const env = agentEnv({ base, backend, home: "/h", taskDir: "/p/t", redisUrl: "redis://127.0.0.1" });
	expect(Object.keys(env).sort()).toEqual(["C", "DISPATCH_HOME", "DISPATCH_TASK_DIR", "PATH"]);
});

test("what notifications take from the environment reaches no agent, nor does its value", () => {
	const base = { HOOK_KEY: "hook-key-1", COPY: "hook-key-1", SLACK: "https://hooks.slack.com/x" };
	const backend = backendOf("command");
	const hidden = ["HOOK_KEY", "SLACK"];
	const env = agentEnv({ base, backend, home: "/h", taskDir: "/p/t", redisUrl: null, hidden });
	expect(Object.keys(env).sort()).toEqual(["DISPATCH_HOME", "DISPATCH_TASK_DIR", "PATH"]);
});

test("what the task brought along wins over the worker's own", () => {
	const backend = backendOf("command");
	const own = { KEY: "new", VIRTUAL_ENV: "/v" };
	const env = agentEnv({ base: { KEY: "old" }, own, backend, home: "/h", taskDir: "/p/t", redisUrl: null });
	expect(env).toMatchObject(own);
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
