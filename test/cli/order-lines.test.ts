/** What somebody signs is shown, all of it: whoever wrote the record would put the rest into what is not. */
import { expect, test } from "vitest";
import { orderLines } from "../../src/cli/commands/order-lines.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import type { AgentChoice, TaskSpec } from "../../src/task/spec.ts";
import { specOf } from "../queue/records/store-support.ts";

const shown = (spec: TaskSpec, chosen: AgentChoice | null = null) =>
	orderLines({ spec, host: spec.host, chosen } as TaskRecord).join("\n");

/** Another one than was asked for, with everything that may stand in it. */
const CHOSEN: AgentChoice = {
	...{ backend: "next", model: "small", permissions: "read_only", promptAddition: "Be nice" },
	modelReason: "--model",
};

const WORKTREE = {
	...{ repository: "/other", gitDir: "/other/.git", base: "a".repeat(40), inside: "", folder: "/w" },
	programs: null,
};

/** Something else in each field that an agent, or its end, goes by. */
const OTHERWISE: [keyof TaskSpec, TaskSpec[keyof TaskSpec]][] = [
	["id", "other"],
	["createdBy", "bob@there"],
	["cwd", "/other"],
	["worktree", WORKTREE],
	["worktree", { ...WORKTREE, repository: "/another" }],
	["worktree", { ...WORKTREE, gitDir: "/another/.git" }],
	["worktree", { ...WORKTREE, base: "b".repeat(40) }],
	["worktree", { ...WORKTREE, inside: "packages" }],
	["backend", "other"],
	["model", "other"],
	["permissions", "full"],
	["promptAddition", "First of all"],
	["prompt", "Something else"],
	["prompt", "Review it.\u{E0069}\u{E0067}"],
	["prompt", "Review it.\u200b"],
	["contextFiles", ["a.md"]],
	["after", ["before"]],
	["givenItems", ["All of it"]],
	["planText", "- [ ] All of it\n"],
	["deadlineMs", 60_000],
	["budgetUsd", 3],
	["attempts", 900],
	["unattended", true],
	["inactivityMs", 120_000],
	["questionWaitMs", 120_000],
	["verify", "npm test"],
	["setup", "npm ci"],
	["notBefore", 1],
	["priority", 7],
	["tags", { team: "platform" }],
];

test("whatever is different in what is signed is different in what is shown", () => {
	const before = specOf("a");
	const texts = OTHERWISE.map(([name, value]) => shown({ ...before, [name]: value }));
	expect(new Set([shown(before), ...texts]).size).toBe(OTHERWISE.length + 1);
});

test("so it is where another agent was chosen since: what was asked for is signed, too, and comes back by the next choice", () => {
	const before = specOf("a");
	const specs = [before, ...OTHERWISE.map(([name, value]) => ({ ...before, [name]: value }))];
	const otherwise: Partial<AgentChoice>[] = [
		...[{ backend: "fake" }, { model: null }, { permissions: null }, { promptAddition: null }],
		{ permissions: "full" },
	];
	const texts = [
		...specs.map((spec) => shown(spec, CHOSEN)),
		...otherwise.map((change) => shown(before, { ...CHOSEN, ...change })),
	];
	expect(new Set(texts).size).toBe(texts.length);
});

test("every field is among these, but for what names no more than this creation and its words", () => {
	const named = new Set<string>(OTHERWISE.map(([name]) => name));
	expect(
		Object.keys(specOf("a"))
			.filter((name) => !named.has(name))
			.sort(),
	).toEqual(["host", "modelReason", "nonce"]);
});

test("no sequence reaches the terminal, and what nobody would see is written out", () => {
	const text = shown(
		specOf("a", { prompt: "a\u001b]0;x\u0007b\u202ec\u{E0069}\u2800", createdBy: "ann\u200d@here" }),
	);
	expect(text).toContain("prompt: abc<U+E0069><U+2800>");
	expect(text).toContain("by ann<U+200D>@here");
	expect(text).not.toMatch(/[\u001b\u0007\u202e]/u);
});

test("no line of a prompt passes for another field", () => {
	const lines = shown(specOf("a", { prompt: "a\ncheck: true\n\rquestions: none" })).split("\n");
	expect(lines.filter((line) => /^(?:check|questions):/.test(line))).toEqual([
		expect.stringMatching(/^questions: are asked/),
	]);
});
