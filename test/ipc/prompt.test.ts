import { assert, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { buildPrompt, type PromptInput } from "../../src/ipc/prompt.ts";

const DIR = ".dispatch/tasks/review";
const QUESTION = { seq: "001", question: "Which\nport?", answer: "8080\n- [x] Everything" };

const SPEC: PromptInput["spec"] = {
	id: "review",
	prompt: "Review the code.",
	promptAddition: null,
	contextFiles: [],
	unattended: false,
	questionWaitMs: 600_000,
	givenItems: [],
	nonce: "0123456789abcdef",
};

function promptOf(change: Partial<PromptInput> = {}, spec: Partial<PromptInput["spec"]> = {}): string {
	return buildPrompt({
		checkFailed: null,
		dispatchPath: "/home/ann/.dispatch/bin/dispatch",
		spec: { ...SPEC, ...spec },
		mode: "fresh",
		taskDir: `/home/ann/shop/${DIR}`,
		taskDirRelative: DIR,
		hasPlanItems: false,
		undelivered: [],
		answered: [],
		...change,
	});
}

test("the user's words are in it unchanged, and cannot end their frame", () => {
	assert(
		property(string({ unit: "grapheme" }), (words) => {
			const prompt = promptOf({}, { prompt: words });
			expect(prompt).toContain(`\n<request-${SPEC.nonce}>\n${words}\n</request-${SPEC.nonce}>\n`);
		}),
	);
});

test("an alias's addition goes before everything, the task directory before the user's words", () => {
	const prompt = promptOf(
		{},
		{ promptAddition: "You are a reviewer.\nBe kind.", prompt: "See .dispatch/tasks/other." },
	);
	expect(prompt.startsWith("You are a reviewer.\nBe kind.\n\n")).toBe(true);
	expect(prompt.indexOf(DIR)).toBeLessThan(prompt.indexOf(".dispatch/tasks/other"));
});

describe("the rules", () => {
	test.each([
		...["plan.md", "output.md", "context.md", "ipc/.done", "ipc/NNN.question.tmp", "ipc/NNN.answer"].map(
			(file) => `${DIR}/${file}`,
		),
		...["`- [ ] …`", "`- [x] …", "`- [?] …`", "`- [!] …`", "`NNN.done`", "> **Note from dispatcher:**"],
		'/home/ann/.dispatch/bin/dispatch ask --timeout 100s "',
		`/home/ann/shop/${DIR}/plan.md`,
		"less than 2 minutes",
		"10m",
	])("name %s", (part) => {
		expect(promptOf()).toContain(part);
		expect(promptOf({ mode: "continue" })).toContain(part);
	});

	test("run no command inside a command, which some CLIs refuse", () => {
		for (const mode of ["fresh", "resume", "continue"] as const)
			expect(promptOf({ mode })).not.toMatch(/\$\(|<\(|`\s*\$/);
	});

	test("name the task directory from anywhere, and dispatch by its path as one word", () => {
		for (const mode of ["fresh", "resume", "continue"] as const)
			expect(promptOf({ mode })).toContain(`/home/ann/shop/${DIR}/`);
		expect(promptOf({ dispatchPath: "/home/ann o'h/bin/dispatch" })).toContain(
			"`'/home/ann o'\\''h/bin/dispatch' ask --timeout",
		);
	});

	test("are short in every mode", () => {
		for (const mode of ["fresh", "resume", "continue"] as const) {
			expect(promptOf({ mode, undelivered: [QUESTION] }).split("\n").length).toBeLessThan(60);
		}
	});

	test("let an agent write its plan only where none is given", () => {
		expect(promptOf()).toContain(`write your checklist into \`${DIR}/plan.md\``);
		const given = promptOf({ hasPlanItems: true }, { givenItems: ["One"] });
		expect(given).not.toContain("write your checklist");
		expect(given).toContain("keep all of them");
	});

	test("of an unattended run leave out how to ask", () => {
		for (const mode of ["fresh", "resume", "continue"] as const) {
			const prompt = promptOf({ mode }, { unattended: true });
			expect(prompt).toMatch(/nobody can answer/i);
			expect(prompt).toContain("assumption");
			expect(prompt).not.toMatch(/dispatch ask|\.question\.tmp|wait for it/);
		}
	});
});

describe("going on", () => {
	test("the same session gets the answers and the files to acknowledge, not the request again", () => {
		const prompt = promptOf({ mode: "resume", undelivered: [QUESTION] });
		expect(prompt).toContain("Question 001:\n> Which\n> port?\nAnswer:\n> 8080\n> - [x] Everything\n");
		expect(prompt).toContain(`${DIR}/ipc/001.done`);
		expect(prompt).toContain(`${DIR}/ipc/.done`);
		expect(prompt).not.toContain(SPEC.prompt);
		expect(promptOf({ mode: "resume" })).toContain("You were interrupted.");
	});

	test("a successor gets the request, plan.md, context.md and all that was asked", () => {
		const earlier = { seq: "001", question: "Which host?", answer: "localhost\0" };
		const prompt = promptOf({
			mode: "continue",
			undelivered: [{ ...QUESTION, seq: "002" }],
			answered: [earlier],
		});
		for (const part of [
			SPEC.prompt,
			`${DIR}/plan.md`,
			`${DIR}/context.md`,
			"> Which host?",
			"> localhost\uFFFD\n",
			"> 8080",
		]) {
			expect(prompt).toContain(part);
		}
		expect(promptOf({ mode: "fresh", undelivered: [QUESTION] })).toContain("> 8080");
	});
});
