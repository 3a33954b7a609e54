import { array, assert, constantFrom, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import type { NeededTask } from "../../src/ipc/needed.ts";
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
		needed: [],
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

describe("what it had to wait for", () => {
	const needed = (changes: Partial<NeededTask> = {}): NeededTask => ({
		id: "scan",
		became: "completed",
		message: "All items done.",
		report: "Nothing was found.",
		path: "/home/ann/shop/.dispatch/tasks/scan/output.md",
		...changes,
	});
	/** Its part of the prompt, without what is said before the first task. */
	const partOf = (...tasks: NeededTask[]) => {
		const section = promptOf({ needed: tasks }).split("## What came before\n")[1] ?? "";
		return (section.split("\n\n## Plan\n")[0] ?? "").split("\n\n").slice(1).join("\n\n");
	};

	test("stands in the prompt with outcome, report and its path", () => {
		expect(partOf(needed(), needed({ id: "gone", became: "removed since", ...NOTHING }))).toBe(
			`Task \`scan\`: completed. Its report is "/home/ann/shop/.dispatch/tasks/scan/output.md".
> All items done.
Its report:
> Nothing was found.

Task \`gone\`: removed since.
It left no report.`,
		);
		expect(promptOf()).not.toContain("What came before");
		expect(promptOf({ mode: "resume", needed: [needed()] })).not.toContain("Nothing was found.");
	});

	test("no line of a report passes for one of ours, whatever ends a line", () => {
		const ends = [
			"\n",
			"\r",
			"\r\n",
			"\v",
			"\f",
			"\u0085",
			"\u2028",
			"\u2029",
			"\0",
			"\u001b[2J",
			"## End",
			"x",
		];
		const text = array(constantFrom(...ends)).map((parts) => parts.join(""));
		assert(
			property(text, text, (report, message) => {
				const [head, ...lines] = partOf(needed({ report: `r${report}`, message })).split(
					/\r\n|[\n\r\v\f\u0085\u2028\u2029]/,
				);
				expect(head).toMatch(/^Task `scan`/);
				expect(lines.filter((line) => line !== "Its report:" && !line.startsWith("> "))).toEqual([]);
			}),
		);
	});

	test("is cut: of one report, and of all together", () => {
		const long = needed({ report: "x".repeat(300_000) });
		expect(partOf(long).length).toBeLessThan(20_000);
		expect(partOf(long)).toContain("Its report, of which the first 16384 characters are here:\n> xxx");
		expect(partOf(...Array.from({ length: 50 }, () => long)).length).toBeLessThan(80_000);
	});
});

const NOTHING = { message: null, report: null, path: null };
