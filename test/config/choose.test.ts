import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseModels } from "../../src/backends/cursor/models.ts";
import { chooseModel } from "../../src/config/choose.ts";
import { loadConfig } from "../../src/config/load.ts";

let dir: string;

beforeAll(() => {
	dir = mkdtempSync(join(tmpdir(), "choose-"));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const MODELS = `Available models

auto - Auto  (default)
\u001b[1mopus-4.6\u001b[0m - Claude 4.6 Opus
sonnet-4.6 (current) - Claude 4.6 Sonnet
gpt-5.5 - GPT-5.5
grok-4 - Grok

Tip: use --model <id> to switch.
`;

/** A directory with a program `agent` that answers `models` so. */
function cursorThat(script: string): string {
	const bin = mkdtempSync(join(dir, "bin-"));
	writeFileSync(join(bin, "models.txt"), MODELS);
	writeFileSync(join(bin, "agent"), `#!/bin/sh\n[ "$*" = models ] || exit 2\n${script}\n`, { mode: 0o755 });
	return `${bin}:${process.env.PATH}`;
}

const lists = () => cursorThat('cat "$(dirname "$0")/models.txt"');

interface Scene {
	prompt?: string;
	flag?: string;
	path?: string;
}

async function choose(text: string, { prompt = "fix it", flag, path = "" }: Scene = {}) {
	const file = join(dir, "config.yaml");
	writeFileSync(file, text);
	const env = { PATH: path };
	return chooseModel(await loadConfig({ path: file, env }), { prompt, flag: flag ?? null, env });
}

const CLAUDE = "claude: { command: claude -p }";
const CODEX = "codex: { command: codex exec }";
const CURSOR = "cursor: { command: agent -p }";
const with_ = (...backends: string[]) => `backends:\n${backends.map((backend) => `  ${backend}\n`).join("")}`;

const FULL = `default: opus
${with_(CLAUDE, CODEX, CURSOR, "shell: { command: ./agent.sh }", "fixed: { type: claude, command: claude --model haiku -p }")}
models:
  opus: { backend: claude }
  sonnet-4.6: { backend: claude }
  pinned: { backend: claude, id: claude-opus-4-5-20251101 }
  gpt-5.3-codex:
  gemini-3.1-pro:
  haiku:
  shell: { backend: shell }
  fixed: { backend: fixed }
aliases:
  quick: { model: haiku }
  security-reviewer: { model: opus, prompt: " You are a security reviewer.\\n" }
  terse: { prompt: Be brief. }
`;

describe("configured names", () => {
	test.each([
		[
			"the default",
			{},
			{ name: "opus", model: "opus", backend: "claude", reason: "default", promptAddition: null },
		],
		["--model", { flag: "gpt-5.3-codex" }, { model: "gpt-5.3-codex", backend: "codex", reason: "--model" }],
		[
			"--model over the prompt",
			{ flag: "haiku", prompt: "use opus to fix it" },
			{ model: "haiku", backend: "claude" },
		],
		[
			"the prompt",
			{ prompt: "use haiku to fix it" },
			{ name: "haiku", backend: "claude", reason: "named in the prompt" },
		],
		[
			"in other letters",
			{ flag: "Gemini-3.1-Pro" },
			{ name: "gemini-3.1-pro", model: "gemini-3.1-pro", backend: "cursor" },
		],
		[
			"a version: claude gets the family",
			{ flag: "sonnet-4.6" },
			{ name: "sonnet-4.6", model: "sonnet", backend: "claude" },
		],
		["the user's own id", { flag: "pinned" }, { model: "claude-opus-4-5-20251101" }],
		["a command gets no model", { flag: "shell" }, { model: null, backend: "shell" }],
		["a command that names its model", { flag: "fixed" }, { model: null, backend: "fixed" }],
		[
			"an alias",
			{ flag: "quick" },
			{ name: "quick", model: "haiku", backend: "claude", promptAddition: null },
		],
		[
			"an alias with a prompt",
			{ prompt: "have the security-reviewer check src/" },
			{ name: "security-reviewer", model: "opus", promptAddition: "You are a security reviewer." },
		],
		[
			"an alias without a model",
			{ flag: "terse" },
			{ name: "terse", model: "opus", promptAddition: "Be brief." },
		],
		["the backend of the default", { flag: "claude" }, { name: "claude", model: "opus", backend: "claude" }],
		["another backend", { prompt: "use codex to fix it" }, { name: "codex", model: null, backend: "codex" }],
	])("%s", async (_name, scene: Scene, expected) => {
		expect(await choose(FULL, scene)).toMatchObject(expected);
	});

	test("the older form: an agent is an alias with a command of its own", async () => {
		const older =
			"default: cursor\nagents:\n  cursor: { command: agent -p }\n  harvey: { command: agent -p --model gpt-5 }\n";
		expect(await choose(older)).toMatchObject({
			name: "cursor",
			backend: "cursor",
			model: null,
			reason: "default",
		});
		expect(await choose(older, { prompt: "have harvey review it" })).toMatchObject({
			backend: "harvey",
			model: null,
		});
	});

	test("without a default, the first", async () => {
		expect(await choose("backends: { shell: { command: ./x } }\n")).toMatchObject({
			name: "shell",
			backend: "shell",
			model: null,
			reason: "first in the config",
		});
	});

	test("an explicit model_flag: false, and an explicit backend, are the user's word", async () => {
		const own = `default: opus\n${with_("claude: { command: claude -p, model_flag: false }", CURSOR)}models: { opus: { backend: cursor }, haiku: {} }\n`;
		expect(await choose(own)).toMatchObject({ backend: "cursor", model: "opus" });
		expect(await choose(own, { flag: "haiku" })).toMatchObject({ backend: "claude", model: null });
	});

	test("no CLI at all", async () => {
		await expect(choose("")).rejects.toMatchObject({
			code: "DISPATCH_NO_BACKEND",
			hint: expect.stringContaining("npm install -g @anthropic-ai/claude-code"),
		});
		await expect(
			choose(`${with_(CLAUDE)}models: { gemini-3: }\n`, { flag: "gemini-3" }),
		).rejects.toMatchObject({
			code: "DISPATCH_NO_BACKEND",
		});
	});
});

describe("a model that is not configured", () => {
	const unknown = (...parts: string[]) => ({
		code: "DISPATCH_UNKNOWN_MODEL",
		hint: expect.stringMatching(new RegExp(parts.join(".*"))),
	});

	test("goes to its maker's CLI where Cursor's is not there", async () => {
		const both = with_(CLAUDE, CODEX);
		expect(await choose(both, { flag: "sonnet-9" })).toMatchObject({
			name: "sonnet-9",
			backend: "claude",
			model: "sonnet",
		});
		expect(await choose(both, { prompt: "use gpt-9 to fix it" })).toMatchObject({
			backend: "codex",
			model: "gpt-9",
		});
		await expect(choose(with_(CLAUDE), { flag: "gpt-9" })).rejects.toMatchObject(unknown("There is: claude"));
		await expect(choose(with_(CLAUDE), { flag: "grok-4" })).rejects.toMatchObject(
			unknown("There is: claude"),
		);
	});

	test("is looked up at Cursor's CLI where that is there", async () => {
		const path = lists();
		const all = with_(CLAUDE, CODEX, CURSOR);
		expect(await choose(all, { flag: "grok-4", path })).toMatchObject({ backend: "cursor", model: "grok-4" });
		expect(await choose(all, { flag: "GPT-5.5", path })).toMatchObject({
			backend: "codex",
			model: "gpt-5.5",
		});
		expect(await choose(all, { prompt: "use sonnet 4.6 to fix it", path })).toMatchObject({
			backend: "claude",
			model: "sonnet",
		});
		expect(await choose(with_(CURSOR), { flag: "sonnet-4.6", path })).toMatchObject({
			backend: "cursor",
			model: "sonnet-4.6",
		});
		await expect(choose(all, { flag: "sonnet-9", path })).rejects.toMatchObject(
			unknown("claude, codex, cursor", "auto", "grok-4"),
		);
		await expect(choose(all, { flag: "nope", path })).rejects.toMatchObject(unknown("grok-4"));
	});

	test("a family of Claude asks nobody", async () => {
		const path = cursorThat("echo 'opus - asked'");
		expect(await choose(with_(CLAUDE, CURSOR), { flag: "haiku", path })).toMatchObject({
			backend: "claude",
			model: "haiku",
		});
	});

	test.each([
		"claude-opus-4-1-20250805",
		"claude-sonnet-4-5",
		"sonnet[1m]",
		"us.anthropic.claude-Opus-4-1-20250805-v1:0",
		"claude-opus-4-1@20250805",
	])("the full id %s goes through unchanged", async (flag) => {
		expect(await choose(with_(CLAUDE), { flag })).toMatchObject({ backend: "claude", model: flag });
		expect(
			await choose(`${with_(CLAUDE)}models: { "${flag}": { backend: claude } }\n`, { flag }),
		).toMatchObject({
			model: flag,
		});
	});

	test("what was chosen is said where another name is shown", async () => {
		const shell = `${with_("shell: { command: ./x }", CLAUDE)}models: { opus: { backend: shell }, haiku: { backend: claude } }\naliases: { tidy: { model: haiku } }\n`;
		expect(await choose(shell, { prompt: "use opus to review" })).toMatchObject({
			backend: "shell",
			reason: "opus, named in the prompt",
		});
		expect(await choose(shell, { prompt: "use tidy to review" })).toMatchObject({
			model: "haiku",
			reason: "tidy, named in the prompt",
		});
		expect(await choose(shell, { prompt: "use haiku to review" })).toMatchObject({
			reason: "named in the prompt",
		});
	});

	test.each([
		["is missing", () => ""],
		["fails", () => cursorThat("echo Not logged in >&2; exit 1")],
		["prints nonsense", () => cursorThat("echo '<html>'; exit 0")],
	])("a Cursor CLI that %s counts as none", async (_name, path) => {
		expect(await choose(with_(CLAUDE, CURSOR), { flag: "sonnet-9", path: path() })).toMatchObject({
			backend: "claude",
		});
		await expect(choose(with_(CURSOR), { flag: "grok-4", path: path() })).rejects.toMatchObject(
			unknown("gave no list"),
		);
	});

	test("a Cursor CLI that hangs is ended, with what it started", async () => {
		const path = cursorThat("echo 'grok-4 - Grok'; sleep 600 & sleep 600");
		expect(await choose(with_(CURSOR), { flag: "grok-4", path })).toMatchObject({ backend: "cursor" });
	});

	test("a list of models is read defensively", () => {
		expect(parseModels(MODELS)).toEqual(["auto", "opus-4.6", "sonnet-4.6", "gpt-5.5", "grok-4"]);
		expect(parseModels("\r\n* grok-4 (current, default) – Grok\r\n-\nLoading models...\n")).toEqual([
			"grok-4",
		]);
	});
});
