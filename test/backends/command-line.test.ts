/** What the CLIs are really given: the command lines run, with a program in the CLI's place that prints its words. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { StartInput } from "../../src/backends/contract.ts";
import { backendOf } from "../../src/backends/index.ts";
import { BACKEND_TYPES, type BackendType } from "../../src/backends/known.ts";
import { permittedCommand } from "../../src/backends/permitted.ts";

const SESSION = "0b5bd1b7-5a7e-4f2e-9a0c-3d6b1c9a7f10";
const PRINT_WORDS = `'${process.execPath}' -e 'console.log(JSON.stringify(process.argv.slice(1)))' --`;

function input(changes: Partial<StartInput> = {}): StartInput {
	const given = { command: PRINT_WORDS, model: "opus", prompt: "Do it", sessionId: SESSION, modelFlag: true };
	return { ...given, ...changes };
}

function wordsOf(invocation: { argv: string[] } | null, cwd = tmpdir()): string[] {
	const [program = "", ...words] = invocation?.argv ?? [];
	return JSON.parse(execFileSync(program, words, { cwd, encoding: "utf8" }));
}

const COMMON: Record<BackendType, string[]> = {
	claude: ["--output-format", "stream-json", "--verbose", "--include-partial-messages"],
	codex: ["--json", "--skip-git-repo-check"],
	cursor: ["--output-format", "stream-json", "--trust"],
	command: [],
};

describe("start and resume", () => {
	test("claude", () => {
		const claude = backendOf("claude");
		expect(wordsOf(claude.start(input()))).toEqual([
			...[...COMMON.claude, "--session-id", SESSION],
			...["--model", "opus", "--", "Do it"],
		]);
		expect(claude.start(input()).sessionId).toBe(SESSION);
		expect(wordsOf(claude.resume(input()))).toEqual([
			...[...COMMON.claude, `--resume=${SESSION}`],
			...["--model", "opus", "--", "Do it"],
		]);
	});

	test("codex", () => {
		const words = [...COMMON.codex, "-m", "opus"];
		expect(wordsOf(backendOf("codex").start(input()))).toEqual([...words, "--", "Do it"]);
		expect(backendOf("codex").start(input()).sessionId).toBeNull();
		expect(wordsOf(backendOf("codex").resume(input()))).toEqual([...words, "resume", SESSION, "--", "Do it"]);
	});

	test("cursor", () => {
		const words = [...COMMON.cursor, "--model", "opus"];
		expect(wordsOf(backendOf("cursor").start(input()))).toEqual([...words, "Do it"]);
		expect(wordsOf(backendOf("cursor").start(input({ prompt: "-x" }))).at(-1)).toBe("\n-x");
		expect(wordsOf(backendOf("cursor").resume(input()))).toEqual([...words, `--resume=${SESSION}`, "Do it"]);
	});

	test("a session's id that is none, as anybody may write into Redis, resumes nothing", () => {
		for (const type of BACKEND_TYPES)
			for (const sessionId of ["--dangerously-skip-permissions", "-x", "", "a b", "a\nb"])
				expect(backendOf(type).resume(input({ sessionId }))).toBeNull();
	});

	test("any other command gets the prompt and nothing else, and cannot be resumed", () => {
		expect(wordsOf(backendOf("command").start(input()))).toEqual(["Do it"]);
		expect(backendOf("command").resume(input())).toBeNull();
	});
});

describe.each(BACKEND_TYPES)("%s", (type) => {
	test("hands on a prompt and a model as they are, whatever a shell would make of them", () => {
		const cwd = mkdtempSync(join(tmpdir(), "words-"));
		onTestFinished(() => rmSync(cwd, { recursive: true }));
		const nasty = `say "$(touch pwned)" \`touch pwned\` '; touch pwned; ' \\ $HOME *\n--model evil\n`;
		const words = wordsOf(
			backendOf(type).start(input({ prompt: nasty, model: type === "command" ? null : nasty })),
			cwd,
		);
		expect(words.filter((word) => word === nasty).length).toBe(type === "command" ? 1 : 2);
		expect(readdirSync(cwd)).toEqual([]);
	});

	test("adds no flag that the user's command carries already", () => {
		const given =
			"--output-format json --verbose --include-partial-messages --session-id=x --model mine --json --skip-git-repo-check --trust";
		const words = wordsOf(backendOf(type).start(input({ command: `${PRINT_WORDS} ${given}` })));
		expect(words.filter((word) => word !== "--")).toEqual([...given.split(" "), "Do it"]);
	});

	test("passes no model where none is wanted", () => {
		for (const change of [{ model: null }, { modelFlag: false }]) {
			expect(wordsOf(backendOf(type).start(input(change)))).not.toContain("opus");
		}
	});

	test("takes a command over several lines, as configs write it", () => {
		expect(wordsOf(backendOf(type).start(input({ command: `\n${PRINT_WORDS} \\\n  --more\n\n` })))).toContain(
			"--more",
		);
	});
});

describe("permissions", () => {
	const DIR = "/p/it's/.dispatch/tasks/job";
	const free = `${PRINT_WORDS} --dangerously-skip-permissions --permission-mode plan --full-auto -s read-only --force`;
	const permitted = (type: BackendType, permissions: "read_only" | "edit" | "full") => {
		const command = backendOf(type).permit(free, permissions, DIR);
		return command === null ? null : wordsOf(backendOf(type).start(input({ command, model: null })));
	};

	test("claude: what a mode does not allow is refused, but for the task's own files", () => {
		expect(permitted("claude", "read_only")?.slice(0, 7)).toEqual([
			...["--full-auto", "-s", "read-only", "--force", "--permission-mode", "dontAsk"],
			`--allowedTools=Edit(/${DIR}/**),Bash(dispatch ask:*)`,
		]);
		expect(permitted("claude", "edit")).toContain("acceptEdits");
		expect(permitted("claude", "full")?.filter((word) => word.includes("permission"))).toEqual([
			"--dangerously-skip-permissions",
		]);
	});

	test("codex: a profile of its own, in place of every sandbox flag", () => {
		const words = permitted("codex", "read_only") ?? [];
		expect(words).toContain(`permissions.dispatch={extends=":read-only",filesystem={"${DIR}"="write"}}`);
		expect(words).toContain('default_permissions="dispatch"');
		expect(words.filter((word) => /^(?:-s|--full-auto|--sandbox)$/.test(word))).toEqual([]);
		expect(permitted("codex", "edit")?.join(" ")).toContain("--sandbox workspace-write");
		expect(permitted("codex", "full")?.join(" ")).toContain("--sandbox danger-full-access");
	});

	test("what a CLI has no flags for is refused, not widened", () => {
		expect(permitted("cursor", "read_only")).toBeNull();
		expect(permitted("command", "edit")).toBeNull();
		expect(permitted("cursor", "edit")?.join(" ")).toContain("--force --sandbox enabled");
	});

	test("of backend and alias the narrower counts, and an alias gives nothing", () => {
		const of = (own: "read_only" | "edit" | null, alias: "read_only" | "full" | null) => {
			const backend = { name: "b", type: "claude" as const, command: "x", modelFlag: true, permissions: own };
			return permittedCommand(backend, alias, DIR);
		};
		expect(of(null, "full")).toBe("x");
		expect(of("edit", "full")).toContain("acceptEdits");
		expect(of("edit", "read_only")).toContain("dontAsk");
		expect(of("read_only", null)).toContain("dontAsk");
		const cursor = { name: "c", type: "cursor" as const, command: "x", modelFlag: true, permissions: null };
		expect(() => permittedCommand(cursor, "read_only", DIR)).toThrow(/cursor.*read_only/);
	});
});
