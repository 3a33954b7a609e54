/**
 * Which of the worker's variables reach which program that dispatch starts. A program's stand-in on PATH notes the
 * environment it gets, and becomes the program.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { which } from "../../src/process/which.ts";
import { makeRepository } from "../git.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

/** Whatever the worker has, and what of it each program may see. */
const PLANTED = {
	/** for agents: whatever the worker's user has set */
	OPENAI_API_KEY: "planted-key-01",
	DEPLOY_WORD: "planted-word-02",
	/** named by `secret_env` of the webhook */
	HOOK_VALUE: "planted-hook-03",
	/** named by `env` of the command */
	PAGER_TOKEN: "planted-pager-04",
	/** of the session that called */
	CLAUDE_CODE_SESSION_ID: "planted-session-05",
};

/** A person's address of Redis; the worker has its own. */
const ADDRESS = { DISPATCH_REDIS_URL: "local" };

const OF_AGENTS = ["DEPLOY_WORD", "OPENAI_API_KEY"];
const OF_WORKER = [...OF_AGENTS, "HOOK_VALUE", "PAGER_TOKEN"].sort();

/** docs/CONFIG.md says so: "Which environment the worker and agents get". */
const EXPECTED: Record<string, string[]> = {
	flock: [],
	mkfifo: [],
	"redis-server": [],
	notification: ["PAGER_TOKEN"],
	agent: OF_AGENTS,
	setup: OF_AGENTS,
	verify: OF_AGENTS,
	// Its filters are the user's own, and agents call it with the same.
	git: OF_WORKER,
	// What models and version it has, it is asked with the environment of agents.
	codex: OF_WORKER,
};

let user: User | undefined;
afterEach(() => user?.cleanup());

test("no program gets a secret of the worker's that is none of its business", async () => {
	const mine = new User({
		config: [
			"notifications:",
			`  - { type: webhook, url: "http://127.0.0.1:1/", secret_env: HOOK_VALUE }`,
			`  - { type: command, env: [PAGER_TOKEN, NOT_SET], command: 'env >"$HOME/seen/notification"', on: [completed] }`,
		].join("\n"),
		env: PLANTED,
	});
	user = mine;
	const seen = join(mine.path, "seen");
	const bin = join(mine.path, "bin");
	for (const folder of [seen, bin]) mkdirSync(folder);
	const standIn = (name: string, then: string) => {
		// Beside others of its name: whichever of them sees more is seen.
		writeFileSync(join(bin, name), `#!/bin/sh\nenv >>"${seen}/${name}"\n${then}\n`);
		chmodSync(join(bin, name), 0o755);
	};
	for (const name of ["flock", "mkfifo", "git"]) standIn(name, `exec ${which(name, mine.env.PATH)} "$@"`);
	const server = ["redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb"]
		.map((name) => which(name, `${mine.env.PATH}:/usr/local/bin:/usr/bin`))
		.find((file) => file !== null);
	standIn("redis-server", `exec bash -c 'exec -a redis-server ${server} "$@"' redis-server "$@"`);
	standIn("codex", "echo 1.0");
	mine.env.PATH = `${bin}:${mine.env.PATH}`;
	makeRepository(mine.project);
	const agent = join(mine.path, "agent.sh");
	const plan = 'cd "$DISPATCH_TASK_DIR" && printf -- "- [x] do it\\n" >plan.md && echo done >output.md';
	writeFileSync(agent, `#!/bin/sh\nenv >${seen}/agent\n${plan} && touch ipc/.done\n`, { mode: 0o755 });
	await mine.ok(["config", "add-backend", "all", "--command", agent]);
	const lines = ["--setup", `env >${seen}/setup`, "--verify", `env >${seen}/verify`];
	await mine.ok(["enqueue", "--id", "job", "--model", "all", "--worktree", ...lines, "do it"]);
	await mine.waitForState("job", "completed");
	await mine.ok(["config", "add-backend", "codex", "--command", "codex"]);
	await mine.run(["enqueue", "--dry-run", "--model", "gpt-9", "x"], { env: ADDRESS });
	await mine.run(["doctor"], { env: ADDRESS });
	await expect.poll(() => readdirSync(seen).sort(), LIMIT).toEqual(Object.keys(EXPECTED).sort());
	const found = (name: string) => {
		const text = readFileSync(join(seen, name), "utf8");
		return Object.keys({ ...PLANTED, ...ADDRESS }).filter((variable) =>
			new RegExp(`^${variable}=`, "m").test(text),
		);
	};
	const all = Object.keys(EXPECTED).map((name) => [name, found(name).sort()]);
	expect(Object.fromEntries(all)).toEqual(EXPECTED);
	expect(readFileSync(join(seen, "notification"), "utf8")).toContain("DISPATCH_TASK_ID=job");
});
