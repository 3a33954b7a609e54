import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkId, idFromPrompt } from "../../src/task/id.ts";

const random = () => "k3x9";

describe("idFromPrompt", () => {
	test.each([
		["do a security review of this project", "security-review"],
		["use opus to review src/auth", "review-src-auth"],
		["Please could you fix the login bug?", "fix-login-bug"],
		["Hello! I would like you to write tests for the parser", "write-tests-parser"],
		["opus: refactor the queue", "refactor-queue"],
		["have sonnet-4.6 update the changelog", "update-changelog"],
		["use gpt-5.3-codex to port the CLI", "port-cli"],
		["using the haiku model, list all TODO comments", "list-todo-comments"],
		["ask claude to explain src/queue/store.ts", "explain-src-queue-store"],
		["use quick to rename the variable", "rename-variable"],
		["Use the security-reviewer alias to check our API", "check-api"],
		["Fix issue #42", "fix-issue-42"],
		["Refactor. Nothing else.", "refactor-nothing-else"],
		["dispatch an agent to clean up the docs", "clean-up-docs"],
		["Update the dependencies in a worktree", "update-dependencies"],
		["Audit the whole codebase for XSS and SQL injection vulnerabilities", "audit-xss-sql-injection"],
		["make it faster", "faster"],
		["Don't break the user's session handling", "break-user-session-handling"],
		["Corriger le café", "corriger-le-cafe"],
		["fix https://github.com/acme/app/issues/12", "fix-app-issues-12"],
		["404 page is broken", "task-404-page-broken"],
		["Add OAuth2 support to the REST API", "add-oauth2-support-rest"],
		["../../etc/passwd", "etc-passwd"],
		["`rm -rf /` must not work", "rm-rf-work"],
		["fix fix fix it", "fix"],
		["Review the code.\nUse these rules:\n- be kind", "review-code"],
		["APIをレビューして", "api"],
		["セキュリティレビューをしてください", "task-k3x9"],
		["🚀🚀", "task-k3x9"],
		["please do it", "task-k3x9"],
		["", "task-k3x9"],
		["```\nconst a = 1;\n```", "task-k3x9"],
	])("%j → %s", (prompt, id) => {
		expect(idFromPrompt(prompt, random, ["quick", "security-reviewer"])).toBe(id);
	});

	test("a long word is cut, further words that do not fit are left out", () => {
		expect(idFromPrompt(`fix ${"a".repeat(60)} now`, random)).toBe("fix");
		expect(idFromPrompt("a".repeat(60), random)).toBe("a".repeat(48));
	});

	test("always gives a valid id", () => {
		const word = fc.constantFrom(
			"use",
			"opus",
			"fix",
			"the",
			"-",
			"x2",
			"日本",
			"\n",
			"`",
			"..",
			"/",
			"it's",
			"9",
		);
		const prompt = fc.oneof(
			fc.string({ unit: "binary" }),
			fc.array(word).map((words) => words.join(" ")),
			fc.lorem(),
		);
		fc.assert(
			fc.property(prompt, fc.array(fc.string(), { maxLength: 3 }), (text, names) => {
				const id = idFromPrompt(text, undefined, names);
				expect(id).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
				expect(id.length).toBeLessThanOrEqual(48);
				checkId(id);
			}),
		);
	});

	test("reads a megabyte", () => {
		for (const piece of ["use ", "a-", "```", "use gpt-", "aaaa", "this "]) {
			expect(idFromPrompt(piece.repeat(250_000), random)).toMatch(/^[a-z]/);
		}
	});
});

describe("checkId", () => {
	test.each(["a", "security-review", "v2-0", "2024-report", "a".repeat(64)])("%s is good", (id) => {
		expect(() => checkId(id)).not.toThrow();
	});

	test.each([
		"",
		"../x",
		"a/b",
		"A",
		"a_b",
		"a--b",
		"-a",
		"a-",
		"a b",
		"a\n",
		".",
		"..",
		"é",
		"a.1",
		"a".repeat(65),
	])("%j is refused", (id) => {
		const refusal = { code: "DISPATCH_USAGE", hint: "For example: --id security-review" };
		expect(() => checkId(id)).toThrow(expect.objectContaining(refusal));
		expect(() => checkId(id)).toThrow(`got ${JSON.stringify(id)}.`);
	});
});
