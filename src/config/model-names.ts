/** What the name of a model tells: whose it is, and whether a word can be one at all. */

/** `o4-mini` is one, `o2-sensor` is none. */
const CLAUDE_FAMILY = /(?:^|[^a-z])(opus|sonnet|haiku)(?![a-z])/;
const SHORT_CLAUDE =
	/^(?:claude-)?(?:opus|sonnet|haiku)$|^(?:opus|sonnet|haiku)-\d[\d.]*$|^\d[\d.]*-(?:opus|sonnet|haiku)$/;
const OPENAI = /(?:^|[^a-z])(?:gpt|codex)(?![a-z])|^(?:o1|o3|o4-mini)(?![a-z0-9])/;

/** Forms that mean a model and nothing else, wherever they stand as a directive. */
const FORMS: readonly RegExp[] = [
	/^(?:claude-)?(?:\d[\d.]*-)?(?:opus|sonnet|haiku)(?:-\d[\w.-]*)?$/,
	/^(?:gpt-\d[\w.-]*|o1|o3|o4-mini|codex-[a-z0-9][\w.-]*)$/,
	/^(?:gemini|grok|kimi|deepseek|composer|qwen|glm)-[\w.-]*\d[\w.-]*$/,
];

type Maker = "claude" | "openai" | "other";

export function makerOf(name: string): Maker {
	const lower = name.toLowerCase();
	if (CLAUDE_FAMILY.test(lower)) return "claude";
	return OPENAI.test(lower) ? "openai" : "other";
}

/** opus, sonnet or haiku; null for another name */
export function claudeFamily(name: string): string | null {
	return CLAUDE_FAMILY.exec(name.toLowerCase())?.[1] ?? null;
}

export function looksLikeModel(word: string): boolean {
	return FORMS.some((form) => form.test(word.toLowerCase()));
}

/**
 * An id that the CLI or its service knows as it is (`claude-opus-4-1-20250805`, `sonnet[1m]`, Bedrock's
 * `us.anthropic.claude-…`), in contrast to the short names of a family (`opus`, `sonnet-4.6`).
 */
export function isFullClaudeId(name: string): boolean {
	const lower = name.toLowerCase();
	return CLAUDE_FAMILY.test(lower) && !SHORT_CLAUDE.test(lower);
}
