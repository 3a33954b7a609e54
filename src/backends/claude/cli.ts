import { join } from "node:path";
import type { Cli } from "../cli.ts";
import { shellWords } from "../shell-words.ts";

const FAMILY = /(?:^|[^a-z])(opus|sonnet|haiku)(?![a-z])/;
const SHORT =
	/^(?:claude-)?(?:opus|sonnet|haiku)$|^(?:opus|sonnet|haiku)-\d[\d.]*$|^\d[\d.]*-(?:opus|sonnet|haiku)$/;
const SKIPS = "--dangerously-skip-permissions";

export const claude: Cli<"claude"> = {
	type: "claude",
	programs: ["claude"],
	prefix: "env -u CLAUDE_CODE_ENTRYPOINT -u CLAUDECODE ",
	flags: `-p ${SKIPS}`,
	tested: "2.1.330",
	// npm picks an old version by the Node that runs it, unless it is told not to.
	install: "npm install -g @anthropic-ai/claude-code@latest",
	login: {
		variables: () => ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
		file: (env, userHome) => join(env.CLAUDE_CONFIG_DIR || join(userHome, ".claude"), ".credentials.json"),
		how: "Start `claude` once and log in with /login, or set ANTHROPIC_API_KEY.",
	},
	permissions: ["read_only", "edit"],
	dropped: [],
	refusal(command, { env, isRoot }) {
		const isSandbox = env.IS_SANDBOX === "1" || /\bIS_SANDBOX=1\b/.test(command);
		if (!isRoot || isSandbox || !shellWords(command).some(({ text }) => text === SKIPS)) return null;
		return {
			what: `claude refuses ${SKIPS} for root.`,
			fix: "Run the worker as another user, or, where this machine is a sandbox, start it with IS_SANDBOX=1.",
		};
	},
	models: {
		usual: ["opus", "sonnet", "haiku"],
		isMakers: (name) => FAMILY.test(name),
		form: /^(?:claude-)?(?:\d[\d.]*-)?(?:opus|sonnet|haiku)(?:-\d[\w.-]*)?(?:\[\w+\])?$/,
		further: ["opus", "sonnet", "haiku"],
		prefix: "claude-",
		isFullId,
		argument: (name) => (isFullId(name) ? name : (familyOf(name) ?? name)),
		isSure: (name) => isFullId(name) || familyOf(name) === name.replace(/^claude-/, ""),
		ofOthers: false,
		offered: null,
	},
};

/** opus, sonnet or haiku; null for another name */
function familyOf(name: string): string | null {
	return FAMILY.exec(name.toLowerCase())?.[1] ?? null;
}

/**
 * `claude-opus-4-1-20250805`, `sonnet[1m]`, Bedrock's `us.anthropic.claude-…`, in contrast to the short names of a
 * family (`opus`, `sonnet-4.6`).
 */
function isFullId(name: string): boolean {
	const lower = name.toLowerCase();
	return FAMILY.test(lower) && !SHORT.test(lower);
}
