/**
 * Which variables of a caller reach the daemon and, through it, every later agent of every project. This
 * table is the one place that decides it; docs/CONFIG.md shows it, and a test compares the two. A worker
 * outlives the shell, hook, script or agent that started it: what describes those is nobody else's business.
 */
import { foldersOf } from "./which.ts";

export type Environment = Record<string, string | undefined>;

interface Rule {
	what: string;
	/** names; `*` stands for any characters */
	dropped: readonly string[];
	/** exceptions: settings and logins of the user's own */
	kept: readonly string[];
}

/** Whether git itself started us (a hook, an alias): then the identity is that of one commit. */
const isInsideGit = (env: Environment) => Boolean(env.GIT_EXEC_PATH || env.GIT_INDEX_FILE || env.GIT_DIR);
const GIT_IDENTITY = /^GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)$/;

export const DROPPED: readonly Rule[] = [
	{
		what: "places and settings of one git call (a hook's repository, index, author)",
		dropped: ["GIT_*"],
		kept: [
			"GIT_AUTHOR_NAME",
			"GIT_AUTHOR_EMAIL",
			"GIT_COMMITTER_NAME",
			"GIT_COMMITTER_EMAIL",
			"GIT_SSH*",
			"GIT_SSL_*",
			"GIT_HTTP_*",
			"GIT_PROXY_*",
			"GIT_ALLOW_PROTOCOL",
			"GIT_TERMINAL_PROMPT",
			"GIT_LFS_*",
			"GIT_TOKEN",
		],
	},
	{
		what: "package scripts, builds and the environments of one project",
		dropped: [
			"npm_*",
			"INIT_CWD",
			"PROJECT_CWD",
			"PNPM_*",
			"YARN_*",
			"BERRY_BIN_FOLDER",
			"VIRTUAL_ENV*",
			"_OLD_VIRTUAL_*",
			"CONDA_*",
			"PIPENV_ACTIVE",
			"POETRY_ACTIVE",
			"PYENV_VIRTUAL_ENV*",
			"PYENV_VERSION",
			"BUNDLE_GEMFILE",
			"BUNDLE_BIN_PATH",
			"BUNDLER_*",
			"RUBYOPT",
			"CARGO",
			"CARGO_MANIFEST_*",
			"CARGO_PKG_*",
			"MAKE",
			"MAKEFLAGS",
			"MAKELEVEL",
			"MAKEFILES",
			"MFLAGS",
			"DIRENV_*",
			"HUSKY*",
			"PRE_COMMIT*",
			"LEFTHOOK*",
			"NODE_CHANNEL_*",
			"NODE_UNIQUE_ID",
			"NODE_TEST_CONTEXT",
		],
		kept: ["PNPM_HOME", "CONDA_EXE", "CONDA_PYTHON_EXE", "YARN_NPM_AUTH_TOKEN"],
	},
	{
		what: "the session of an agent CLI, or of an editor's agent, that called dispatch",
		dropped: [
			"CLAUDE*",
			"CODEX_*",
			"CURSOR_*",
			"GEMINI_CLI*",
			"OPENCODE*",
			"COPILOT_*",
			"QWEN_CODE*",
			"AMP_*",
			"GOOSE_*",
			"CLINE_*",
			"ROO_*",
			"AUGMENT_*",
			"CRUSH*",
			"WINDSURF_*",
			"AI_AGENT",
			"AGENT",
		],
		kept: [
			"CLAUDE_CONFIG_DIR",
			"CLAUDE_CODE_OAUTH_TOKEN",
			"CLAUDE_CODE_USE_*",
			"CLAUDE_CODE_SKIP_*",
			"CLAUDE_CODE_MAX_*",
			"CLAUDE_CODE_DISABLE_*",
			"CLAUDE_CODE_ENABLE_*",
			"CLAUDE_CODE_API_*",
			"CLAUDE_CODE_CLIENT_*",
			"CLAUDE_CODE_SUBAGENT_MODEL",
			"CLAUDE_CODE_SHELL*",
			"CLAUDE_CODE_EFFORT_LEVEL",
			"CLAUDE_API_KEY",
			"CODEX_HOME",
			"CODEX_API_KEY",
			"CODEX_ACCESS_TOKEN",
			"CODEX_CA_CERTIFICATE",
			"CURSOR_API_KEY",
			"CURSOR_CONFIG_DIR",
			"GEMINI_CLI_HOME",
			"GEMINI_CLI_SYSTEM_*",
			"OPENCODE_API_KEY",
			"OPENCODE_CONFIG*",
			"COPILOT_GITHUB_TOKEN",
			"COPILOT_HOME",
			"AMP_API_KEY",
		],
	},
	{
		what: "the terminal, the login session and the shell",
		dropped: [
			"TERM",
			"TERM_*",
			"TERMINAL_*",
			"COLORTERM",
			"COLUMNS",
			"LINES",
			"FORCE_COLOR",
			"CLICOLOR_FORCE",
			"TTY",
			"GPG_TTY",
			"SSH_TTY",
			"SSH_CLIENT",
			"SSH_CONNECTION",
			"TMUX*",
			"STY",
			"WINDOW",
			"WINDOWID",
			"ZELLIJ*",
			"ITERM_*",
			"LC_TERMINAL*",
			"KITTY_*",
			"WEZTERM_*",
			"ALACRITTY_*",
			"GHOSTTY_*",
			"KONSOLE_*",
			"VTE_VERSION",
			"WT_*",
			"VSCODE_*",
			"ZED_*",
			"XDG_SESSION_*",
			"XDG_SEAT*",
			"XDG_VTNR",
			"DESKTOP_STARTUP_ID",
			"XDG_ACTIVATION_TOKEN",
			"INVOCATION_ID",
			"JOURNAL_STREAM",
			"NOTIFY_SOCKET",
			"LISTEN_*",
			"MAINPID",
			"WATCHDOG_*",
			"SYSTEMD_EXEC_PID",
			"PWD",
			"OLDPWD",
			"SHLVL",
			"_",
			"PS1",
			"PROMPT_COMMAND",
		],
		kept: [],
	},
	{
		what: "the run of dispatch that called it",
		dropped: ["DISPATCH_RUN", "DISPATCH_TASK", "DISPATCH_TASK_*"],
		kept: [],
	},
];

/** Addresses and switches of dispatch itself: the daemon has them, an agent works on its task's files only. */
export const DAEMON_ONLY: readonly string[] = [
	"DISPATCH_REDIS_URL",
	"DISPATCH_FAULT",
	"DISPATCH_WATCH",
	"DISPATCH_LOG_LEVEL",
];

/**
 * What a program needs that works for no agent (the line of a notification, the local Redis, `apt-get`, `flock`): to be
 * found, to write in the user's language and places, to reach the desktop and the network. A proxy's address may
 * hold a password, and is the one secret in it.
 */
export const OF_ANY_PROGRAM: readonly string[] = [
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"SHELL",
	"LANG",
	"LANGUAGE",
	"LC_*",
	"TZ",
	"TMPDIR",
	"LD_LIBRARY_PATH",
	"XDG_*_HOME",
	"XDG_*_DIRS",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"HTTP_PROXY",
	"HTTPS_PROXY",
	"ALL_PROXY",
	"NO_PROXY",
	"http_proxy",
	"https_proxy",
	"all_proxy",
	"no_proxy",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"CURL_CA_BUNDLE",
	"NODE_EXTRA_CA_CERTS",
	"DISPATCH_HOME",
	"DISPATCH_CONFIG",
	"DISPATCH_NAMESPACE",
];

/** Never looser than this: a file that an agent makes is nobody else's to write. */
const LOOSEST_UMASK = 0o022;

/** What a caller's environment leaves for the daemon. */
export function environmentOfDaemon(env: Environment): Record<string, string> {
	const kept: Record<string, string> = {};
	const inGit = isInsideGit(env);
	for (const [name, value] of Object.entries(env)) {
		if (value === undefined || isDropped(name) || (inGit && GIT_IDENTITY.test(name))) continue;
		kept[name] = value;
	}
	const path = pathOutside(env);
	return path === undefined ? kept : { ...kept, PATH: path };
}

/** What a caller's or the daemon's environment leaves for agents, and for their CLIs when these are asked something. */
export function environmentOfAgents(env: Environment): Record<string, string> {
	const kept = environmentOfDaemon(env);
	for (const name of DAEMON_ONLY) delete kept[name];
	return kept;
}

/** What it leaves for a program that works for no agent. */
export function environmentOfProgram(env: Environment): Record<string, string> {
	const kept = Object.entries(environmentOfDaemon(env)).filter(([name]) => ANY_PROGRAM.test(name));
	return Object.fromEntries(kept);
}

function isDropped(name: string): boolean {
	return RULES.some(({ dropped, kept }) => dropped.test(name) && !kept.test(name));
}

/** Sets the umask of this process and of all that it starts. @returns it */
export function setDaemonUmask(): number {
	const umask = process.umask() | LOOSEST_UMASK;
	process.umask(umask);
	return umask;
}

/** PATH as it means the same in every directory, without the programs of a virtual environment that is left behind with its variable. */
function pathOutside({ PATH, VIRTUAL_ENV }: Environment): string | undefined {
	if (PATH === undefined) return PATH;
	const left = VIRTUAL_ENV ? `${VIRTUAL_ENV}/bin` : null;
	return foldersOf(PATH)
		.filter((folder) => folder !== left)
		.join(":");
}

const RULES = DROPPED.map(({ dropped, kept }) => ({ dropped: matcher(dropped), kept: matcher(kept) }));
const ANY_PROGRAM = matcher(OF_ANY_PROGRAM);

function matcher(patterns: readonly string[]): RegExp {
	const forms = patterns.map((pattern) => pattern.replaceAll("*", ".*"));
	// Without a pattern nothing matches, not even an empty name.
	return forms.length === 0 ? /^\b$/ : new RegExp(`^(?:${forms.join("|")})$`);
}
