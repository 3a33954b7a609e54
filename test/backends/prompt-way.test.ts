/** How prompts reach the CLIs: never in a command line that another user could read, and to the CLI alone. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { backendOf } from "../../src/backends/index.ts";
import { BACKEND_TYPES, type BackendType, type PromptWay } from "../../src/backends/known.ts";
import { permittedCommand } from "../../src/backends/permitted.ts";
import { promptWay } from "../../src/backends/prompt-way.ts";

const SESSION = "0b5bd1b7-5a7e-4f2e-9a0c-3d6b1c9a7f10";
const PROMPT = `- say "$(touch pwned)" 'x'\n--model evil\n${"long ".repeat(40_000)}`;

const backend = (type: BackendType, command: string, promptBy?: PromptWay) => ({
	name: "it",
	type,
	command,
	modelFlag: true,
	permissions: null,
	...(promptBy === undefined ? {} : { promptBy }),
});

/** A directory with programs named as the CLIs are, which print their words and their stdin as JSON. */
function programs() {
	const dir = mkdtempSync(join(tmpdir(), "it's ways-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	const print =
		'console.log(JSON.stringify({words: process.argv.slice(2), stdin: require("fs").readFileSync(0, "utf8")}))';
	for (const name of ["claude", "codex", "agent"]) {
		writeFileSync(join(dir, name), `#!${process.execPath}\n${print}\n`);
		chmodSync(join(dir, name), 0o755);
	}
	const promptFile = join(dir, "prompt.md");
	writeFileSync(promptFile, PROMPT);
	const run = ([program = "", ...words]: string[]): { words: string[]; stdin: string } => {
		const env = { PATH: `${dir}:${process.env.PATH}` };
		return JSON.parse(execFileSync(program, words, { cwd: dir, encoding: "utf8", env, input: "" }));
	};
	return { promptFile, run };
}

const ON_STDIN: [BackendType, string][] = [
	["claude", "claude -p"],
	[
		"claude",
		"env -u CLAUDECODE NAME='a b' timeout -k 5 1h nice -n 10 claude -p --dangerously-skip-permissions",
	],
	["claude", 'claude -p "$@" | cat'],
	["claude", 'cd . && claude -p "$@" 2>&1 | cat'],
	["claude", "true; exec claude -p 2>err.log"],
	["claude", `claude -p --append-system-prompt 'no "$@" here' "$@" | cat`],
	["claude", 'claude -p --append-system-prompt "its \\$@"'],
	["claude", `sh -c 'exit 0' x '"$@"' && claude -p "$@" --verbose`],
	["codex", "codex exec"],
	["codex", 'true || false\ncodex exec "$@"'],
];

const BY_FILE: [BackendType, string][] = [
	["claude", "cat context.md | claude -p"],
	["claude", "claude -p <context.md"],
	["claude", "docker run --rm image claude -p"],
	["claude", "docker exec claude /usr/bin/claude -p"],
	["claude", "ssh host claude -p"],
	["claude", "npx -y @anthropic-ai/claude-code -p"],
	["claude", "./claude.sh"],
	["claude", 'if true; then claude -p "$@"; fi'],
	["claude", `sh -c 'claude -p "$@"' x "$@"`],
	["claude", "claude -p --input-format stream-json"],
	["claude", "claude -p --input-format=stream-json"],
	["codex", "sudo -u other codex exec"],
	["codex", "sudo codex exec"],
	["cursor", "agent -p --force"],
];

test.each(ON_STDIN)("%s: `%s` gets it on its stdin, whole, and in no argument", (type, command) => {
	const { promptFile, run } = programs();
	expect(promptWay(backend(type, command), backendOf(type))).toBe("stdin");
	const input = { command, model: "opus", modelFlag: true, prompt: PROMPT, promptFile, sessionId: SESSION };
	for (const invocation of [backendOf(type).start(input), backendOf(type).resume(input)]) {
		const { words, stdin } = run(invocation?.argv ?? []);
		expect(stdin).toBe(PROMPT);
		expect(words).toContain("opus");
		expect(invocation?.argv.join(" ")).not.toContain("pwned");
	}
});

test.each(BY_FILE)("%s: `%s` is told the file", (type, command) => {
	expect(promptWay(backend(type, command), backendOf(type))).toBe("file");
});

test("a program of the user's own gets its last argument, as the protocol has it", () => {
	expect(promptWay(backend("command", "./agent.sh"), backendOf("command"))).toBe("argument");
});

describe.each(BACKEND_TYPES)("%s", (type) => {
	test.each(["stdin", "file", "argument"] as const)("prompt_by: %s wins", (way) => {
		for (const command of ["cat x | claude -p", "codex exec", "./own"])
			expect(promptWay(backend(type, command, way), backendOf(type))).toBe(way);
	});
});

test.each([
	["claude", "read_only", "claude -p"],
	["claude", "edit", 'claude -p "$@" | cat'],
	["claude", "full", "env X=1 claude -p"],
	["codex", "read_only", "codex exec --full-auto"],
	["codex", "edit", "codex exec"],
	["codex", "full", "codex exec"],
	["cursor", "edit", "agent -p"],
] as const)("%s with permissions %s: the same", (type, permissions, command) => {
	const plain = backend(type, command);
	const permitted = permittedCommand({ ...plain, permissions }, null, "/a task/dir");
	expect(permitted).not.toBe(command);
	expect(promptWay({ ...plain, command: permitted }, backendOf(type))).toBe(
		promptWay(plain, backendOf(type)),
	);
});
