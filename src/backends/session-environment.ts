/**
 * What the CLIs set for the commands they run (seen in claude 2.1.330 and codex 0.169.0, November 2026).
 * A dispatch that was started from inside an agent must not hand these on: the new agent would take
 * itself for a part of that session.
 */
export const SESSION_VARIABLES: readonly string[] = [
	"AI_AGENT",
	"CLAUDECODE",
	"CLAUDE_CODE_CHILD_NOTES_DIR",
	"CLAUDE_CODE_CHILD_SESSION",
	"CLAUDE_CODE_ENTRYPOINT",
	"CLAUDE_CODE_EXECPATH",
	"CLAUDE_CODE_MESSAGING_SOCKET",
	"CLAUDE_CODE_MESSAGING_TOKEN",
	"CLAUDE_CODE_SESSION_ATTENDED",
	"CLAUDE_CODE_SESSION_ID",
	"CLAUDE_CODE_SSE_PORT",
	"CLAUDE_EFFORT",
	"CLAUDE_PID",
	"CODEX_CI",
	"CODEX_MANAGED_BY_NPM",
	"CODEX_MANAGED_PACKAGE_ROOT",
	"CODEX_SANDBOX",
	"CODEX_SANDBOX_NETWORK_DISABLED",
	"CODEX_SESSION_ID",
	"CODEX_THREAD_ID",
	"CODEX_TOOL_CALL_ID",
	"CODEX_VERSION",
	"CURSOR_AGENT",
];
