/** What a caller hands on to the daemon, and through it to every later agent. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import {
	DAEMON_ONLY,
	DROPPED,
	environmentOfDaemon,
	environmentOfProgram,
	OF_ANY_PROGRAM,
	setDaemonUmask,
} from "../../src/process/environment.ts";

/** Seen in hooks, scripts, terminals and the commands of agent CLIs. */
const OF_THE_CALLER = `
GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_NAMESPACE GIT_EXEC_PATH
GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_PARAMETERS GIT_CONFIG
GIT_CONFIG_GLOBAL GIT_AUTHOR_DATE GIT_COMMITTER_DATE GIT_EDITOR GIT_ASKPASS GIT_REFLOG_ACTION GIT_QUARANTINE_PATH
GIT_PUSH_OPTION_COUNT GIT_CEILING_DIRECTORIES GIT_SHALLOW_FILE GIT_GRAFT_FILE GIT_INTERNAL_GETTEXT_SH_SCHEME
npm_lifecycle_event npm_config_registry npm_package_json npm_execpath INIT_CWD PNPM_SCRIPT_SRC_DIR VIRTUAL_ENV
VIRTUAL_ENV_PROMPT CONDA_PREFIX CONDA_DEFAULT_ENV PIPENV_ACTIVE BUNDLE_GEMFILE RUBYOPT CARGO_MANIFEST_DIR MAKEFLAGS
MAKELEVEL DIRENV_DIFF HUSKY PRE_COMMIT_HOME NODE_CHANNEL_FD
CLAUDECODE CLAUDE_PROJECT_DIR CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS CLAUDE_CODE_ENTRYPOINT CLAUDE_CODE_SSE_PORT
CLAUDE_CODE_SESSION_ID CLAUDE_CODE_MESSAGING_TOKEN CLAUDE_ENV_FILE CLAUDE_PLUGIN_ROOT CLAUDE_CODE_NEXT_THING CLAUDE_PID
CODEX_THREAD_ID CODEX_SANDBOX CODEX_CI CURSOR_AGENT CURSOR_TRACE_ID GEMINI_CLI GEMINI_CLI_NO_RELAUNCH GEMINI_CLI_IDE_PID
OPENCODE OPENCODE_BIN_PATH OPENCODE_SERVER AGENT AI_AGENT COPILOT_AGENT_ID COPILOT_CLI QWEN_CODE QWEN_CODE_IDE_PORT
TERM TERM_PROGRAM TERM_SESSION_ID COLORTERM COLUMNS LINES FORCE_COLOR SSH_TTY SSH_CLIENT TMUX TMUX_PANE STY WINDOWID
VSCODE_PID VSCODE_GIT_IPC_HANDLE KITTY_WINDOW_ID ITERM_SESSION_ID WEZTERM_PANE XDG_SESSION_ID INVOCATION_ID
NOTIFY_SOCKET JOURNAL_STREAM LISTEN_FDS PWD OLDPWD SHLVL _ DISPATCH_RUN DISPATCH_TASK DISPATCH_TASK_DIR
`
	.trim()
	.split(/\s+/);

const OF_THE_USER = `
PATH HOME USER LANG LC_ALL TZ TMPDIR SHELL SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR XDG_CONFIG_HOME
HTTPS_PROXY no_proxy NODE_EXTRA_CA_CERTS NODE_OPTIONS ANTHROPIC_API_KEY ANTHROPIC_BASE_URL OPENAI_API_KEY CODEX_API_KEY
CODEX_HOME CLAUDE_CONFIG_DIR CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CODE_USE_BEDROCK CLAUDE_CODE_MAX_OUTPUT_TOKENS CURSOR_API_KEY
GEMINI_API_KEY GITHUB_TOKEN GH_TOKEN AWS_PROFILE GIT_SSH_COMMAND GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL GIT_SSL_CAINFO
IS_SANDBOX NO_COLOR EDITOR JAVA_HOME GOPATH DISPATCH_HOME DISPATCH_REDIS_URL
`
	.trim()
	.split(/\s+/);

const set = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, "/x"]));

test.each(OF_THE_CALLER)("%s stays with the caller", (name) => {
	expect(environmentOfDaemon(set([name]))).toEqual({});
});

test("settings and logins of the user go on", () => {
	expect(environmentOfDaemon(set(OF_THE_USER))).toEqual(set(OF_THE_USER));
});

test("in a hook the author of that commit is not the author of all later ones", () => {
	expect(environmentOfDaemon(set(["GIT_INDEX_FILE", "GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL"]))).toEqual({});
});

test("a virtual environment goes with its programs", () => {
	const env = { VIRTUAL_ENV: "/p/venv", PATH: "/p/venv/bin:/usr/bin" };
	expect(environmentOfDaemon(env)).toEqual({ PATH: "/usr/bin" });
});

test.each(["./node_modules/.bin", "bin", ".", "", "../bin"])(
	'"%s" in PATH means another folder in each directory: it stays behind',
	(folder) => {
		for (const PATH of [`${folder}:/usr/bin`, `/usr/bin:${folder}`])
			expect(environmentOfDaemon({ PATH })).toEqual({ PATH: "/usr/bin" });
	},
);

test.each([
	["000", "022"],
	["002", "022"],
	["077", "077"],
])("under umask %s the daemon and its agents have %s", (given, expected) => {
	const before = process.umask(given);
	try {
		expect(setDaemonUmask()).toBe(Number.parseInt(expected, 8));
		expect(process.umask()).toBe(Number.parseInt(expected, 8));
	} finally {
		process.umask(before);
	}
});

test("docs/CONFIG.md lists every rule", () => {
	const page = readFileSync(new URL("../../docs/CONFIG.md", import.meta.url), "utf8");
	const names = [
		...DAEMON_ONLY,
		...OF_ANY_PROGRAM,
		...DROPPED.flatMap(({ what, dropped, kept }) => [...dropped, ...kept, what]),
	];
	expect(names.filter((name) => !page.includes(`\`${name}\``) && !page.includes(`| ${name} |`))).toEqual([]);
});

test("a program that works for no agent gets what is listed, and no key, token or setting beside it", () => {
	const listed = OF_ANY_PROGRAM.map((name) => name.replace("*", "X"));
	expect(environmentOfProgram(set([...listed, ...OF_THE_USER, ...OF_THE_CALLER]))).toEqual(
		set([...listed, "LC_ALL", "XDG_CONFIG_HOME"]),
	);
});

const SRC = resolve(import.meta.dirname, "../../src");
const STARTS =
	/(?:promisify\(execFile\)|(?<![\w.]|function )(?:spawn|spawnSync|execFile|execFileSync|execa|askProgram|startInBackground|runHook))\(/g;

/** @returns each call that starts a program, from its name to its last parenthesis */
function startsIn(text: string): string[] {
	return [...text.matchAll(STARTS)].map(({ 0: name, index }) => {
		let at = index + name.length;
		for (let open = 1; open > 0; at++) open += { "(": 1, ")": -1 }[text[at] ?? ")"] ?? 0;
		return text.slice(index, at);
	});
}

test("whoever starts a program says which environment it gets", () => {
	const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) =>
		name.endsWith(".ts"),
	);
	const starts = files.flatMap((name) =>
		startsIn(readFileSync(join(SRC, name), "utf8")).map((call) => ({ name, call })),
	);
	const silent = starts.filter(
		({ call }) => !/\benv\b/.test(call) && !call.startsWith("askProgram(question"),
	);
	// What a person opens at their own terminal, such as their editor, is theirs.
	expect(silent.map(({ name, call }) => `${name} ${call.slice(0, 40)}`)).toEqual([
		expect.stringContaining('process/ask-program.ts execa("sh", ["-c", line'),
	]);
	expect(starts.length).toBeGreaterThan(15);
});
