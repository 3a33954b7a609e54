import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Config, loadConfig } from "../../src/config/load.ts";

let dir: string;

beforeAll(() => {
	dir = mkdtempSync(join(tmpdir(), "config-"));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A directory with empty programs of these names. */
function pathWith(...programs: string[]): string {
	const bin = mkdtempSync(join(dir, "bin-"));
	for (const program of programs) writeFileSync(join(bin, program), "#!/bin/sh\n", { mode: 0o755 });
	return bin;
}

function load(text: string, PATH = ""): Promise<Config> {
	const path = join(dir, "config.yaml");
	writeFileSync(path, text);
	return loadConfig({ path, env: { PATH } });
}

/** A config as the original skill wrote it. */
const ORIGINAL = `# dispatch
default:   opus   # Default model or alias

backends:
  claude:
    command: >
      env -u CLAUDE_CODE_ENTRYPOINT -u CLAUDECODE
      claude -p --dangerously-skip-permissions
    model_flag: false
  cursor:
    command: >
      agent -p --force --workspace "$(pwd)"

  codex:
    command: >
      codex exec --full-auto -C "$(pwd)"

models:
  # Claude
  opus:            { backend: claude }
  sonnet:
    backend: claude
  # OpenAI
  gpt-5.3-codex:   { backend: codex }
  gemini-3.1-pro:
    backend: cursor

aliases:
  quick: {model: sonnet}
  security-reviewer:
    model: opus
    prompt: >
      You are a security reviewer.
      Look at the OWASP list.
`;

const OLDER = `default: cursor
agents:
  cursor:
    command: >
      agent -p --force --workspace "$(pwd)"
  harvey:
    command: agent -p --force --model gpt-5
`;

describe("what loads", () => {
	test("a config of the original skill, unchanged", async () => {
		const config = await load(ORIGINAL);
		expect(config).toMatchObject({
			path: join(dir, "config.yaml"),
			default: "opus",
			backends: {
				claude: {
					name: "claude",
					type: "claude",
					command: "env -u CLAUDE_CODE_ENTRYPOINT -u CLAUDECODE claude -p --dangerously-skip-permissions",
					modelFlag: false,
				},
				cursor: { type: "cursor", command: 'agent -p --force --workspace "$(pwd)"', modelFlag: true },
				codex: { type: "codex", command: 'codex exec --full-auto -C "$(pwd)"' },
			},
			models: { opus: { backend: "claude", id: null }, "gemini-3.1-pro": { backend: "cursor", id: null } },
			aliases: {
				quick: { model: "sonnet", prompt: null, backend: null },
				"security-reviewer": { prompt: "You are a security reviewer. Look at the OWASP list." },
			},
			redisUrl: null,
			namespace: null,
			worker: { concurrency: 2, maxAgents: null },
			limits: { inactivityMs: 1_800_000, questionWaitMs: 600_000, deadlineMs: null },
			attempts: 2,
			older: false,
		});
		expect(config.notices).toEqual([expect.stringMatching(/--full-auto.*--sandbox workspace-write/)]);
	});

	test("the older form: nothing is appended to an agent's command but the prompt", async () => {
		const config = await load(OLDER);
		expect(config).toMatchObject({ default: "cursor", older: true });
		expect(config.backends.harvey).toEqual({
			name: "harvey",
			type: "command",
			command: "agent -p --force --model gpt-5",
			modelFlag: false,
			permissions: null,
		});
		expect(config.aliases.harvey).toEqual({
			model: null,
			prompt: null,
			backend: "harvey",
			permissions: null,
		});
		expect(config.notices).toEqual([expect.stringContaining("agents:")]);
	});

	test("every further key", async () => {
		const config = await load(`redis: { url: "redis://mini1:6379/2" }
namespace: team_a
worker: { concurrency: 3, max_agents: 5 }
limits: { inactivity: 1h30m, question_wait: 90s, deadline: 2h }
attempts: 4
`);
		expect(config).toMatchObject({
			redisUrl: "redis://mini1:6379/2",
			namespace: "team_a",
			worker: { concurrency: 3, maxAgents: 5 },
			limits: { inactivityMs: 5_400_000, questionWaitMs: 90_000, deadlineMs: 7_200_000 },
			attempts: 4,
		});
	});

	test.each([
		["an empty file", ""],
		["only comments", "# nothing\n"],
		["keys whose entries are all comments", "backends:\n  # none\nmodels:\naliases:\ndefault:\nworker:\n"],
	])("%s gives the defaults and the CLIs on PATH", async (_name, text) => {
		const config = await load(text, pathWith("claude"));
		expect(Object.keys(config.backends)).toEqual(["claude"]);
		expect(config).toMatchObject({ default: null, models: {}, worker: { concurrency: 2 }, attempts: 2 });
	});

	test.each([
		["its type", "mine: { type: codex, command: ./run.sh }", "codex"],
		["its name", "claude: { command: ./wrapper.sh }", "claude"],
		[
			"the program",
			"mine: { command: 'cd /srv && FOO=1 env -u BAR timeout 10m /opt/bin/claude -p' }",
			"claude",
		],
		["the program's other name", "mine: { command: cursor-agent -p }", "cursor"],
		["nothing", "mine: { command: ./ask-claude.sh --with codex }", "command"],
	])("the adapter of a backend by %s", async (_name, backend, type) => {
		const config = await load(`backends:\n  ${backend}\n`);
		expect(Object.values(config.backends).map((found) => found.type)).toEqual([type]);
	});

	test("a CLI that models name needs no entry; names of objects are no entries", async () => {
		const config = await load("backends:\n  shell: { command: ./x }\nmodels:\n  gpt-5: { backend: codex }\n");
		expect(config.backends.codex?.command).toContain("codex exec --sandbox workspace-write");
		expect(config.backends.constructor).toBeUndefined();
		expect(config.models.toString).toBeUndefined();
	});
});

describe("without a file", () => {
	const detect = (...programs: string[]) =>
		loadConfig({ path: join(dir, "none.yaml"), env: { PATH: `/nonexistent:${pathWith(...programs)}` } });

	test.each([
		[["claude", "codex", "agent"], ["claude", "codex", "cursor"], "opus"],
		[["codex", "agent"], ["codex", "cursor"], "codex"],
		[["agent"], ["cursor"], "auto"],
		[["cursor-agent"], ["cursor"], "auto"],
		[[], [], null],
	])("%j on PATH", async (programs, backends, model) => {
		const config = await detect(...programs);
		expect(config).toMatchObject({ path: null, default: model });
		expect(Object.keys(config.backends)).toEqual(backends);
	});

	test("the usual commands, and no file that cannot be run", async () => {
		const bin = pathWith("agent");
		mkdirSync(join(bin, "claude"));
		writeFileSync(join(bin, "codex"), "", { mode: 0o644 });
		const config = await loadConfig({ path: join(dir, "none.yaml"), env: { PATH: bin } });
		expect(config.backends).toEqual({
			cursor: {
				name: "cursor",
				type: "cursor",
				command: 'agent -p --force --workspace "$(pwd)"',
				modelFlag: true,
				permissions: null,
			},
		});
	});
});

test("a key without a value counts as not there, at every depth", async () => {
	const bare = "command: codex exec";
	const empty = `backends:\n  x: { ${bare}, type: , model_flag: , prompt_by: }\nmodels:\n  m: { backend: , id: }\n`;
	const config = await load(
		`${empty}aliases:\n  a: { model: , prompt: }\nlimits:\nbudget: { task: }\nredis: { url: }\n`,
	);
	const without = await load(`backends:\n  x: { ${bare} }\nmodels:\n  m: {}\naliases:\n  a: {}\n`);
	expect(config).toEqual(without);
});

describe("what is refused", () => {
	test.each([
		["a list", "- a\n- b\n", "1:1: Expected keys such as default: and backends:."],
		["a word", "hello\n", "1:1: Expected keys"],
		["invalid YAML", "default: opus\nbackends: { a: [\n", "This is not valid YAML"],
		["a tab", "backends:\n\tclaude: x\n", "2:1: This is not valid YAML"],
		["a key twice", "default: a\ndefault: b\n", "2:1: This is not valid YAML"],
		[
			"an unknown key",
			"default: opus\nbackend:\n  a: b\n",
			'2:1: backend: There is no such key; did you mean "backends"?',
		],
		[
			"a key of a section",
			"max_agents: 3\n",
			"1:1: max_agents: There is no such key; did you mean worker.max_agents?",
		],
		[
			"a key of several",
			"budget:\n  concurrency: 3\n",
			"2:3: budget.concurrency: There is no such key; did you mean backends.NAME.concurrency or worker.concurrency?",
		],
		["a key of nowhere", "\n\nzebra: 1\n", "3:1: zebra: There is no such key; known are default, backends,"],
		[
			"an unknown inner key",
			"backends:\n  x:\n    command: y\n    model_flg: no\n",
			'4:5: backends.x.model_flg: There is no such key; did you mean "model_flag"?',
		],
		["no command", "backends:\n  foo: {}\n", "2:3: backends.foo.command: Expected text, got nothing."],
		["a number", "backends:\n  foo:\n    command: 3\n", "3:5: backends.foo.command: Expected text, got 3."],
		[
			"an empty command",
			"backends: { foo: { command: ' ' } }\n",
			"backends.foo.command: Expected a text that is not empty.",
		],
		[
			"another type",
			"backends: { foo: { type: gemini, command: x } }\n",
			"Expected one of claude, codex, cursor, command",
		],
		["text for keys", "backends: claude\n", '1:1: backends: Expected keys with values, got "claude".'],
		["a list of models", "models: [opus]\n", "1:1: models: Expected keys with values, got a list."],
		[
			"no number",
			"worker: { concurrency: two }\n",
			'1:11: worker.concurrency: Expected a whole number, got "two".',
		],
		["too few", "attempts: 0\n", "1:1: attempts: Expected 1 or more, got 0."],
		["half a worker", "worker: { concurrency: 1.5 }\n", "worker.concurrency: Expected a whole number"],
		[
			"no duration",
			"limits:\n  inactivity: soon\n",
			'2:3: limits.inactivity: Expected a duration such as 30s, 10m or 2h, got "soon".',
		],
		[
			"a duration without unit",
			"limits:\n  deadline: 30\n",
			"2:3: limits.deadline: Expected a duration such as 30s, 10m or 2h, got 30.",
		],
		["no money", "budget: { task: five }\n", "1:11: budget.task: Expected an amount of USD above 0, such as"],
		["no money at all", "budget: { daily: 0 }\n", "1:11: budget.daily: Expected an amount of USD above 0"],
		[
			"a way of prompts",
			"backends: { x: { command: y, prompt_by: Stdin } }\n",
			"Expected one of stdin, file, argument",
		],
		[
			"permissions of no kind",
			"backends: { x: { command: y, permissions: } }\n",
			"Expected one of read_only, edit",
		],
		["no time at all", "limits: { question_wait: 0s }\n", "limits.question_wait: Expected a duration"],
		["a namespace", "namespace: A B\n", "1:1: namespace: Expected lower-case letters"],
		[
			"an unknown default",
			"models: { opus: {} }\ndefault: nope\n",
			'2:1: default: There is no model or alias "nope"; there is opus.',
		],
		[
			"an unknown backend",
			"models:\n  x:\n    backend: nope\n",
			'3:5: models.x.backend: There is no backend "nope"',
		],
		[
			"an unknown model",
			"aliases:\n  q: { model: nope }\n",
			'2:8: aliases.q.model: There is no model "nope"',
		],
	])("%s", async (_name, text, message) => {
		const path = join(dir, "config.yaml");
		await expect(load(text)).rejects.toMatchObject({
			code: "DISPATCH_CONFIG_INVALID",
			message: expect.stringContaining(message),
			hint: expect.stringContaining("DISPATCH_CONFIG"),
		});
		await expect(load(text)).rejects.toThrow(`${path}:`);
	});

	test("a question ends as one", async () => {
		await expect(load("backend: x\n")).rejects.toThrow(/did you mean "backends"\?$/);
	});

	test("YAML that grows without end", async () => {
		const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${"bcdefghi"
			.split("")
			.map((key, at) => `${key}: &${key} [${Array(9).fill(`*${"abcdefgh"[at]}`).join(", ")}]\n`)
			.join("")}`;
		await expect(load(bomb)).rejects.toMatchObject({ code: "DISPATCH_CONFIG_INVALID" });
	});

	test("a directory in place of the file", async () => {
		const path = join(dir, "folder.yaml");
		mkdirSync(path);
		await expect(loadConfig({ path, env: {} })).rejects.toMatchObject({
			code: "DISPATCH_CONFIG_INVALID",
			message: `The config ${path} cannot be read: it is a directory.`,
		});
	});

	test("a path through a file", async () => {
		const path = join(dir, "config.yaml", "config.yaml");
		writeFileSync(join(dir, "config.yaml"), "");
		await expect(loadConfig({ path, env: {} })).rejects.toMatchObject({ code: "DISPATCH_CONFIG_INVALID" });
	});
});
