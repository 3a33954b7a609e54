import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mentionedModel, unclearMention } from "../../src/config/directive.ts";

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
		["codex: please fix the build", "codex"],
		["Can you use opus?", "opus"],
		["Fix the tests - use opus", "opus"],
		["Fix the tests [use opus]", "opus"],
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
		["I want to use opus", "opus"],
		["I'd like to use opus for this", "opus"],
		["Let's use opus here", "opus"],
		["use sonnet[1m] for the rest", "sonnet[1m]"],
		["Fix it [use sonnet[1m]].", "sonnet[1m]"],
		["use codex to fix the build", "codex"],
		["use opus 4.7 to review", "opus-4.7"],
		["use gpt-9 to review", "gpt-9"],
		["o4-mini: review", "o4-mini"],
		["use haiku first, then use opus to check", "opus"],
		["if in doubt ask; not sure? use sonnet", "sonnet"],
		["Could you please use haiku for the summary? Use haiku.", "haiku"],
		["- use sonnet\n- review src/", "sonnet"],
		["Review src/auth. Then ask opus to check it", "opus"],
		["Fix the flaky test, and have codex run it", "codex"],
		["With opus: plan the migration", "opus"],
		["Using haiku, list the endpoints", "haiku"],
		["Refactor the parser via gpt-5.3-codex", "gpt-5.3-codex"],
		["Review this (using opus)", "opus"],
		["Use opus.\n\nReview the queue", "opus"],
		["Review the queue\n\nUse opus", "opus"],
		["Ok, now let sonnet write the tests", "sonnet"],
		["For this, use security-reviewer: check the login", "security-reviewer"],
		["Write the tests with haiku, then stop", "haiku"],
		["Use sonnet in the background to tidy up", "sonnet"],
		["use opus since it is hard", "opus"],
		["Please dispatch harvey to draft it", "Harvey"],
	])("%j names %s", (prompt, name) => {
		expect(mentioned(prompt)).toBe(name);
	});

	test.each([
		"Document using claude for code review in CONTRIBUTING.md",
		"Why does the agent ask sonnet twice?",
		"Have the quick check run before deploy",
		"cursor: pointer is missing on buttons",
		"quick: the brown fox jumps",
		"Should we use opus?",
		"Why not use opus?",
		"Make the summarizer use sonnet",
		"Add a setting to use opus for reviews",
		"When users use haiku, show a warning",
		"The worker crashes with opus.",
		"Fix the crash that happens with opus.",
		"Explain how to review code with opus.",
		"Write a blog post comparing our agent with sonnet",
		"Our script will use opus to summarize mails",
		"Switch to using opus in src/llm.ts",
		"Add support for streaming with opus",
		"Why do we use codex here?",
		"Does the CLI work with sonnet?",
		"Find out which tests use haiku",
		"List the places where we ask opus for help",
		"Remove the code that lets haiku answer",
		"Check that the docs say to use sonnet for reviews",
		"The README says use opus for hard tasks",
		"Write a guide for teams using claude with GitHub",
		"Add a benchmark of our prompts with haiku",
		"Describe what happens if users ask opus to delete files",
		"Test that agents using codex get the right flags",
		"Let users ask sonnet from the sidebar",
		"Build a chat client with opus",
		"Translate the poem by haiku masters",
		"Update the example that starts with sonnet",
		"Use cursor to iterate over the rows",
		"Use sonnet in the examples of the README",
		"Use haiku when the diff is small, in src/choose.ts",
		"Have the agent use sonnet by default",
		"Rename the function that dispatches opus jobs",
		"The config must let opus be the default",
		"Review the code written by codex",
		"Fix the test generated using claude",
		"Implement a picker so that people can use opus or sonnet",
		"Write release notes: users can now ask opus to plan",
		"I think the bug is in how we use sonnet",
		"Investigate timeouts seen with opus on Mondays",
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
					const [named = ""] = mentioned(prompt)?.toLowerCase().split("-") ?? [];
					expect(prompt.toLowerCase()).toContain(named);
				},
			),
		);
		for (const text of ["use ", '"', "'", "“", "« ", "to ", "use opus ", "`", "compare ", " '", "use the "])
			mentioned(text.repeat(200_000));
	});
});

describe("what was not taken for an order", () => {
	const names = { models: ["opus", "sonnet"], backends: ["claude", "codex"] };
	test.each([
		["Document using claude for code review in CONTRIBUTING.md", { said: "using claude", meant: "claude" }],
		["Why does the agent ask sonnet twice?", { said: "ask sonnet", meant: "sonnet" }],
		["use sonet to tidy up", { said: "use sonet", meant: "sonnet" }],
		["Use opsu, tidy up", { said: "Use opsu", meant: "opus" }],
		["Using cladue review it", { said: "Using cladue", meant: "claude" }],
		["Use bcrypt to hash passwords", null],
		["use some tests with care", null],
		["Fix the codex parser", null],
		["Explain `use opus` in the docs", null],
	])("%s", (prompt, found) => {
		expect(mentionedModel(prompt, names)).toBeNull();
		expect(unclearMention(prompt, names)).toEqual(found);
	});
});
