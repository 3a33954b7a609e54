/** The first use without a config, with PATHs that have only claude, only codex, both, or none. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { PROGRAM, User } from "../e2e/harness.ts";

let user: User;
let path: string;
beforeEach(() => {
	user = new User();
	path = join(user.home, "config.yaml");
	rmSync(path);
});
afterEach(() => user.cleanup());

/** What the program itself needs; a folder that may hold real agent CLIs is never on this PATH. */
const TOOLS = [
	"sh",
	"env",
	"flock",
	"mkfifo",
	"stty",
	"cat",
	"sleep",
	"redis-server",
	"redis-check-rdb",
	"valkey-server",
];

/** What codex answers to `model/list`, in its form. */
const CODEX_MODELS = JSON.stringify({ id: 2, result: { data: [{ id: "gpt-5.9" }, { id: "gpt-6" }] } });

function programFile(name: string): string | undefined {
	const folders = (process.env.PATH ?? "").split(":").filter((folder) => folder.startsWith("/"));
	return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** A PATH with these agent CLIs and no other: tiny programs that do their plan and end. */
function pathWith(...agents: string[]): string {
	const bin = mkdtempSync(join(user.path, "bin-"));
	for (const tool of TOOLS) {
		const found = programFile(tool);
		if (found !== undefined) symlinkSync(found, join(bin, tool));
	}
	symlinkSync(process.execPath, join(bin, "node"));
	for (const agent of agents) {
		const file = join(bin, agent);
		const models =
			agent === "agent"
				? 'if [ "$1" = models ]; then printf "gemini-3.1-pro - Gemini\\nopus-4.6 - Opus\\n"; exit; fi\n'
				: agent === "codex"
					? `if [ "$1" = app-server ]; then read -r _; echo '${CODEX_MODELS}'; exec cat; fi\n`
					: "";
		writeFileSync(
			file,
			`#!/bin/sh\n${models}dir=$DISPATCH_TASK_DIR\nprintf -- '- [x] Done\\n' > "$dir/plan.md"\n: > "$dir/ipc/.done"\n`,
		);
		chmodSync(file, 0o755);
	}
	return bin;
}

const config = () => parseConfig(readFileSync(path, "utf8"), path, {});

describe("without a terminal", () => {
	test.each([
		[["claude"], "opus", ["claude"]],
		[["codex"], "codex", ["codex"]],
		[["claude", "codex", "agent"], "opus", ["claude", "codex", "cursor"]],
	])("%j: chooses, says so, and writes the file", async (agents, model, backends) => {
		const ran = await user.run(["config", "init"], { env: { PATH: pathWith(...agents) } });
		expect(ran.code).toBe(0);
		expect(ran.stdout.trim()).toBe(path);
		const lines = ran.stderr.trim().split("\n");
		expect(lines).toEqual([
			`dispatch: First use: found ${backends.join(", ")} on PATH.`,
			`dispatch: A task that names no model gets ${model}: the default model is ${model}; another one: dispatch config set-default MODEL.`,
			expect.stringMatching(/^dispatch: Agents run unattended, with these permissions, .*: `.+`\.$/),
			expect.stringMatching(
				/^dispatch: To restrict one, add a line under its backend: .*permissions: .* or /,
			),
			`dispatch: All of it stands in ${path}: dispatch config show, dispatch config edit.`,
		]);
		expect(config()).toMatchObject({ default: model, notices: [] });
		expect(Object.keys(config().backends)).toEqual(backends);
		// Cursor serves others' models, and leaves those that have a CLI of their own to it.
		const byCursor = { "gemini-3.1-pro": { backend: "cursor" }, "opus-4.6": { backend: "claude" } };
		expect(config().models).toMatchObject(agents.includes("agent") ? byCursor : {});
	});

	test("none: the error says what to install, and nothing is written", async () => {
		const env = { PATH: pathWith() };
		for (const args of [
			["enqueue", "Do it"],
			["config", "init"],
		]) {
			const ran = await user.run(args, { env });
			expect([ran.code, ran.stderr]).toEqual([
				2,
				expect.stringMatching(/npm install -g .*\[DISPATCH_NO_BACKEND\]/),
			]);
		}
		expect(existsSync(path)).toBe(false);
	});

	test("a file that is there is never touched; wrong use and agents write none", async () => {
		const env = { PATH: pathWith("claude") };
		await user.run(["enqueue"], { env });
		await user.run(["enqueue", "x"], { env: { ...env, DISPATCH_TASK: "outer" } });
		expect(existsSync(path)).toBe(false);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, "# mine\n");
		expect(await user.ok(["config", "init"], { env })).toContain("exists already");
		expect(readFileSync(path, "utf8")).toBe("# mine\n");
	});

	test("a dry run writes nothing: the first words are left to the run itself", async () => {
		const env = { PATH: pathWith("claude") };
		const dry = await user.run(["enqueue", "--dry-run", "Tidy up"], { env });
		expect([dry.code, dry.stdout, dry.stderr]).toEqual([
			0,
			expect.stringContaining("Would dispatch `tidy-up` using opus"),
			"",
		]);
		expect(existsSync(path)).toBe(false);
		const ran = await user.run(["enqueue", "Tidy up"], { env });
		expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("First use: found claude")]);
	});

	test("enqueue writes it and goes on; a model that the prompt names and that is found is added", async () => {
		const env = { PATH: pathWith("codex") };
		const task = await user.json(["enqueue", "--id", "first", "Use gpt-5.9 to tidy up"], { env });
		expect(task).toMatchObject({ id: "first", model: "gpt-5.9", backend: "codex" });
		expect(config()).toMatchObject({ default: "codex", models: { "gpt-5.9": { backend: "codex" } } });
		expect(readFileSync(path, "utf8")).toContain("# The model of a task that names none.");
		expect((await user.taskInState("first", "completed")).reason).toBeNull();
	});
});

test("codex is asked which models it has: one that it does not know is refused, with those that it knows", async () => {
	const env = { PATH: pathWith("codex") };
	const { code, stderr } = await user.run(["enqueue", "--model", "gpt-7.7", "Do it"], { env });
	expect(code).toBe(2);
	expect(stderr).toMatch(/gpt-7\.7.*There is: codex, gpt-5\.9, gpt-6\..*DISPATCH_UNKNOWN_MODEL/);
	await user.ok(["config", "add-model", "gpt-7.7", "--backend", "codex"], { env });
	const planned = await user.json(["enqueue", "--dry-run", "--model", "gpt-7.7", "Do it"], { env });
	expect(planned).toMatchObject({ model: "gpt-7.7" });
	const usual = await user.json(["enqueue", "--dry-run", "Do it"], { env });
	expect(usual).toMatchObject({ backend: "codex", model: null });
});

describe("on a terminal", () => {
	/** Runs in a pseudo-terminal, and types `keys` once the question stands there. */
	async function onTerminal(
		args: string[],
		PATH: string,
		keys: string,
	): Promise<{ code: number | null; shown: string }> {
		const line = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(" ");
		const child = spawn(
			programFile("script") ?? "script",
			["-qec", `stty cols 120 rows 40; ${line}`, "/dev/null"],
			{
				cwd: user.project,
				env: { ...user.env, PATH, TERM: "xterm", SHELL: "/bin/sh" },
			},
		);
		let shown = "";
		let typed = false;
		child.stdout.on("data", (chunk) => {
			shown += chunk;
			if (typed || !shown.includes("haiku")) return;
			typed = true;
			child.stdin.write(keys);
		});
		const [code] = (await once(child, "close")) as [number | null];
		return { code, shown: stripVTControlCharacters(shown) };
	}

	test("asks for the default, and says which permissions agents have", async () => {
		const { code, shown } = await onTerminal(["config", "init"], pathWith("claude", "codex"), "\u001b[B\r");
		expect(shown).toContain("which model shall work when you name none?");
		expect(shown).toContain("--dangerously-skip-permissions");
		expect(shown.match(/^dispatch: /gm)).toHaveLength(5);
		expect(config().default).toBe("sonnet");
		expect(code).toBe(0);
	});

	test("who leaves the question has written nothing", async () => {
		const { code } = await onTerminal(["enqueue", "Do it"], pathWith("claude"), "\u0003");
		expect(code).toBe(130);
		expect(existsSync(path)).toBe(false);
	});

	test("does not ask where there is one choice, or with --quiet", async () => {
		const one = await onTerminal(["config", "init"], pathWith("codex"), "");
		expect([one.code, one.shown]).toEqual([0, expect.not.stringContaining("which model shall work")]);
		rmSync(path);
		const quiet = await onTerminal(["config", "init", "--quiet"], pathWith("claude"), "");
		expect([quiet.code, config().default]).toEqual([0, "opus"]);
	});
});
