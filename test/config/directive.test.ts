import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mentionedModel } from "../../src/config/directive.ts";

const NAMES = {
	models: [
		"opus",
		"sonnet",
		"haiku",
		"sonnet-4.6",
		"gpt-5.3-codex",
		"gemini-3.1-pro",
		"quick",
		"Harvey",
		"security-reviewer",
	],
	backends: ["claude", "codex", "cursor"],
};

const mentioned = (prompt: string) => mentionedModel(prompt, NAMES);

describe("a directive", () => {
	test.each([
		["use opus to review src/auth", "opus"],
		["Use Opus to review src/auth", "opus"],
		["Review the auth code using sonnet", "sonnet"],
		["review it with opus.", "opus"],
		["Please have sonnet check the tests", "sonnet"],
		["ask haiku what changed in src/", "haiku"],
		["let opus refactor this", "opus"],
		["dispatch opus to fix the bug", "opus"],
		["have this reviewed by opus, then stop", "opus"],
		["via gpt-5.3-codex, port the CLI", "gpt-5.3-codex"],
		["use gemini-3.1-pro.", "gemini-3.1-pro"],
		["opus: review the queue", "opus"],
		["harvey: draft the letter", "Harvey"],
		["use the opus model to plan", "opus"],
		["use the security-reviewer to check the login", "security-reviewer"],
		["have the security-reviewer look at src/", "security-reviewer"],
		["use quick to rename it", "quick"],
		["have harvey write the summary", "Harvey"],
		["use **opus** to review", "opus"],
		["Fix the login, please use\nsonnet", "sonnet"],
		["use sonnet 4.6 to review", "sonnet-4.6"],
		["use Claude Opus for this", "opus"],
		["with gpt 5.3 codex, port the CLI", "gpt-5.3-codex"],
		["you should use opus for this", "opus"],
		["I want you to use opus", "opus"],
		["use codex to fix the build", "codex"],
		["use opus 4.7 to review", "opus-4.7"],
		["use gpt-9 to review", "gpt-9"],
		["o4-mini: review", "o4-mini"],
		["use haiku first, then use opus to check", "opus"],
		["if in doubt ask; not sure? use sonnet", "sonnet"],
	])("%j names %s", (prompt, name) => {
		expect(mentioned(prompt)).toBe(name);
	});

	test.each([
		"A quick review of the auth code",
		"do a quick review",
		"write a haiku about queues",
		"use quick sort in src/sort.ts",
		"use quick and dirty hacks where needed",
		"ask quick questions",
		"have quick checks in CI",
		"with quick feedback",
		"paginate by cursor",
		"add pagination with cursor",
		"use cursor pagination",
		'say "use opus" in the docs',
		"print `use opus to review` in --help",
		"```\nuse opus to review\n```\nExplain this",
		"explain what 'use opus' means",
		"> use opus to review\n\nAnswer this mail",
		"use src/opus for the tests",
		"use opus/main.ts as the entry",
		"use opus.ts as the entry",
		"don't use opus for this",
		"do not use opus",
		"never use opus",
		"solve it without using opus",
		"answer instead of using opus",
		"migrate the chatbot to use gpt-4o",
		"the service should use gpt-4o",
		"it must use opus",
		"replace haiku with sonnet in the docs",
		"compare sonnet with opus",
		"encode the audio with opus codec settings",
		"integrate our bot with gpt-4o",
		"use gpt-4o API calls in the bot",
		"reuse opus",
		"re-use opus",
		"opusculum: read it",
		"use constructor injection",
		"use constructor to build it",
		"use tabs instead of spaces",
		"fix: the login",
		"",
	])("is not in %j", (prompt) => {
		expect(mentioned(prompt)).toBeNull();
	});

	test("is found in any text without fail, and fast", () => {
		const piece = fc.constantFrom(
			"use ",
			"opus",
			'"',
			"'",
			"`",
			"```",
			"\n",
			" ",
			".",
			"not ",
			"with the ",
			"“",
			"> ",
			"4.6",
		);
		fc.assert(
			fc.property(
				fc.oneof(
					fc.string({ unit: "binary" }),
					fc.array(piece).map((parts) => parts.join("")),
				),
				(prompt) => {
					const name = mentioned(prompt);
					if (name !== null) expect(prompt.toLowerCase()).toContain(name.toLowerCase().split("-")[0]);
				},
			),
		);
		for (const text of ["use ", '"', "'", "“", "« ", "to ", "use opus ", "`", "compare ", " '", "use the "])
			mentioned(text.repeat(200_000));
	});
});
