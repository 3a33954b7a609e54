/**
 * Every example of every command's help runs, and its JSON is what the exported schema says: of a third that a seed
 * chooses, of all by hand.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { examplesOf } from "../../src/cli/program/help.ts";
import { buildProgram } from "../../src/cli/program/program.ts";
import { CHOSEN, part } from "../chance.ts";
import { visibleCommands } from "../house/cli-page.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { PROGRAM, User } from "./harness.ts";
import { stateInRedis } from "./state-look.ts";

const TASK = "review-login-code";
let user: User;
let redis: TestRedis;
let env: Record<string, string>;

beforeAll(async () => {
	redis = await startTestRedis();
	user = new User({
		redis: redis.url,
		agent: "ten-line.sh",
		env: { DISPATCH_HOST_ID: "mini1" },
		agents: { quick: "writes-report.sh" },
		config: "aliases: { reviewer: { model: fake } }\nnotifications: [{ type: command, command: 'true' }]",
	});
	const bin = join(user.path, "bin");
	mkdirSync(bin);
	const own: Record<string, string> = {
		dispatch: `exec '${process.execPath}' '${PROGRAM}' "$@"`,
		// What the examples name beside dispatch itself.
		claude: "exit 0",
		codex: "exit 0",
		"xdg-open": "exit 0",
		"agent.sh": "exit 0",
	};
	for (const [name, line] of Object.entries(own))
		writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
	mkdirSync(join(user.path, ".config/fish/completions"), { recursive: true });
	mkdirSync(join(user.project, "src/auth"), { recursive: true });
	user.write("tasks.yaml", "- { id: batched, prompt: Do it, model: quick }\n");
	env = {
		...user.env,
		PATH: `${bin}:${user.env.PATH}`,
		EDITOR: "true",
		XDG_CONFIG_HOME: join(user.path, ".config"),
	};
});
afterAll(async () => {
	await user.cleanup();
	await redis.stop();
});

interface Ran {
	code: number | null;
	stdout: string;
	stderr: string;
}

/** @param until ends a command that would stay, once it printed this */
function shell(line: string, until?: RegExp): Promise<Ran> {
	return new Promise((resolve) => {
		const child = execFile(
			"bash",
			["-c", until ? `exec ${line}` : line],
			{ cwd: user.project, env },
			(error, stdout, stderr) => {
				const { code } = (error ?? { code: 0 }) as { code?: number | string };
				resolve({ code: typeof code === "number" ? code : null, stdout, stderr });
			},
		);
		child.stdin?.end();
		let seen = "";
		const look = (chunk: string) => {
			seen += chunk;
			if (until?.test(seen)) child.kill("SIGTERM");
		};
		child.stdout?.on("data", look);
		child.stderr?.on("data", look);
	});
}

async function isFree(port: number): Promise<boolean> {
	const server = createServer();
	try {
		server.listen(port, "127.0.0.1");
		await once(server, "listening");
		return true;
	} catch {
		return false;
	} finally {
		server.close();
	}
}

/** The task of the examples, where an example before has not left it as this one needs it. */
async function freshTask(state: "asking" | "completed"): Promise<void> {
	const there = await stateInRedis({ home: user.home, redis: redis.url, namespace: "default" }, TASK);
	if (there === state) return;
	if (there !== "asking") {
		for (const end of ["cancel", "rm"]) await user.run([end, TASK]);
		await user.ok(["enqueue", "--id", TASK, "--model", "fake", "x"]);
		await user.waitForState(TASK, "asking");
	}
	if (state === "asking") return;
	await user.ok(["answer", TASK, "Blue"]);
	await user.waitForState(TASK, "completed");
}

/** A task that has ended, with a worktree of the project. */
async function workOfWorktree(): Promise<void> {
	const git = (...args: string[]) => promisify(execFile)("git", args, { cwd: user.project, env });
	await git("init", "--quiet");
	await git("add", "tasks.yaml");
	await git(
		"-c",
		"user.name=Ann",
		"-c",
		"user.email=ann@here",
		"commit",
		"--quiet",
		"--allow-empty",
		"--message",
		"x",
	);
	for (const end of ["cancel", "rm"]) await user.run([end, "review-login-code"]);
	const task = ["--worktree", "--id", "review-login-code", "--model", "quick"];
	await user.ok(["enqueue", ...task, "x"]);
	await user.waitForState("review-login-code", "completed");
}

async function cancelAll(): Promise<void> {
	const open = await user.json<{ id: string; state: string }[]>(["ls", "--all"]);
	const ids = open
		.filter(({ state }) => !["completed", "failed", "cancelled"].includes(state))
		.map(({ id }) => id);
	if (ids.length > 0) await user.ok(["cancel", ...ids]);
}

/** One whose worker never came back. */
async function knowGoneHost(): Promise<void> {
	const client = new Redis(redis.url);
	await client.sadd("{dispatch:default}:hosts", "old-laptop");
	await client.quit();
}

/** What stays until it is ended, and by what one knows that it works. */
const STAYS: Record<string, RegExp> = {
	watch: /review-login-code/,
	web: /token=/,
	worker: /another worker|worker ready|already/,
};
const BEFORE: Record<string, () => Promise<unknown>> = {
	// It stays until the task has ended: one that nobody has to answer.
	run: () => user.ok(["config", "set-default", "quick"]),
	answer: () => freshTask("asking"),
	note: () => freshTask("asking"),
	cancel: () => freshTask("asking"),
	wait: () => freshTask("asking"),
	watch: () => freshTask("asking"),
	"config remove-model": () => user.run(["config", "add-model", "gpt-5", "--backend", "codex"]),
	"config remove-backend": () => user.run(["config", "add-backend", "mine", "--command", "./agent.sh"]),
	"config remove-alias": () => user.run(["config", "add-alias", "reviewer", "--model", "fake"]),
	"hosts drain": () => user.ok(["up"]),
	"hosts resume": () => user.ok(["up"]),
	"hosts rm": knowGoneHost,
	down: cancelAll,
	worker: () => user.run(["down"]),
	// Its usual port is that of every test that has a web view.
	up: () => expect.poll(() => isFree(4747)).toBe(true),
	"config set-default": () => user.run(["config", "add-backend", "claude", "--command", "claude -p"]),
	"config add-alias": () => user.run(["config", "add-backend", "claude", "--command", "claude -p"]),
	demo: () => user.run(["down"]),
	diff: () => workOfWorktree(),
	apply: () => workOfWorktree(),
	"templates copy": async () => rmSync(join(user.home, "templates"), { recursive: true, force: true }),
};
const ENDED = new Set(["output", "retry", "rm", "logs", "status"]);
/** Codes that say something else than "done". */
const CODES: Record<string, number[]> = {
	wait: [3],
	doctor: [0, 1],
	watch: [0, 143, 130],
	web: [0, 143],
	worker: [0, 2, 8, 143],
	batch: [0, 8],
};

/** What they have below them is one more thing. */
const ACTS_ITSELF = new Set(["batch", "hosts"]);

const program = buildProgram({ env: {}, done: () => {} });
const cases = visibleCommands(program).flatMap((command) => {
	const subs = visibleCommands(command);
	const isAct = subs.length === 0 || ACTS_ITSELF.has(command.name());
	const names = [
		...(isAct ? [[command.name(), command] as const] : []),
		...subs.map((sub) => [`${command.name()} ${sub.name()}`, sub] as const),
	];
	return names.flatMap(([name, each]) => examplesOf(each).map((line) => ({ name, line })));
});

async function prepare(name: string): Promise<void> {
	await BEFORE[name]?.();
	if (ENDED.has(name.split(" ")[0] ?? "")) await freshTask("completed");
}

const isAsk = ({ name }: { name: string }) => name === "ask";

test.each(cases.filter(isAsk))("$line", ({ line }) => askInTask(line));

test.each(cases.filter((each) => !isAsk(each)))("$line", async ({ name, line }) => {
	await prepare(name);
	const ran = await shell(line, STAYS[name]);
	const codes = CODES[name.split(" ")[0] ?? ""] ?? [0];
	expect(codes, `${line}: ${ran.stdout}${ran.stderr}`).toContain(ran.code ?? 143);
});

const schemaOf = (name: string, line: string) =>
	(JSON_SCHEMAS as Record<string, z.ZodType>)[
		Object.keys(JSON_SCHEMAS).find(
			(key) => key.startsWith(`${name} --`) && line.includes(key.slice(name.length)),
		) ?? name
	];
const withSchema = cases
	.filter((each) => !isAsk(each) && each.line.startsWith("dispatch "))
	.flatMap(({ name, line }) => {
		const schema = schemaOf(name, line);
		return schema === undefined ? [] : [{ name, line, schema }];
	});

/** A document for each line of an agent that printed none. */
const MAY_SAY_NOTHING = / logs .* -f/;

test.each(part(withSchema, Math.ceil(withSchema.length / 3)))(
	`$line, as JSON (${CHOSEN})`,
	async ({ name, line, schema }) => {
		await prepare(name);
		// What goes to a file in the example is looked at here.
		const shown = line.replace(/ > \S+$/, "");
		const asJson = shown.includes("--json") ? shown : `${shown} --json`;
		const { stdout, stderr } = await shell(asJson, name in STAYS ? /\}\n/ : undefined);
		const documents = stdout.trim().split("\n").filter(Boolean);
		expect(documents.length, stderr).toBeGreaterThanOrEqual(MAY_SAY_NOTHING.test(line) ? 0 : 1);
		// Its tasks may be there by now, by an example before: then it is refused.
		const may =
			name === "batch"
				? schema.or(
						z.object({
							error: z.looseObject({ code: z.enum(["DISPATCH_ID_EXISTS", "DISPATCH_KEY_CONFLICT"]) }),
						}),
					)
				: schema;
		for (const each of documents) may.parse(JSON.parse(each));
	},
);

/** The agent's own command, as in a task of which somebody answers the question. */
async function askInTask(line: string): Promise<void> {
	await freshTask("asking");
	const dir = join(user.project, ".dispatch/tasks/review-login-code");
	const before = env;
	env = { ...env, DISPATCH_TASK: "review-login-code", DISPATCH_TASK_DIR: dir };
	try {
		const asking = shell(line);
		await expect
			.poll(
				async () =>
					(await user.json<{ questions: unknown[] }>(["status", "review-login-code"])).questions.length,
			)
			.toBe(2);
		await user.ok(["answer", "review-login-code", "--seq", "2", "SQLite"]);
		expect(await asking).toMatchObject({ code: 0, stdout: "SQLite\n" });
		expect(readFileSync(join(dir, "ipc/002.question"), "utf8")).toContain("1. Postgres");
	} finally {
		env = before;
	}
}

test("every command that prints JSON has its schema", () => {
	const named = new Set(cases.map(({ name }) => name));
	const silent = new Set(["worker", "demo", "completion", "mcp"]);
	expect([...named].filter((name) => !(name in JSON_SCHEMAS) && !silent.has(name))).toEqual([]);
	// `templates` does something itself, and has a command below it.
	for (const name of ["templates", "enqueue --dry-run", "batch --dry-run", "batch --schema"]) named.add(name);
	expect(Object.keys(JSON_SCHEMAS).filter((name) => !named.has(name))).toEqual([]);
});
