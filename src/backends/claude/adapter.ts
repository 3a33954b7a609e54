/** Claude Code: https://docs.anthropic.com/en/docs/claude-code/cli-reference (recorded from 2.1.330). */
import type { Permissions } from "../../task/spec.ts";
import { hasFlag, modelWords, rewritten, shellInvocation, unlessGiven } from "../command-line.ts";
import type { Backend, Invocation, StartInput } from "../contract.ts";
import { isSessionId } from "../text.ts";
import { claudeParser } from "./output.ts";

/** An agent may wait for an answer in one command; the CLI's own limits are 2 and 10 minutes. */
const BASH_LIMIT_MS = 30 * 60_000;

const SESSION_FLAGS = ["--session-id", "--resume", "-r", "--continue", "-c"];

const FREEDOM_FLAGS = {
	flags: ["--dangerously-skip-permissions", "--allow-dangerously-skip-permissions"],
	withValue: ["--permission-mode"],
};

export const claude: Backend = {
	type: "claude",
	permit,
	promptBy: "stdin",
	addEnv: { BASH_DEFAULT_TIMEOUT_MS: String(BASH_LIMIT_MS), BASH_MAX_TIMEOUT_MS: String(BASH_LIMIT_MS) },
	start(input) {
		const named = !hasFlag(input.command, ...SESSION_FLAGS);
		const session = named ? ["--session-id", input.sessionId] : [];
		return { argv: argvOf(input, session), sessionId: named ? input.sessionId : null };
	},
	resume(input): Invocation | null {
		if (hasFlag(input.command, ...SESSION_FLAGS) || !isSessionId(input.sessionId)) return null;
		return { argv: argvOf(input, [`--resume=${input.sessionId}`]), sessionId: input.sessionId };
	},
	parser: claudeParser,
};

/** Reading needs no permission; what a mode does not allow is refused without asking (`dontAsk`). */
function permit(command: string, permissions: Permissions, taskDir: string): string {
	if (permissions === "full") return rewritten(command, FREEDOM_FLAGS, ["--dangerously-skip-permissions"]);
	const mode = permissions === "edit" ? "acceptEdits" : "dontAsk";
	// Two slashes begin an absolute path in its rules.
	const rules = [`Edit(/${taskDir}/**)`, "Bash(dispatch ask:*)"];
	return rewritten(command, FREEDOM_FLAGS, ["--permission-mode", mode, `--allowedTools=${rules.join(",")}`]);
}

function argvOf(input: StartInput, session: string[]): string[] {
	const words = [
		...unlessGiven(input.command, "--output-format", "stream-json"),
		...unlessGiven(input.command, "--verbose"),
		// Only parts carry what a message has used; its totals come with an orderly end.
		...unlessGiven(input.command, "--include-partial-messages"),
		...session,
		...modelWords(input, "--model"),
		...(input.budgetUsd ? unlessGiven(input.command, "--max-budget-usd", input.budgetUsd.toFixed(4)) : []),
		...(input.promptFile ? [] : ["--", input.prompt]),
	];
	return shellInvocation(input.command, words, input.promptFile);
}
